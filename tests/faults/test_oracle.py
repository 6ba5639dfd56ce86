"""The judge of `tests/faults`: each promise can be broken, and no more is excused than the rules allow.

Times are seconds after the start of a made-up run; one resource is created at 0, and its tokens live 30 s.
"""

from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.record import Outcome, Record
from tests.faults.audit import CREDENTIAL, credential_id, read_write
from tests.faults.excuse import TAKEOVER, WORKS, excuses
from tests.faults.memory import growth
from tests.faults.oracle import COLLECTED, LATE, gaps, judge
from tests.faults.record import History, Injection, Life, Reach, Sight, Write, overlap

PLACE = ("store", "shop")
LIFE = Life(PLACE, "uid", "shop", created=0.0, window=6.0, lead=8.0)


def sight(at: float, serial: int, expires: float, **changes: Any) -> Sight:
    """The resource's own Secret, with its own token."""
    return replace(Sight(at, "secret", LIFE.uid, serial, LIFE.client_id, expires), **changes)


def history(*sights: Sight, end: float = 60.0, **changes: Any) -> History:
    """A run of one resource."""
    return History(start=0.0, end=end, sights={PLACE: list(sights)}, **{"lives": [replace(LIFE)], **changes})


def good(**changes: Any) -> History:
    """A run without problems: two renewals in time."""
    sights = (sight(0.1, 1, 30), sight(25, 2, 55), sight(50, 3, 80))
    requests = tuple(request(at, serial) for at, serial in ((0, 1), (24.9, 2), (49.9, 3)))
    return history(*sights, **{"requests": requests, **changes})


def request(at: float, serial: int, outcome: Outcome = Outcome.MINTED, **changes: Any) -> Record:
    """A request for the resource."""
    return Record(at, outcome, 200, client_id=LIFE.client_id, serial=serial, **changes)


def failure(at: float) -> Record:
    """A request that met a fault."""
    return Record(at, Outcome.FAILED, 500, client_id=LIFE.client_id, fault="500")


def lease(at: float, process: int) -> Write:
    """A write of the Lease."""
    return Write(at, process, "leases", ("operator", "lease"), 200)


def broken(seen: History) -> list[str]:
    """The promises that are broken."""
    return [violation.promise for violation in judge(seen)]


def test_a_run_without_faults_keeps_all_promises() -> None:
    """It contains something to judge."""
    assert broken(good()) == []
    assert list(gaps(good(), LIFE)) == [(0.0, 0.1)]


def test_a_token_of_nobody_or_of_another_client_is_foreign() -> None:
    """Whoever wrote it."""
    assert broken(history(Sight(0.1, "secret", LIFE.uid), sight(0.2, 1, 90))) == ["own tokens"]
    assert broken(history(sight(0.1, 1, 90, client_id="other"))) == ["own tokens"]


def test_a_secret_without_a_live_owner_is_an_orphan() -> None:
    """It may stay as long as the garbage collector needs while the API server is up."""
    life = replace(LIFE, deleted=10.0)
    gone = {LIFE.uid: 10.0}
    end = 10 + COLLECTED + 1
    assert broken(history(sight(0.1, 1, 30), end=end, lives=[life], gone=gone)) == ["no orphans"]
    assert broken(history(sight(0.1, 1, 30), end=end - 2, lives=[life], gone=gone)) == []
    collected = (sight(0.1, 1, 30), Sight(15.0, ""))
    assert broken(history(*collected, end=end, lives=[life], gone=gone)) == []
    outage = Injection("away", Reach.API, 11.0, 20.0)
    assert broken(history(sight(0.1, 1, 30), end=end, lives=[life], gone=gone, injections=[outage])) == []
    assert "no orphans" in broken(history(sight(0.1, 1, 90, owner="nobody")))


def test_an_expired_token_may_stay_a_moment_and_no_longer() -> None:
    """The same holds for a missing token."""
    late = 30 + LATE
    assert broken(history(sight(0.1, 1, 30), sight(late - 0.1, 2, 90))) == []
    assert broken(history(sight(0.1, 1, 30), sight(late + 1, 2, 90))) == ["never expired"]
    assert broken(history(sight(0.1, 1, 90), Sight(20.0, ""), sight(21 + LATE, 1, 90, uid="new"))) == ["never expired"]
    assert broken(history(sight(LATE + 1, 1, 90))) == ["never expired"]
    assert broken(history(sight(0.1, 1, 30), end=late + 1)) == ["never expired"]


def test_the_same_expired_token_written_again_ends_no_gap() -> None:
    """Only a valid one ends it."""
    seen = history(sight(0.1, 1, 30), sight(31, 1, 30), sight(34, 1, 30), sight(36, 2, 90))
    assert list(gaps(seen, LIFE)) == [(0.0, 0.1), (30, 36)]


@pytest.mark.parametrize(
    ("reach", "until"),
    [
        # Without a new term, a leader waits twice as long as the outage was, at most 16 s.
        (Reach.API, 40 + 16),
        (Reach.LEADER, 28 + 16),
        (Reach.CREDENTIALS, 40),
        (Reach.NOTHING, 28),
    ],
)
def test_a_fault_excuses_by_what_it_takes_away(reach: Reach, until: float) -> None:
    """Until what is fixed works again."""
    seen = good(injections=[Injection("fault", reach, 28.0, 40.0)])
    assert max((end for _, end in excuses(seen, LIFE)), default=28.0) == until


def test_a_fault_of_others_excuses_nothing() -> None:
    """Neither does a fault that is over."""
    elsewhere = Injection("fault", Reach.ENDPOINT, 28.0, 50.0, frozenset({("store", "other")}))
    before = Injection("fault", Reach.ENDPOINT, 1.0, 5.0)
    seen = history(sight(0.1, 1, 30), sight(38, 2, 90), injections=[elsewhere, before])
    assert broken(seen) == ["never expired"]


@pytest.mark.parametrize(("led", "until"), [(35.0, 35 + WORKS), (28 + TAKEOVER - 1, 28 + TAKEOVER)])
def test_a_new_leader_is_excused_until_it_works(led: float, until: float) -> None:
    """For no longer than another process takes to become leader, whenever that was."""
    killed = Injection("killed", Reach.LEADER, 28.0, 58.0)
    seen = good(injections=[killed], writes=[lease(0, 0), lease(led, 1)])
    assert excuses(seen, LIFE) == [(28.0, until)]


def test_a_failed_request_excuses_the_wait_after_it() -> None:
    """The more failures in a row, the longer; the shortest wait is 5 s, and 3 s are for a missing response."""
    trouble = Injection("500", Reach.ENDPOINT, 20.0, 40.0)
    one = history(requests=(request(0, 1), failure(36)), injections=[trouble])
    assert excuses(one, LIFE) == [(20.0, 36 + 3 + 5)]
    five = history(requests=(request(0, 1), *(failure(at) for at in (25, 27, 30, 35, 39))), injections=[trouble])
    assert excuses(five, LIFE) == [(20.0, 39 + 3 + 32)]
    none = history(requests=(request(0, 1), request(41, 1)), injections=[trouble])
    assert excuses(none, LIFE) == [(20.0, 40.0)]


def test_a_pause_excuses_all_whose_endpoint_asked_for_it() -> None:
    """Whichever client was told last."""
    trouble = Injection("429", Reach.ENDPOINT, 20.0, 40.0, pause=7.0)
    assert excuses(history(injections=[trouble]), LIFE) == [(20.0, 47.0)]


def test_requests_that_reach_nobody_are_reckoned_by_the_time() -> None:
    """Waits double, so the last is about as long as all before it, at most a minute."""
    short = Injection("away", Reach.ENDPOINT, 20.0, 30.0, logged=False)
    assert excuses(good(injections=[short]), LIFE) == [(20.0, 30 + 22)]
    assert excuses(good(injections=[replace(short, end=70.0)]), LIFE) == [(20.0, 70 + 60)]


def test_a_refused_write_excuses_the_wait_after_it() -> None:
    """It is at most twice the time of those before it, plus five seconds."""
    denied = [Write(at, 0, "secrets", PLACE, 422) for at in (30.0, 32.0, 36.0)]
    seen = good(writes=denied, injections=[Injection("denied", Reach.WRITE, 20.0, 40.0)])
    assert excuses(seen, LIFE) == [(20.0, 36 + 2 * 6 + 5)]


def test_a_token_older_than_the_one_before_is_a_step_back() -> None:
    """In the same Secret; another Secret starts over."""
    assert broken(history(sight(0.1, 2, 90), sight(10, 1, 90))) == ["never backwards"]
    assert broken(history(sight(0.1, 2, 90), Sight(9.0, ""), sight(10, 1, 90, uid="new"))) == []


@pytest.mark.parametrize("resource", ["secrets", "integrationtokens"])
def test_a_write_by_a_process_that_does_not_lead_is_a_stale_leaders(resource: str) -> None:
    """Unless it was refused; events don't count."""
    led = [lease(0, 0), lease(20, 1)]
    stale = Write(21, 0, resource, PLACE, 200)
    assert broken(good(writes=[*led, stale])) == ["one leader"]
    assert broken(good(writes=[*led, replace(stale, code=409)])) == []
    assert broken(good(writes=[*led, replace(stale, process=1)])) == []
    assert broken(good(writes=[*led, replace(stale, resource="events")])) == []


def test_thirteen_requests_in_a_minute_are_one_too_many() -> None:
    """With the same process and credentials; the next process starts a new count."""
    trouble = [Injection("500", Reach.ENDPOINT, 0.0, 60.0)]
    requests = tuple(failure(at) for at in range(30, 43))
    assert broken(history(requests=requests, injections=trouble)) == ["twelve in a minute"]
    assert broken(history(requests=requests[1:], injections=trouble)) == []
    assert broken(history(requests=requests, injections=trouble, writes=[lease(0, 0), lease(35.5, 1)])) == []
    changed = Injection("changed", Reach.CREDENTIALS, 29.5, 31.0)
    assert broken(history(requests=requests, injections=[*trouble, changed])) == []


def test_a_request_before_the_window_was_not_needed() -> None:
    """A fail-over alone is no reason; changed credentials are."""
    early = request(10, 1, Outcome.REPEATED)
    assert broken(good(requests=(early,))) == ["few polls"]
    changed = Injection("changed", Reach.CREDENTIALS, 8.0, 9.0)
    assert broken(good(requests=(early,), injections=[changed])) == []
    assert broken(good(requests=(request(24, 1, Outcome.REPEATED),))) == []


def test_a_request_for_a_deleted_secret_may_be_seen_before_its_deletion() -> None:
    """By two watches on a busy machine; one sent long before was not needed."""
    early = request(10, 1, Outcome.REPEATED)
    for deleted, expected in ((10.5, []), (12.0, ["few polls"])):
        sights = (sight(0.1, 1, 90), Sight(deleted, ""), sight(deleted + 0.5, 1, 90, uid="new"))
        assert broken(history(*sights, requests=(early,))) == expected


def test_more_polls_of_a_token_than_the_rules_have_are_too_many() -> None:
    """Polls that met a fault are failures, and don't count as polls."""
    polls = tuple(request(24 + number / 10, 1, Outcome.REPEATED) for number in range(8))
    assert broken(good(requests=polls)) == ["few polls"]
    assert broken(good(requests=tuple(replace(poll, fault="truncated") for poll in polls))) == []


def test_memory_is_compared_by_quarters() -> None:
    """The first quarter, in which a process fills its caches, doesn't count."""
    assert growth([1, 2, 10, 10, 50, 60, 12, 12]) == (10, 12)


def test_overlapping_spans_count_once() -> None:
    """In any order, and only as far as they reach into the time."""
    assert overlap([(5, 9), (0, 6), (7, 8), (20, 30)], 2, 25) == 12


def test_a_process_is_known_by_its_credential() -> None:
    """The audit log has the token's ID; reads and other users' writes are ignored."""
    token = "e30.eyJqdGkiOiAib25lIn0.x"  # {} and {"jti": "one"}
    assert credential_id(token) == "JTI=one"
    event = {
        "verb": "update",
        "user": {"extra": {CREDENTIAL: ["JTI=one"]}},
        "objectRef": {"resource": "secrets", "namespace": "store", "name": "shop"},
        "responseStatus": {"code": 409},
        "stageTimestamp": "1970-01-01T00:00:07.500000Z",
    }
    assert read_write(event, {"JTI=one": 3}) == Write(7.5, 3, "secrets", PLACE, 409)
    assert read_write(event, {"JTI=two": 3}) is None
    assert read_write({**event, "verb": "get"}, {"JTI=one": 3}) is None
    assert read_write({**event, "user": {}}, {"JTI=one": 3}) is None

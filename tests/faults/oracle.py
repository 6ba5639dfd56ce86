"""The operator's promises, checked against what was observed: each function returns one promise's violations."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

from tests.fakes.record import Outcome, Record
from tests.faults.excuse import excuses
from tests.faults.record import History, Life, Reach, Sight, Violation, overlap
from tests.simulation.chronicle import burst
from tests.simulation.oracle import MAX_IN_A_MINUTE, polls_after_expiry, polls_until_expiry

LATE: Final = 5.0
"""Seconds beyond all excuses without a valid token: for a request, two writes, and a busy machine."""
COLLECTED: Final = 30.0
"""Seconds with a reachable API server within which the garbage collector deletes orphans."""
SEEN: Final = 1.0
"""Seconds until a watch has reported a write, on a busy machine."""
REPAIRED: Final = 30.0
"""Seconds after a change of credentials in which a request is due to it."""
ROUNDED: Final = 1.5
"""Seconds by which the operator's expiry may precede the true one: `expires_in` is in whole seconds."""


def only_own_tokens(history: History) -> Iterator[Violation]:
    """Each token in a target Secret was issued by the endpoint, for that resource's own client."""
    clients = {life.uid: life.client_id for life in history.lives}
    for place, sights in history.sights.items():
        for sight in sights:
            if not sight.uid or sight.owner not in clients:
                continue  # gone, or without an owner: another promise
            if sight.serial is None:
                yield Violation("own tokens", f"{_name(place)} held a token that was never issued")
            elif sight.client_id != clients[sight.owner]:
                yield Violation("own tokens", f"{_name(place)} held token {sight.serial} of {sight.client_id}")


def no_orphans(history: History) -> Iterator[Violation]:
    """A target Secret goes after its owner, as soon as the garbage collector can."""
    outages = [(each.start, each.end) for each in history.injections if each.reach is Reach.API]
    known = {life.uid for life in history.lives}
    for place, sights in history.sights.items():
        ends = [sight.at for sight in sights[1:]] + [history.end]
        for sight, end in zip(sights, ends, strict=False):
            if not sight.uid:
                continue
            if sight.owner not in known:
                yield Violation("no orphans", f"{_name(place)} had an owner that never was")
                continue
            since = max(sight.at, history.gone.get(sight.owner, end))
            if since < end:
                alone = end - since - overlap(outages, since, end)
                if alone > COLLECTED:
                    yield Violation("no orphans", f"{_name(place)} outlived its owner by {alone:.1f} s")


def gaps(history: History, life: Life) -> Iterator[tuple[float, float]]:
    """The times in which a resource's Secret held no valid token."""
    end = min(life.deleted, history.end)
    held = [Sight(life.created, ""), *history.held(life)]
    ends = [sight.at for sight in held[1:]] + [end]
    start: float | None = None
    for sight, until in zip(held, ends, strict=True):
        valid = sight.expires if sight.serial is not None else 0.0
        if start is not None and valid > sight.at:
            yield start, sight.at
            start = None
        if start is None and valid < until:
            start = max(sight.at, valid)
    if start is not None and start < end:
        yield start, end


def never_expired(history: History) -> Iterator[Violation]:
    """No resource is without a valid token for longer than its excuses, and `LATE` beyond them."""
    for life in history.lives:
        excused = excuses(history, life)
        for start, end in gaps(history, life):
            beyond = end - start - overlap(excused, start, end)
            if beyond > LATE:
                what = f"no valid token from {start - history.start:.1f} s to {end - history.start:.1f} s of the run"
                yield Violation("never expired", f"{_name(life.place)} had {what}: {beyond:.1f} s beyond all excuses")


def never_backwards(history: History) -> Iterator[Violation]:
    """A Secret's tokens appear in the order in which they were issued."""
    for place, sights in history.sights.items():
        for old, new in pairwise(sights):
            if old.uid and old.uid == new.uid and (new.serial or 0) < (old.serial or 0):
                yield Violation("never backwards", f"{_name(place)}: token {new.serial} after {old.serial}")


def one_leader(history: History) -> Iterator[Violation]:
    """Only the process that wrote the Lease last changes anything: a stale leader's writes fail, or are never made."""
    leader: int | None = None
    for write in history.writes:
        if not write.succeeded:
            continue
        if write.resource == "leases":
            leader = write.process
        elif write.resource in {"secrets", "integrationtokens"} and write.process != leader:
            at = write.at - history.start
            what = f"process {write.process} wrote {write.resource} {_name(write.place)} at {at:.1f} s"
            yield Violation("one leader", f"{what}, while {leader} led")


def _changed(history: History, life: Life, after: float) -> list[tuple[float, float]]:
    """When the resource's credentials were wrong, and for this many seconds afterwards."""
    return [
        (each.start, each.end + after)
        for each in history.injections
        if each.reach is Reach.CREDENTIALS and each.strikes(life.place)
    ]


def twelve_in_a_minute(history: History) -> Iterator[Violation]:
    """A grant gets at most twelve requests in any minute.

    A new leader doesn't know what the previous one requested, so each term has its own twelve; with other credentials
    it is another grant.
    """
    terms = [term.at for term in history.terms]
    for life in history.lives:
        changed = _changed(history, life, SEEN)
        grants: dict[tuple[int, int | None], list[float]] = {}
        for record in history.requests_of(life):
            at = record.received
            change = next((number for number, (start, end) in enumerate(changed) if start <= at < end), None)
            grants.setdefault((bisect_right(terms, at), change), []).append(at)
        for times in grants.values():
            most = burst(times)
            if most > MAX_IN_A_MINUTE:
                span = f"{times[0] - history.start:.0f} s to {times[-1] - history.start:.0f} s of the run"
                yield Violation(
                    "twelve in a minute", f"{_name(life.place)} was asked for {most} times in a minute from {span}"
                )


def few_polls(history: History) -> Iterator[Violation]:
    """While there is a valid token, no request comes before the window, even by a new leader.

    Within it there are no more polls than rule 3 allows. Failed requests are not polls.
    """
    for life in history.lives:
        held = history.held(life)
        requests = history.requests_of(life)
        changed = _changed(history, life, REPAIRED)
        known = 0
        # The operator may notice a deleted Secret before we do, and have sent a request by then.
        ends = [each.at if each.uid else each.at - SEEN for each in held[1:]] + [history.end]
        for sight, until in zip(held, ends, strict=False):
            if sight.serial is None:
                continue
            asked = [each for each in requests if sight.at + SEEN <= each.received < until]
            early = [each for each in asked if sight.expires - each.received > life.window + ROUNDED]
            for each in early:
                if not any(start <= each.received <= end for start, end in changed):
                    left = sight.expires - each.received
                    when = f"{each.received - history.start:.1f} s of the run, {each.received - sight.at:.1f} s after"
                    what = (
                        f"asked for with {left:.1f} s left of a window of {life.window:.1f} s, at {when} token"
                        f" {sight.serial} was written, and answered {each.outcome} {each.serial} {each.fault}"
                    )
                    yield Violation("few polls", f"{_name(life.place)} was {what}")
            if sight.serial == known:
                continue  # written again: its polls have been counted
            known = sight.serial
            polls = [each for each in requests if each.received >= sight.at + SEEN and _polled(each, known)]
            most = polls_until_expiry(life.window) + polls_after_expiry(max(0.0, -life.lead) + 1) + 1
            if len(polls) > most:
                yield Violation("few polls", f"{_name(life.place)}: {len(polls)} of token {known}, {most} at most")


def _polled(record: Record, serial: int) -> bool:
    return record.outcome is Outcome.REPEATED and not record.fault and record.serial == serial


PROMISES: Final[tuple[Callable[[History], Iterator[Violation]], ...]] = (
    only_own_tokens,
    no_orphans,
    never_expired,
    never_backwards,
    one_leader,
    twelve_in_a_minute,
    few_polls,
)


def judge(history: History) -> list[Violation]:
    """All violations, promise by promise."""
    return [violation for promise in PROMISES for violation in promise(history)]


def excused_share(history: History) -> float:
    """The share of all resources' time that was excused; `never_expired` judged the rest."""
    total = excused = 0.0
    for life in history.lives:
        start, end = life.created, min(life.deleted, history.end)
        total += end - start
        excused += overlap(excuses(history, life), start, end)
    return excused / total if total else 0.0


def _name(place: tuple[str, str]) -> str:
    return "/".join(place)

"""The bench's arithmetic: which write counts for which request, a process's usage, and missed limits."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.bench.audit import AuditTail, Write, writes
from tests.bench.count import Counts, count
from tests.bench.manifest import names
from tests.bench.renewal import RENEWALS, RESOURCES, enough
from tests.bench.row import Judge, Row, table
from tests.bench.usage import TICKS, program_seconds, read_name, read_peak, read_stat
from tests.fakes.record import Outcome, Record

USER = "system:serviceaccount:somewhere:operator"


def event(verb: str, resource: str, name: str, second: int = 0, *, user: str = USER, code: int = 200) -> dict[str, Any]:
    """An audit event as the API server logs it."""
    return {
        "verb": verb,
        "user": {"username": user},
        "objectRef": {"resource": resource, "name": name},
        "responseStatus": {"code": code},
        "stageTimestamp": f"1970-01-01T00:00:{second:02}.500000Z",
    }


def write(resource: str, name: str, time: float) -> Write:
    """A write that succeeded."""
    return Write(time, "update", resource, "", name, 200)


def request(client: str, received: float, outcome: Outcome = Outcome.MINTED) -> Record:
    """A request that the endpoint answered with a token."""
    return Record(received, outcome, 200, client_id=client)


def test_writes_are_distinguished_from_reads() -> None:
    """A refused write counts too: it has cost the API server work."""
    found = writes(
        [
            event("get", "secrets", "a"),
            event("list", "secrets", ""),
            event("watch", "secrets", ""),
            event("create", "secrets", "a-token", 7),
            event("patch", "integrationtokens", "a", code=409),
        ]
    )
    assert [(each.verb, each.name, each.time, each.succeeded) for each in found] == [
        ("create", "a-token", 7.5, True),
        ("patch", "a", 0.5, False),
    ]


def test_events_and_leases_do_not_count_for_the_budget() -> None:
    """Every other change counts."""
    counted = {
        kind: write(kind, "a", 0).counted for kind in ("events", "leases", "secrets", "pods", "integrationtokens")
    }
    assert counted == {"events": False, "leases": False, "secrets": True, "pods": True, "integrationtokens": True}


def test_the_tail_brings_what_its_user_did_since_the_last_look(tmp_path: Path) -> None:
    """A partial line is read once it is complete."""
    log = tmp_path / "audit.log"
    old, first, second, other = (
        (json.dumps(each, separators=(",", ":")) + "\n").encode()
        for each in (
            event("create", "secrets", "old"),
            event("create", "secrets", "first"),
            event("create", "secrets", "second"),
            event("create", "secrets", "other", user=f"{USER}-of-another"),
        )
    )
    log.write_bytes(old)
    tail = AuditTail(log, USER)
    assert tail.read() == []
    log.write_bytes(old + first + other + second[:40])
    assert [each.name for each in tail.read()] == ["first"]
    log.write_bytes(old + first + other + second)
    assert [each.name for each in tail.read()] == ["second"]
    assert tail.requests == 2


def test_the_tail_is_quiet_though_a_lease_is_renewed(tmp_path: Path) -> None:
    """Lease renewals, which never stop, don't count for the end; as writes they are still returned."""
    log = tmp_path / "audit.log"
    log.touch()
    tail = AuditTail(log, USER)
    log.write_text(json.dumps(event("update", "leases", "operator"), separators=(",", ":")) + "\n")
    assert [each.resource for each in tail.read()] == ["leases"]
    assert tail.requests == 0


def test_a_write_counts_for_the_request_before_it() -> None:
    """By resource: an issue, an unsuccessful poll and a renewal, with another resource's writes in between."""
    records = [request("a", 10), request("a", 20, Outcome.REPEATED), request("a", 30), request("b", 11)]
    found = count(
        records,
        [
            write("secrets", "a-token", 10.1),
            write("integrationtokens", "a", 10.2),
            write("secrets", "b-token", 20.5),
            write("secrets", "a-token", 30.1),
            write("integrationtokens", "a", 30.2),
            write("integrationtokens", "a", 39.0),
        ],
    )
    assert found == Counts(issues=[2, 1], renewals=[3], polls=[0])


def test_a_write_for_a_poll_in_vain_is_found() -> None:
    """Even if it is only a status."""
    records = [request("a", 10), request("a", 20, Outcome.REPEATED)]
    assert count(records, [write("integrationtokens", "a", 20.1)]).polls == [1]


def test_a_write_before_the_first_request_counts_for_the_issue() -> None:
    """A status that only reports that a resource waits is one write too many."""
    written = [write("integrationtokens", "a", 9), write("secrets", "a-token", 11)]
    assert count([request("a", 10)], written).issues == [2]


def test_events_and_other_objects_count_for_no_request() -> None:
    """An endpoint's status, for example, belongs to no issue."""
    written = [write("events", "a", 11), write("clustertokenendpoints", "bench", 11)]
    assert count([request("a", 10)], written).issues == [0]


def test_a_rejected_request_is_neither_issue_nor_poll() -> None:
    """Its writes belong to a failure, which the budget doesn't cover."""
    rejected = request("a", 10, Outcome.REJECTED)
    found = count([rejected, replace(rejected, received=20, outcome=Outcome.FAILED)], [write("x", "a", 11)])
    assert found == Counts()


def test_enough_was_seen_when_every_resource_was_polled_in_vain_and_renewed() -> None:
    """A resource that never got the same token says nothing about polls."""
    minted = [request(name, at) for name in names("renewal", RESOURCES) for at in range(RENEWALS + 1)]
    polled = [request(name, 9, Outcome.REPEATED) for name in names("renewal", RESOURCES)]
    assert enough((*minted, *polled))
    assert not enough((*minted, *polled[1:]))
    assert not enough((*minted[1:], *polled))


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (Row("at the limit", (2,), 2), True),
        (Row("above the limit", (2.001,), 2), False),
        (Row("nothing where nothing is allowed", (0,), 0), True),
        (Row("the worst of several counts", (0, 0, 1), 0), False),
        (Row("the median of several counts", (1, 9, 2), 2, judge=Judge.MEDIAN), True),
    ],
    ids=lambda value: value.what if isinstance(value, Row) else "",
)
def test_a_limit_is_kept_up_to_its_own_value(row: Row, met: bool) -> None:
    """See the cases' names."""
    assert row.met is met
    assert row.cells()[3] == ("ok" if met else "MISSED")


def test_a_row_shows_what_was_measured_with_its_limit() -> None:
    """In columns: one measurement alone, equal ones with their number, others with median and maximum."""
    assert table(
        [
            Row("time", (14.96,), 15, "s"),
            Row("writes", (2, 2, 2), 2),
            Row("repair", (0.0123, 1.5, 0.25), 1, "s"),
        ]
    ).splitlines() == [
        "what    measured                           limit  verdict",
        "time    14.96 s                            15 s   ok",
        "writes  2 (each of 3)                      2      ok",
        "repair  median 0.250 s, max 1.50 s (of 3)  1 s    MISSED",
    ]


def test_cpu_time_is_read_past_a_name_with_parentheses() -> None:
    """User and kernel mode together, in seconds."""
    fields = "S 41 7 7 0 -1 0 0 0 0 0 {} {} 0 0 20 0 5"
    assert read_stat(f"42 (a) name (b) {fields.format(3 * TICKS, TICKS)}") == (41, 4.0)
    assert read_name("42 (a) name (b) S 41") == "a) name (b"


def test_the_cpu_time_of_a_program_is_found_by_its_name_among_those_that_the_bench_started() -> None:
    """This process is one of them; an unknown name has used nothing."""
    name = read_name(Path("/proc/self/stat").read_text())
    assert program_seconds(name) > 0
    assert program_seconds("no such program") == 0


def test_peak_memory_is_read_in_mebibytes() -> None:
    """A process that has ended has none."""
    assert read_peak("Name:\tx\nVmPeak:\t  999999 kB\nVmHWM:\t   92160 kB\nVmRSS:\t 1 kB\n") == 90.0
    with pytest.raises(ValueError, match="ended"):
        read_peak("Name:\tx\nState:\tZ (zombie)\n")


def test_a_row_as_json_has_what_was_judged() -> None:
    """Including the verdict, so that nobody has to know which of the measurements counts."""
    assert Row("repair", (0.25, 1.5), 1, "s").document() == {
        "what": "repair",
        "measured": (0.25, 1.5),
        "limit": 1,
        "unit": "s",
        "judged": 1.5,
        "met": False,
    }

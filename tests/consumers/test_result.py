"""How a program is judged by what the API saw of it."""

from dataclasses import replace

import pytest

from tests.consumers.pace import KUBELET, QUICK
from tests.consumers.result import GRACE, ROLLOVERS, Exchange, Result, longest_old, rejections, table, used
from tests.fakes.call import Call, Verdict

EXCHANGES = [Exchange(10, serial=2), Exchange(20, serial=4)]
FINE = Result("curl", "8", QUICK, 0, calls=99, rejected=0, renewals=ROLLOVERS, old=0, used=True)


def call(received: float, serial: int, verdict: Verdict = Verdict.ACCEPTED) -> Call:
    """One call."""
    return Call(received, "curl", verdict, serial, 100)


def test_old_token_is_timed_from_the_exchange_that_replaced_it() -> None:
    """The longest of all exchanges counts; calls before one, and those with its token or a later one, don't."""
    calls = [call(9, 1), call(10.5, 1), call(12, 2), call(19.9, 2), call(22, 2), call(23, 4)]
    assert longest_old(calls, EXCHANGES) == 2
    assert longest_old([call(9, 1), call(11, 2), call(21, 4)], EXCHANGES) == 0


def test_use_is_seen_by_an_accepted_call() -> None:
    """With the last token, or a later one."""
    assert not used([call(21, 2)], EXCHANGES)
    assert not used([call(21, 4, Verdict.EXPIRED)], EXCHANGES)
    assert used([call(31, 6)], EXCHANGES)
    assert rejections([call(21, 4, Verdict.EXPIRED), Call(22, "curl", Verdict.MISSING), call(23, 4)]) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        replace(FINE, calls=0),
        replace(FINE, rejected=1),
        replace(FINE, renewals=ROLLOVERS - 1),
        replace(FINE, used=False),
        replace(FINE, old=GRACE + 1),
    ],
)
def test_fault(wrong: Result) -> None:
    """Each broken promise is reported, and nothing else."""
    assert not FINE.faults()
    assert len(wrong.faults()) == 1


def test_rejection_is_no_fault_if_the_lead_does_not_cover_the_program() -> None:
    """If a program caches a token for longer than the lead, its 401s are not a fault."""
    slow = QUICK.lead - KUBELET + 1
    assert not replace(FINE, rejected=3, delay=slow).faults()


def test_table() -> None:
    """A row for each program."""
    assert table([replace(FINE, calls=1234, old=0.123)]).splitlines()[-1] == (
        "| curl | 8 | 10 s | 3 | 1,234 | 0 | 0.12 s |"
    )

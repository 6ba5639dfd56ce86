"""The demo's verdict: what it counts from the fakes' logs, and when it reports a broken promise."""

from dataclasses import replace

from tests.demo.case import CASES, policy
from tests.demo.summary import faults, figures, line
from tests.fakes.call import Call, Switch, Verdict
from tests.fakes.issuer import Grant
from tests.fakes.record import Outcome, Record

EARLY, LATE = CASES


def calls_in_time() -> list[Call]:
    """A call every 0.1 s; each token lives 20 s and is replaced after 16 s."""
    serials = [(tick / 10, tick // 160) for tick in range(800)]
    return [Call(now, EARLY.name, Verdict.ACCEPTED, serial, serial * 16.0 + 20.0) for now, serial in serials]


def test_tokens_renewed_in_time_are_as_promised() -> None:
    """No call was rejected, so there was no second with an expired token."""
    figure = figures(calls_in_time(), [Record(0, Outcome.MINTED, 200, client_id=EARLY.name)])[0]
    assert (figure.calls, figure.rejected, figure.expired_seconds, figure.requests) == (800, 0, 0, 1)
    assert figure.renewals == 4
    assert faults([figure]) == []


def test_one_rejected_call_breaks_the_promise_if_the_lead_was_enough() -> None:
    """An unknown token is as bad as an expired one."""
    calls = calls_in_time()
    for verdict in (Verdict.UNKNOWN, Verdict.MISSING, Verdict.EXPIRED):
        spoiled = [*calls[:300], replace(calls[300], verdict=verdict), *calls[301:]]
        assert faults(figures(spoiled, [])[:1])


def test_a_gap_of_a_second_is_allowed_without_a_lead_and_a_longer_one_is_not() -> None:
    """In the API's log, from expiry to the first accepted call."""
    good = Call(0, LATE.name, Verdict.ACCEPTED, 1, 20.0)
    late = replace(good, received=20.1, verdict=Verdict.EXPIRED)
    others = [replace(good, received=41.0 + each, serial=3 + each, expires=90.0) for each in range(2)]
    for end, allowed in ((21.0, True), (21.1, False)):
        renewed = replace(good, received=end, serial=2, expires=40.0)
        figure = figures([good, late, renewed, *others], [])[1]
        assert figure.renewals == 3
        assert (faults([figure]) == []) is allowed


def test_too_few_rollovers_prove_nothing() -> None:
    """A demo in which nothing happened fails."""
    assert len(faults(figures([], []))) == len(CASES)


def test_each_client_has_the_lifetime_and_the_lead_of_its_name() -> None:
    """One endpoint serves both."""
    assert [(policy(Grant(case.name)).lifetime, policy(Grant(case.name)).lead) for case in CASES] == [(20, 8), (20, 0)]


def test_a_renewal_is_reported_with_its_time_its_margin_and_the_requests_so_far() -> None:
    """Later requests don't count, nor those of other clients."""
    records = [Record(at, Outcome.MINTED, 200, client_id=LATE.name) for at in (100, 119, 121)]
    said = line(Switch(LATE.name, 120.0, -0.25, 2), 100.0, records)
    assert "20.0 s  lifetime-20s-lead-0s" in said
    assert "0.25 s after the old one's expiry, 2 token requests so far" in said

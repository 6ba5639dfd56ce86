"""What takes a minute, and was started by earlier tests."""

import pytest

from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Operator
from tests.apiserver.rollover import LEADS, LIFETIME, LIFETIMES, gaps, requests_by_lifetime, simulated
from tests.apiserver.stage import Token
from tests.apiserver.test_budget import most_in_a_minute
from tests.fakes.record import Record

MINUTE = 70.0

COARSE = 5.0
"""Minimum seconds between two polls before expiry: shorter leads can't be reliably distinguished from none."""

LATE = 2.0
"""Seconds from expiry to the next token if the endpoint has none earlier: 0.5 and a request, on a busy machine."""


def test_resources_that_waited_for_the_rate_limit_get_a_token(crowd: list[Token]) -> None:
    """After a minute the others come, and never more than 5 requests were sent within 60 s."""
    for token in crowd:
        token.until_ready(MINUTE)

    assert len(crowd) == 8
    assert [len(token.requests()) for token in crowd] == [1] * 8
    assert most_in_a_minute(record for token in crowd for record in token.requests()) == 5
    assert all(token.events() == ["Issued"] for token in crowd), "waiting is no event"


def test_grant_is_asked_for_12_times_a_minute_at_most(restless: Token, operator: Operator) -> None:
    """A token of 4 s would need 15 or more requests a minute: the limit wins, and an event says so."""

    def since_start() -> list[Record]:
        return [record for record in restless.requests() if record.received > operator.started]

    restless.until(lambda: len(since_start()) >= 13, "more requests than a minute has room for", MINUTE)
    assert most_in_a_minute(since_start()) == 12
    assert restless.until_event("TooManyRequests")


def test_learned_lead_outlives_a_restart(learner: Token) -> None:
    """What the first lifetime taught with 3 requests saves requests after a restart.

    One is left, or two if an earlier rollover is probed.
    """
    learner.until(lambda: len(learner.minted()) > 3, "three lifetimes", MINUTE)

    first, *later = requests_by_lifetime(learner.requests())
    assert first == 3
    assert max(later) <= 2
    assert learner.status()["rolloverLeadSeconds"] <= 5


@pytest.mark.parametrize("lead", LEADS)
def test_requests_of_each_lifetime_are_those_in_virtual_time(rollovers: dict[float, Token], lead: float) -> None:
    """For each lifetime of 30 s the endpoint's log has as many requests as the simulation, give or take one."""
    token = rollovers[lead]
    token.until(lambda: len(token.minted()) > LIFETIMES, f"{LIFETIMES} lifetimes", LIFETIME * (LIFETIMES + 1))

    counted, expected = requests_by_lifetime(token.requests())[:LIFETIMES], simulated(lead)
    assert all(least - 1 <= count <= most + 1 for count, (least, most) in zip(counted, expected, strict=True)), (
        f"{counted} requests; in virtual time {expected}"
    )


@pytest.mark.parametrize("lead", LEADS)
def test_next_token_comes_before_the_old_one_expires_if_it_can(rollovers: dict[float, Token], lead: float) -> None:
    """With a lead of 12 s no token expires before the next one is there; with none that follows right after.

    Expiry is known to within a second or two, since `expires_in` is in whole ones and requests take time: with a lead
    of 3 s the next token may seem to come at expiry.
    """
    late = gaps(rollovers[lead].requests())
    assert len(late) >= LIFETIMES
    assert max(late) < (0.0 if lead > COARSE else LATE)


@pytest.mark.parametrize("lead", LEADS)
def test_rollover_that_is_always_late_is_reported_once(rollovers: dict[float, Token], lead: float) -> None:
    """RolloverTooLate is True from the first renewal on, with one event.

    The status gives no more than the lead, and at least half of it if expiry is known well enough.
    """
    token = rollovers[lead]
    assert token.condition("RolloverTooLate")["status"] == "True"
    assert (lead / 2 if lead > COARSE else 0) - 2 <= token.status()["rolloverLeadSeconds"] <= lead
    assert len(token.until_event("RolloverTooLate")) == 1


def test_stated_lead_spares_requests_from_the_first_renewal_on(stated: Token) -> None:
    """With a lead of 5 s the first renewal would take 3 requests; with the lead stated, it takes one.

    It takes two if an earlier rollover is probed.
    """
    stated.until(lambda: len(stated.minted()) > LIFETIMES, f"{LIFETIMES} lifetimes", LIFETIME * (LIFETIMES + 1))

    counted = requests_by_lifetime(stated.requests())
    assert counted[0] <= 2
    # As in the other tests, one more request per lifetime is accepted, because the machine may pause.
    assert max(counted) <= 3
    assert sum(counted) <= 2 * len(counted)


def test_no_grant_of_this_session_was_asked_for_more_often(ledger: Ledger, restless: Token) -> None:
    """No client sent more than 12 token requests within 60 s in any test, errors included."""
    counts = {}
    for endpoint in ledger.endpoints:
        # The restless one lost its count at each restart.
        for client_id in {record.client_id for record in endpoint.log} - {restless.client_id}:
            counts[client_id] = most_in_a_minute(r for r in endpoint.log if r.client_id == client_id)

    assert {client_id: count for client_id, count in counts.items() if count > 12} == {}

"""The fake token cache behaves like the servers that it stands for."""

import base64
import json

import pytest

from tests.fakes.api import EnvironmentAPI
from tests.fakes.call import Call, Verdict, gaps, switches
from tests.fakes.issuer import Grant, Issuer, Policy

GRANT = Grant("shop", "https://api.example")


def test_the_same_token_is_answered_until_its_rollover_with_less_and_less_time() -> None:
    """A lifetime of 100 s with a lead of 40 s rolls over 60 s after the token was minted."""
    issuer = Issuer(Policy(lifetime=100, lead=40))
    answers = [issuer.answer(GRANT, now) for now in (0, 0.5, 59.9, 60, 99)]
    assert [(each.token.serial, each.expires_in, each.minted) for each in answers] == [
        (1, 100, True),
        (1, 99, False),
        (1, 40, False),
        (2, 100, True),
        (2, 61, False),
    ]


def test_a_lead_may_be_another_for_each_token() -> None:
    """The second token has its own."""
    issuer = Issuer(Policy(lifetime=100, leads=lambda number: 40.0 if number == 1 else 10.0))
    assert [issuer.answer(GRANT, now).token.serial for now in (0, 59, 60, 149, 150)] == [1, 1, 2, 2, 3]


def test_an_eager_cache_rolls_over_by_itself() -> None:
    """A late request gets a token that has lived since the rollover."""
    issuer = Issuer(Policy(lifetime=100, lead=40, eager=True))
    answers = [issuer.answer(GRANT, now) for now in (0, 80, 230)]
    assert [(each.token.serial, each.expires_in) for each in answers] == [(1, 100), (2, 80), (4, 50)]


@pytest.mark.parametrize(("lead", "rollover"), [(0.0, 100.0), (-3.0, 103.0)])
def test_without_a_lead_the_old_token_is_answered_until_it_has_expired(lead: float, rollover: float) -> None:
    """A lead of zero or less allows no renewal before expiry."""
    issuer = Issuer(Policy(lifetime=100, lead=lead))
    answers = [issuer.answer(GRANT, now) for now in (0, rollover - 0.01, rollover)]
    assert [(each.token.serial, each.expires_in) for each in answers] == [(1, 100), (1, 0), (2, 100)]


def test_another_grant_has_another_token() -> None:
    """Client, audience, scopes and parameters each distinguish grants."""
    issuer = Issuer()
    grants = [
        GRANT,
        Grant("shop", "https://other.example"),
        Grant("shop", GRANT.audience, ("read",)),
        Grant("shop", GRANT.audience, (), (("organization", "1"),)),
        Grant("other", GRANT.audience),
    ]
    assert [issuer.answer(grant, 0).token.serial for grant in grants] == [1, 2, 3, 4, 5]


def test_an_uncached_endpoint_mints_a_token_for_every_request() -> None:
    """Each has its whole lifetime left."""
    issuer = Issuer(Policy(lifetime=100, cached=False))
    assert [(each.token.serial, each.expires_in) for each in (issuer.answer(GRANT, now) for now in (0, 7))] == [
        (1, 100),
        (2, 100),
    ]


def test_alternating_caches_answer_new_and_old_in_turn_until_the_old_has_expired() -> None:
    """From the rollover at 60 s to the expiry at 100 s."""
    issuer = Issuer(Policy(lifetime=100, lead=40, alternating=True))
    assert [issuer.answer(GRANT, now).token.serial for now in (0, 59, 60, 61, 62, 63, 100, 101)] == [
        1,
        1,
        2,
        1,
        2,
        1,
        2,
        2,
    ]


def test_a_frozen_cache_replays_its_first_number() -> None:
    """Even though the token has less time left."""
    issuer = Issuer(Policy(lifetime=100, lead=40, frozen=True))
    assert [issuer.answer(GRANT, now).expires_in for now in (0, 30, 59)] == [100, 100, 100]


def test_policies_are_chosen_by_grant_and_a_rollover_can_be_had_at_once() -> None:
    """One endpoint serves several lifetimes."""
    issuer = Issuer(lambda grant: Policy(lifetime=10 if grant.client_id == "short" else 100))
    assert [issuer.answer(Grant(name), 0).expires_in for name in ("short", "long")] == [10, 100]
    issuer = Issuer()
    issuer.answer(GRANT, 0)
    issuer.roll_over("other")
    assert issuer.answer(GRANT, 1).token.serial == 1
    issuer.roll_over("shop")
    assert [issuer.answer(GRANT, now).token.serial for now in (2, 3)] == [2, 2]


def test_a_jwt_states_its_expiry_by_the_skewed_clock_of_its_server() -> None:
    """A server an hour ahead signs an `exp` an hour ahead."""
    token = Issuer(Policy(lifetime=100, jwt=True), skew=3600).answer(GRANT, 1000.7).token
    payload = token.value.split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(payload + "=="))["exp"] == 1000 + 3600 + 100
    assert token.expires == 1100


def test_a_gap_is_from_expiry_to_the_first_accepted_call() -> None:
    """However late the first refused call came."""
    calls = [
        Call(9.9, "shop", Verdict.ACCEPTED, 1, expires=10),
        Call(10.1, "shop", Verdict.EXPIRED, 1, expires=10),
        Call(10.2, "shop", Verdict.EXPIRED, 1, expires=10),
        Call(10.4, "shop", Verdict.ACCEPTED, 2, expires=20),
        Call(18, "shop", Verdict.ACCEPTED, 3, expires=30),
    ]
    assert [(gap.start, gap.end) for gap in gaps(calls)] == [(10, 10.4)]
    assert [(switch.serial, round(switch.left, 3)) for switch in switches(calls)] == [(2, -0.4), (3, 2)]


def test_a_revoked_token_is_refused_and_another_one_answered() -> None:
    """As when an early request revokes the token in use."""
    issuer = Issuer()
    revoked = issuer.answer(GRANT, 0).token
    issuer.revoke("shop", now=5)
    assert EnvironmentAPI(issuer).check("store", f"Bearer {revoked.value}", 6).expired_for == 1
    assert issuer.answer(GRANT, 6).minted

"""What a pass decides from its observations: each row of the table is a case, and its sentence gives the reason."""

from dataclasses import replace
from typing import Any

import pytest
from integration_token.api.condition import Reason
from integration_token.api.integration import parse_integration
from integration_token.api.token import GrantIdentity, StoredToken, Token
from integration_token.clock import Instant
from integration_token.controller.decision import (
    Adopt,
    Ask,
    Cause,
    Copy,
    Decision,
    Fail,
    Join,
    Keep,
    Limit,
    Read,
    Rehearse,
    Wait,
    decide,
    why_ask,
)
from integration_token.controller.observation import GrantView, Observation
from integration_token.controller.target import Target
from integration_token.errors import Transient
from integration_token.renewal.plan import TokenPlan
from integration_token.state.failure import NOTHING, FailureState, Revisions
from integration_token.state.resource import Remembered

NOW = Instant(1500.0, 500.0)
IDENTITY = GrantIdentity("endpoint", "hash", "credentials/7")
STORED = StoredToken(Token("held", issued=1000, expires=2000, assumed=False, scope=()), IDENTITY)
REVISIONS = Revisions(1, "", "endpoint", 1, "credentials/7")
OLDER = REVISIONS._replace(credentials_revision="credentials/6")
SPEC = {"endpointRef": {"name": "login"}, "credentialsSecretRef": {"name": "shop"}}
DOWN = Transient(Reason.ENDPOINT_UNREACHABLE, "no answer")
MISSING = Transient(Reason.CREDENTIALS_NOT_FOUND, "there is none")
FREE = GrantView(NOTHING, paused=False, wish_wait=0.0, rate_wait=0.0, asking=False, held=False)
"""A grant that holds back no request."""
REFUSED = FailureState(DOWN, 1, NOW.after(60.0))
"""Its last request failed, and the next one is a minute away."""


def observed(*, grant: GrantView | None = None, suspend: bool = False, wish: str = "", **fields: Any) -> Observation:
    """A resource with a valid token before its next poll, whose sharers are known, except for the given fields.

    :param fields: of the observation, of its plan, or of what the last pass left.
    """
    annotations = {"integrationtoken.dev/renew-requested-at": wish} if wish else {}
    metadata = {"namespace": "store", "name": "shop", "uid": "uid", "annotations": annotations}
    integration = parse_integration({"metadata": metadata, "spec": {**SPEC, "suspend": suspend}})
    plan = TokenPlan(1000.0, 2000.0, expires=2000.0, renews=1700.0, poll_at=fields.pop("poll_at", 1800.0))
    before = Remembered(
        plan,
        failing=fields.pop("failing", NOTHING),
        last_reconciled=(fields.pop("last", REVISIONS), "7"),
    )
    found = {"stored": STORED, "identity": IDENTITY, "revisions": REVISIONS, "is_member": True, **fields}
    return Observation(integration, found.pop("now", NOW), before, plan, grant=grant, **found)


KEPT = Keep("the token is good until its next poll")
WITHOUT: dict[str, Any] = {"stored": None, "poll_at": 0.0}
CHANGED: dict[str, Any] = {"identity": replace(IDENTITY, grant_hash="another")}
FAILED: dict[str, Any] = {"failing": FailureState(DOWN, 1, NOW.after(60.0), REVISIONS)}
DUE: dict[str, Any] = {"poll_at": 1500.0}


@pytest.mark.parametrize(
    ("observation", "decision"),
    [
        pytest.param(observed(), KEPT, id="a valid token before its next poll is no reason for a request"),
        pytest.param(observed(poll_at=1500.001), KEPT, id="nor is one a moment before its next poll"),
        pytest.param(observed(is_member=False), Join(), id="after a restart it is determined who shares the token"),
        pytest.param(observed(failure=MISSING, **WITHOUT), Fail(MISSING), id="what is missing is reported first"),
        pytest.param(observed(suspend=True, **WITHOUT), Keep("suspended"), id="a suspended resource is left alone"),
        pytest.param(observed(**DUE), Read(Cause.POLL_DUE), id="a poll is due exactly on time"),
        pytest.param(observed(poll_at=0.0), Read(Cause.POLL_DUE), id="a missed poll stays due"),
        pytest.param(
            observed(**DUE, offered=True, last=OLDER),
            Read(Cause.POLL_DUE),
            id="a poll is due despite an offered token if the credentials may have changed",
        ),
        pytest.param(observed(**WITHOUT), Read(Cause.NO_TOKEN), id="a target without our token needs one"),
        pytest.param(
            observed(wish="now"), Read(Cause.RENEW_REQUESTED), id="a renewal request is followed before the window"
        ),
        pytest.param(observed(offered=True), Copy(), id="a better token of the same grant needs no request"),
        pytest.param(
            observed(offered=True, wish="now"),
            Read(Cause.RENEW_REQUESTED),
            id="a renewal request doesn't accept another resource's token unread",
        ),
        pytest.param(observed(**WITHOUT, **FAILED), Fail(DOWN), id="a failure isn't retried early"),
        pytest.param(
            observed(**WITHOUT, **FAILED, now=NOW.after(60.0)),
            Read(Cause.NO_TOKEN),
            id="a failure is retried when it is due",
        ),
        pytest.param(
            observed(**WITHOUT, failing=FailureState(DOWN, 1, NOW.after(60.0), OLDER)),
            Read(Cause.NO_TOKEN),
            id="a failure is retried after a change",
        ),
        pytest.param(
            observed(**FAILED, now=NOW.after(60.0)),
            Read(Cause.LAST_FAILED),
            id="a failure is retried even if there is a token",
        ),
    ],
)
def test_before_the_credentials_are_read(observation: Observation, decision: Decision) -> None:
    """From what the watch knows."""
    assert decide(observation) == decision


@pytest.mark.parametrize(
    ("observation", "decision"),
    [
        pytest.param(observed(**DUE, grant=FREE), Ask(Cause.POLL_DUE, wish=False), id="nothing prevents it"),
        pytest.param(observed(grant=FREE), KEPT, id="another resource's request has answered the poll"),
        pytest.param(
            observed(**DUE, grant=FREE, offered=True), Copy(), id="a better token is copied before any request"
        ),
        pytest.param(
            observed(**CHANGED, grant=replace(FREE, held=True)),
            Adopt(),
            id="a change that doesn't affect the request keeps the token",
        ),
        pytest.param(
            observed(**CHANGED, grant=replace(FREE, held=True), wish="now"),
            Ask(Cause.GRANT_CHANGED, wish=False),
            id="unless a person requests a renewal",
        ),
        pytest.param(
            observed(**CHANGED, grant=FREE),
            Ask(Cause.GRANT_CHANGED, wish=False),
            id="another grant's token is replaced",
        ),
        pytest.param(
            observed(failing=FailureState(DOWN, 1, NOW, REVISIONS, of_grant=True), grant=FREE),
            Keep("another resource's request was answered", recovered=True),
            id="another resource's request shows that it works again",
        ),
        pytest.param(
            observed(failing=FailureState(wanted=REVISIONS, unwritten=9), target=Target(None, None, ()), grant=FREE),
            Rehearse(),
            id="a failed write is retried before another token is requested",
        ),
        pytest.param(
            observed(**WITHOUT, grant=replace(FREE, failing=REFUSED)),
            Fail(DOWN),
            id="the same request of another resource was just refused",
        ),
        pytest.param(
            observed(grant=replace(FREE, failing=REFUSED), wish="now"),
            Ask(Cause.RENEW_REQUESTED, wish=True),
            id="that doesn't delay a person's request",
        ),
        pytest.param(
            observed(grant=replace(FREE, failing=REFUSED, paused=True), wish="now"),
            Fail(DOWN),
            id="but an endpoint that asks to be left alone does",
        ),
        pytest.param(
            observed(
                **WITHOUT,
                failing=FailureState(DOWN, 1, NOW.after(60.0), OLDER),
                grant=replace(FREE, failing=REFUSED),
            ),
            Ask(Cause.NO_TOKEN, wish=False),
            id="a change isn't delayed either",
        ),
        pytest.param(
            observed(grant=replace(FREE, wish_wait=20.0), wish="now"),
            Wait(Limit.WISHES),
            id="too many renewal requests wait",
        ),
        pytest.param(
            observed(**DUE, grant=replace(FREE, wish_wait=20.0), wish="now"),
            Ask(Cause.RENEW_REQUESTED, wish=True),
            id="a poll that is due anyway doesn't wait for them",
        ),
        pytest.param(
            observed(**DUE, grant=replace(FREE, rate_wait=20.0)),
            Wait(Limit.GRANT),
            id="the grant has sent too many requests",
        ),
        pytest.param(
            observed(**DUE, grant=replace(FREE, asking=True)),
            Wait(Limit.REQUEST),
            id="one request serves all resources of a grant",
        ),
    ],
)
def test_with_the_credentials_read(observation: Observation, decision: Decision) -> None:
    """From what the grant knows."""
    assert decide(observation) == decision


@pytest.mark.parametrize(
    "identity",
    [
        pytest.param(replace(IDENTITY, endpoint_uid="another"), id="another endpoint is another grant"),
        pytest.param(replace(IDENTITY, grant_hash="another"), id="another audience or scope is another grant"),
        pytest.param(replace(IDENTITY, credentials_revision="another/7"), id="so is another credentials Secret"),
        pytest.param(replace(IDENTITY, credentials_revision="credentials/8"), id="so are changed credentials"),
    ],
)
def test_a_token_of_another_grant_than_now_specified_is_replaced_at_once(identity: GrantIdentity) -> None:
    """Every input of the grant counts."""
    assert why_ask(observed(identity=identity)) is Cause.GRANT_CHANGED


def test_the_first_of_several_causes_is_reported() -> None:
    """A missing token explains what follows from it; then come a changed grant, a user's wish and a fault."""
    every: dict[str, Any] = {**WITHOUT, **CHANGED, **FAILED, "wish": "now", "offered": True}
    told = [why_ask(observed(**every))]
    for step in ({"stored": STORED}, {"identity": IDENTITY}, {"wish": ""}, {"failing": NOTHING}, {"poll_at": 1800.0}):
        every |= step
        told.append(why_ask(observed(**every)))
    assert told == list(Cause)

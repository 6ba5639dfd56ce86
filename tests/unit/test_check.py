"""The endpoint is asked for a reason, or not at all."""

from dataclasses import replace

import pytest
from integration_token.api.token import GrantIdentity, StoredToken, Token
from integration_token.renewal.check import Cause, Observation, why_ask

IDENTITY = GrantIdentity("endpoint", "hash", "credentials", "7")
STORED = StoredToken(Token("held", issued=1000, expires=2000, assumed=False, scope=()), IDENTITY)
CONTENT = Observation(
    now=1500, stored=STORED, identity=IDENTITY, poll_at=1800, renew_requested=False, failed=False, offered=False
)


@pytest.mark.parametrize(
    ("observation", "cause"),
    [
        pytest.param(CONTENT, None, id="a good token before its next poll is no reason to ask"),
        pytest.param(replace(CONTENT, now=1799.999), None, id="nor is one a moment before its next poll"),
        pytest.param(replace(CONTENT, now=1800), Cause.POLL_DUE, id="a poll is due at its very instant"),
        pytest.param(replace(CONTENT, now=9000), Cause.POLL_DUE, id="a poll stays due when its instant was missed"),
        pytest.param(
            replace(CONTENT, stored=None, poll_at=0),
            Cause.NO_TOKEN,
            id="a target without a token of ours is asked for",
        ),
        pytest.param(
            replace(CONTENT, renew_requested=True),
            Cause.RENEW_REQUESTED,
            id="a person's wish is followed long before the window",
        ),
        pytest.param(
            replace(CONTENT, offered=True),
            Cause.TOKEN_OFFERED,
            id="a better token of the same grant is had without one",
        ),
        pytest.param(
            replace(CONTENT, now=1800, offered=True),
            Cause.POLL_DUE,
            id="a poll is due even where what is offered turns out to be no better",
        ),
        pytest.param(
            replace(CONTENT, failed=True), Cause.LAST_FAILED, id="what failed is asked for again though a token is held"
        ),
    ],
)
def test_the_endpoint_is_asked_where_there_is_cause(observation: Observation, cause: Cause | None) -> None:
    """One observation, one cause."""
    assert why_ask(observation) is cause


@pytest.mark.parametrize(
    "identity",
    [
        pytest.param(replace(IDENTITY, endpoint_uid="another"), id="another endpoint is another grant"),
        pytest.param(replace(IDENTITY, grant_hash="another"), id="another audience or scope is another grant"),
        pytest.param(replace(IDENTITY, credentials_uid="another"), id="another credentials Secret is another grant"),
        pytest.param(replace(IDENTITY, credentials_version="8"), id="changed credentials are another grant"),
    ],
)
def test_a_token_of_another_grant_than_now_specified_is_replaced_at_once(identity: GrantIdentity) -> None:
    """Each input of the grant counts."""
    assert why_ask(replace(CONTENT, identity=identity)) is Cause.GRANT_CHANGED


def test_the_first_cause_is_told_where_there_are_several() -> None:
    """A missing token explains all that follows from it, a changed grant more than a wish, a wish more than a fault."""
    observation = replace(
        CONTENT,
        stored=None,
        identity=replace(IDENTITY, grant_hash="another"),
        now=9000,
        renew_requested=True,
        failed=True,
        offered=True,
    )
    told = [why_ask(observation)]
    steps = ({"stored": STORED}, {"identity": IDENTITY}, {"renew_requested": False}, {"failed": False}, {"now": 1500})
    for step in steps:
        observation = replace(observation, **step)
        told.append(why_ask(observation))
    assert told == list(Cause)

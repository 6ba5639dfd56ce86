"""A worse response never replaces a better token of the same grant while that is valid."""

from dataclasses import replace

import pytest
from integration_token.api.token import GrantIdentity, StoredToken, Token
from integration_token.renewal.verdict import Verdict, corrected, judge

NOW = 1500.0
IDENTITY = GrantIdentity("endpoint", "hash", "credentials/7")
CHANGED = replace(IDENTITY, credentials_revision="credentials/8")
HELD = Token("held", issued=1000, expires=2000, assumed=False, scope=("read", "write"))
STORED = StoredToken(HELD, IDENTITY)
ASSUMED = StoredToken(replace(HELD, assumed=True), IDENTITY)
OTHER = replace(HELD, access_token="other", issued=NOW, expires=3000)


@pytest.mark.parametrize(
    ("stored", "answered", "identity", "verdict"),
    [
        pytest.param(None, OTHER, IDENTITY, Verdict.TAKE, id="the first token is taken"),
        pytest.param(STORED, OTHER, IDENTITY, Verdict.TAKE, id="a token that expires later is taken"),
        pytest.param(
            STORED,
            replace(OTHER, scope=("read",)),
            IDENTITY,
            Verdict.TAKE,
            id="a token that expires later is taken even with fewer scopes",
        ),
        pytest.param(
            STORED,
            replace(OTHER, expires=2000.001),
            IDENTITY,
            Verdict.TAKE,
            id="a token that expires a millisecond later is taken even with a shorter lifetime",
        ),
        pytest.param(
            STORED,
            replace(OTHER, expires=1999),
            IDENTITY,
            Verdict.WORSE,
            id="a token that expires earlier is not taken",
        ),
        pytest.param(
            STORED,
            replace(OTHER, expires=2000),
            IDENTITY,
            Verdict.WORSE,
            id="a token that expires at the same time is not taken: two replicas would take turns",
        ),
        pytest.param(
            STORED, replace(OTHER, expires=NOW), IDENTITY, Verdict.EXPIRED, id="a token that expires now is expired"
        ),
        pytest.param(
            None,
            replace(OTHER, expires=1400),
            IDENTITY,
            Verdict.EXPIRED,
            id="an expired token is not even taken as first",
        ),
        pytest.param(
            STORED,
            replace(OTHER, expires=1400),
            CHANGED,
            Verdict.EXPIRED,
            id="an expired token is not taken for a changed grant either",
        ),
        pytest.param(
            STORED,
            replace(OTHER, expires=1600),
            CHANGED,
            Verdict.TAKE,
            id="a changed grant replaces at once, even with a shorter-lived token",
        ),
        pytest.param(
            replace(STORED, token=replace(HELD, expires=NOW)),
            replace(OTHER, expires=1501),
            IDENTITY,
            Verdict.TAKE,
            id="any valid token replaces an expired one",
        ),
        pytest.param(STORED, HELD, IDENTITY, Verdict.KEEP, id="the same token is a normal response"),
        pytest.param(
            STORED,
            replace(HELD, issued=NOW, expires=1900),
            IDENTITY,
            Verdict.KEEP,
            id="the same token with less time left is not written again",
        ),
        pytest.param(
            STORED,
            replace(HELD, issued=NOW, expires=9000),
            IDENTITY,
            Verdict.KEEP,
            id="the same token with a replayed expires_in is not written again",
        ),
        pytest.param(
            STORED,
            replace(HELD, expires=1400),
            IDENTITY,
            Verdict.KEEP,
            id="the same token isn't a failure once expired",
        ),
        pytest.param(
            STORED, HELD, CHANGED, Verdict.CORRECT, id="the same token for changed credentials records its new grant"
        ),
        pytest.param(
            ASSUMED,
            replace(HELD, issued=NOW, expires=2500, assumed=True),
            IDENTITY,
            Verdict.KEEP,
            id="the same token, still of unknown expiry, is not written again",
        ),
        pytest.param(
            ASSUMED,
            replace(HELD, issued=NOW, expires=1800),
            IDENTITY,
            Verdict.CORRECT,
            id="a stated expiry replaces an assumed one",
        ),
    ],
)
def test_an_answer_is_compared_with_the_current_token(
    stored: StoredToken | None, answered: Token, identity: GrantIdentity, verdict: Verdict
) -> None:
    """One current token, one response, one verdict."""
    assert judge(stored, answered, identity, NOW) is verdict


@pytest.mark.parametrize(
    ("stored", "answered", "expected"),
    [
        pytest.param(STORED, replace(HELD, expires=9000), HELD, id="a known expiry never grows"),
        pytest.param(
            STORED,
            replace(HELD, expires=1800),
            replace(HELD, expires=1800),
            id="a known expiry is clamped downwards",
        ),
        pytest.param(
            STORED,
            replace(HELD, expires=1600, assumed=True),
            HELD,
            id="an assumed expiry says nothing about a known one",
        ),
        pytest.param(
            ASSUMED,
            replace(HELD, issued=NOW, expires=2500, assumed=True),
            replace(HELD, assumed=True),
            id="an extended assumed expiry is not stored",
        ),
        pytest.param(
            ASSUMED,
            replace(HELD, issued=NOW, expires=1800),
            replace(HELD, issued=NOW, expires=1800),
            id="an assumed expiry gives way to a known one",
        ),
    ],
)
def test_the_same_token_is_corrected(stored: StoredToken, answered: Token, expected: Token) -> None:
    """The current token is written with the expiry that may be believed and the grant as now specified."""
    assert corrected(stored, answered, CHANGED) == StoredToken(expected, CHANGED)

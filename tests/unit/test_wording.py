"""Messages that a status keeps even though today's wording would differ."""

import pytest
from integration_token.controller.wording import says_same

REFUSED = "the endpoint answered 403 access_denied: Unauthorized; check the credentials"
"""The message as release 0.1.0 writes it."""
TODAY = (
    "login.example answered 403 access_denied: Unauthorized; check the audience; the next attempt is due within 5 min"
)


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        pytest.param(REFUSED, TODAY, True, id="the same response in another version's words"),
        pytest.param(REFUSED, TODAY.replace("Unauthorized", "Not granted"), False, id="another response"),
        pytest.param(REFUSED, "login.example: connection refused", False, id="no response"),
        pytest.param(
            "the API server refused to write Secret a: 403 webhook answered 503 busy",
            "the API server refused to write Secret b: 403 webhook answered 503 busy",
            False,
            id="another Secret",
        ),
        pytest.param(TODAY.replace("5 min", "1 min"), TODAY, False, id="a bound that no longer holds"),
        pytest.param(
            TODAY.replace("due within 5 min", "due at 2026-01-01T00:00:00Z"), TODAY, False, id="a time that has passed"
        ),
    ],
)
def test_what_says_the_same_is_not_rewritten(before: str, now: str, same: bool) -> None:
    """An upgrade doesn't cost a failing resource a write either."""
    assert says_same(before, now) is same


def test_a_message_that_somebody_wrote_is_compared_as_any_other() -> None:
    """Anybody who may write a status could otherwise stop the passes over its resource."""
    assert not says_same("the next attempt is <bound>", "the next attempt is due within 1 min")
    assert not says_same("until <instant>", "until 2027-01-15T08:00:00Z")

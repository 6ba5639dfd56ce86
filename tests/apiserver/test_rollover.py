"""What is learned about the rollover and reported. `test_patience` checks what starts here and takes longer."""

from tests.apiserver.rollover import LEADS
from tests.apiserver.stage import Stage, Token
from tests.fakes.issuer import Policy


def test_first_token_says_nothing_about_the_rollover(rollovers: dict[float, Token], stated: Token) -> None:
    """Before a renewal RolloverTooLate is Unknown and the status has no lead, even if the endpoint states one."""
    assert set(rollovers) == set(LEADS)
    for token in (*rollovers.values(), stated):
        token.until_ready()
        assert "rolloverLeadSeconds" not in token.status()
        condition = token.condition("RolloverTooLate")
        assert (condition["status"], condition["reason"]) == ("Unknown", "RolloverUnknown")


def test_rollover_in_time_is_reported_without_an_event(stage: Stage) -> None:
    """A new token an hour before the old one expires is RolloverInTime, and the status has the lead."""
    token = stage.token("in-time").until_ready()
    stage.login.endpoint.roll_over(token.client_id)

    token.request_poll()

    token.until_condition("RolloverTooLate", "False", "RolloverInTime")
    token.until_event("Renewed")
    assert 3500 < token.status()["rolloverLeadSeconds"] <= 3600
    assert token.events() == ["Issued", "Renewed"]


def test_late_rollover_is_reported_with_its_numbers(stage: Stage) -> None:
    """The condition and one event say how late the new token came, and what to do."""
    token = stage.token("late", policy=Policy(lifetime=20, lead=7)).until_ready()

    condition = token.until_condition("RolloverTooLate", "True", "RolloverTooLate", seconds=30)
    lead = token.status()["rolloverLeadSeconds"]
    assert 1 <= lead <= 7
    assert condition["message"].startswith(
        f"the endpoint issues a new token only {lead} s before the old one expires, and a mounted file may follow its"
        " Secret up to 90 s later, so pods may read an expired token; configure the endpoint to issue new tokens 240 s"
        " or more before expiry"
    )
    assert token.until_event("RolloverTooLate") == [condition["message"]]

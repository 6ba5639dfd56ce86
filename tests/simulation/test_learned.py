"""What is learned about the rollover saves requests and appears in the status."""

from dataclasses import replace

from hypothesis import example, given

from tests.fakes.issuer import Policy
from tests.simulation import promise, strategy
from tests.simulation.settings import examples
from tests.simulation.stage import simulate
from tests.simulation.story import Restart, Story

PLACE = ("store", "shop")
EARLY = 300.0
"""Seconds of lead above which one request per lifetime is normal."""
SAFE = 240.0
"""Seconds of lead below which the rollover is too late."""


@examples(40)
@given(strategy.steady())
def test_from_the_second_lifetime_on_requests_are_few(story: Story) -> None:
    """On average at most 1.2 for leads over 5 min and 3 for others; the lead in the status is a proven one."""
    chronicle = simulate(story)
    promise.hold(story, chronicle)
    later = [len(polls) for polls in chronicle.lifetimes(PLACE)[1:]]
    delay = story.members[0].delay
    most = 1.2 if story.policy.lead > EARLY + delay else 3.0
    assert sum(later) <= most * len(later), f"{sum(later)} in {len(later)} lifetimes: {later}\nin {story!r}"
    known = [status["rolloverLeadSeconds"] for _, status in chronicle.told[PLACE] if "rolloverLeadSeconds" in status]
    assert known, f"nothing was learned in {story!r}"
    assert all(lead is None or lead <= story.policy.lead for lead in known), f"{known}\nin {story!r}"
    window, lead = promise.default_window(story.policy.lifetime, delay), story.policy.lead
    safe = SAFE + delay
    conditions = {each["type"]: each["status"] for _, status in chronicle.told[PLACE] for each in status["conditions"]}
    if min(window, lead) > safe * 1.1:
        assert conditions["RolloverTooLate"] == "False", f"{conditions}\nin {story!r}"
    elif lead < min(safe, window) * 0.9:
        assert conditions["RolloverTooLate"] == "True", f"{conditions}\nin {story!r}"


@examples(110)
@given(strategy.interrupted())
@example(Story(Policy(30, lead=-1), seconds=105, restarts=(Restart(30.5),)))
def test_a_restart_costs_one_request_at_most(story: Story) -> None:
    """A restart costs at most one request, two more after expiry.

    It costs one at once if a poll is due, and one later if it loses what a poll had taught; before the window none at
    once. After expiry the steps between polls start again from the stored expiry, which may cost two more.
    """
    disturbed, calm = simulate(story), simulate(replace(story, restarts=()))
    if not disturbed.restarted:
        return
    at = disturbed.restarted[0]
    held = [write for write, _ in disturbed.held(PLACE) if write.at < at]
    due = (
        story.restarts[0].answered
        or not held
        or at >= held[-1].expiry - promise.default_window(story.policy.lifetime) - 1.5
    )
    if not due:
        soon = [each.at for each in disturbed.asked if each.process and each.at < at + 1]
        assert not soon, f"asked at {soon}, after the restart at {at}\nin {story!r}"
    found, usual = (chronicle.cost(len(held) + 1) for chronicle in (disturbed, calm))
    most = usual + 1 + 2 * (bool(held) and at >= held[-1].expiry - 1.5)
    assert found <= most, f"{found} requests up to token {len(held) + 1} instead of {usual}\nin {story!r}"

"""Objects that may be about to arrive: users create a resource and what it refers to in any order, and others add the
rest seconds later. Until then only the condition reports what is missing. Pure."""

from collections.abc import Mapping
from typing import Any

from integration_token.api.condition import ConditionType, Trait, condition_of, has_trait
from integration_token.api.value import format_time
from integration_token.clock import Instant
from integration_token.controller.outcome import Outcome
from integration_token.errors import Failure

ARRIVAL = 11.0
"""Seconds of a resource's life without warnings about what it lacks: ten, plus one since its creation time is in whole
seconds."""

_TAKEOVER = 60.0
"""Seconds after these in which another process warns again: it cannot know whether the previous one lived to do so."""


def silent_until(outcome: Outcome, failure: Failure) -> Instant | None:
    """Until when only the condition reports the failure; None if a warning is due now.

    The creation time is by the API server's clock. If that is ahead of ours, the time counts from the failure; if it is
    behind, the warning comes early.
    """
    if not has_trait(failure.reason, Trait.MAY_ARRIVE):
        return None
    now, until = outcome.now, outcome.remembered.untold_until
    if until is None:
        until = now.after(min(ARRIVAL, outcome.integration.created + ARRIVAL - now.wall))
    return None if until.is_due(now) else until


def was_told(outcome: Outcome, before: Mapping[str, Any]) -> bool:
    """Whether users were warned of the failure in the condition Refreshed.

    :param before: that condition when the pass began.
    """
    if outcome.remembered.untold_until is not None:
        return False
    if outcome.observation.before.failing.failure is not None or not has_trait(before.get("reason"), Trait.MAY_ARRIVE):
        return True
    # Written by another process. Version 0.1 warned at once, and set Stalled.
    if condition_of(outcome.integration.status, ConditionType.STALLED).get("status") == "True":
        return True
    end = outcome.integration.created + ARRIVAL
    # Compared as text: someone may have written a time that the API server accepts and we cannot parse.
    early = str(before.get("lastTransitionTime", "")) < format_time(end)
    return not early or outcome.now.wall >= end + _TAKEOVER

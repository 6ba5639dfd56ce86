"""What may just be on its way: who installs a resource creates it and what it refers to in any order, and others bring
the rest seconds later. Until then what is missing is told by the condition alone. Pure."""

from collections.abc import Mapping
from typing import Any

from integration_token.api.condition import ConditionType, Trait, condition_of, has_trait
from integration_token.api.value import format_time
from integration_token.clock import Instant
from integration_token.controller.outcome import Outcome
from integration_token.errors import Failure

ARRIVAL = 11.0
"""Seconds of a resource's life in which no one is warned of what it lacks: ten, and one by which it may be younger than
its creation says, which is told in whole seconds."""

_TAKEOVER = 60.0
"""Seconds after these in which another process warns again: it can't know whether the one before lived to do so."""


def silent_until(outcome: Outcome, failure: Failure) -> Instant | None:
    """Until when the failure is told by the condition alone; None if people are to be warned now.

    The creation is by the API server's clock. If that is ahead of ours, the time counts from the failure on; if it is
    behind, people are warned early.
    """
    if not has_trait(failure.reason, Trait.MAY_ARRIVE):
        return None
    now, until = outcome.now, outcome.remembered.untold_until
    if until is None:
        until = now.after(min(ARRIVAL, outcome.integration.created + ARRIVAL - now.wall))
    return None if until.is_due(now) else until


def was_told(outcome: Outcome, before: Mapping[str, Any]) -> bool:
    """Whether people were warned of the failure that the condition Refreshed tells.

    :param before: that condition, as the resource had it when the pass began.
    """
    if outcome.remembered.untold_until is not None:
        return False
    if outcome.observation.before.failing.failure is not None or not has_trait(before.get("reason"), Trait.MAY_ARRIVE):
        return True
    # Written by another process. One of 0.1 warned of it at once, and called it Stalled.
    if condition_of(outcome.integration.status, ConditionType.STALLED).get("status") == "True":
        return True
    end = outcome.integration.created + ARRIVAL
    # As text: a person may have written what the API server takes for a time, and we could not read.
    early = str(before.get("lastTransitionTime", "")) < format_time(end)
    return not early or outcome.now.wall >= end + _TAKEOVER

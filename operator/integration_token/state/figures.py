"""The metrics of one resource, from what is remembered about it. Pure."""

from integration_token.api.condition import Reason, Told
from integration_token.state.resource import ResourceState
from integration_token.telemetry.figures import TokenFigures
from integration_token.workqueue.key import Key


def figures_of(key: Key, state: ResourceState) -> TokenFigures:
    """The metrics of the resource with that key."""
    plan, rollover = state.remembered.plan, state.grant.rollover
    return TokenFigures(
        key.namespace,
        key.name,
        state.endpoint,
        state.told,
        plan.expires or None,
        plan.expected(rollover) or None,
        _next_request(state),
        None if rollover is None else rollover.lead,
    )


def _next_request(state: ResourceState) -> float | None:
    """When the endpoint is asked next, or when the obstacle to that is checked again."""
    if _is_suspended(state.told):
        return None
    failing = state.remembered.failing
    if failing.failure is not None and failing.retry is not None:
        return failing.retry.wall
    return state.remembered.plan.poll_at or None


def _is_suspended(told: Told) -> bool:
    return any(condition.reason == Reason.SUSPENDED for condition in told)

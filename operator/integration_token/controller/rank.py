"""The order of a namespace's requests. Pure."""

from integration_token.controller.outcome import Outcome
from integration_token.errors import UserActionRequired
from integration_token.workqueue.endpoint_queue import Rank, Urgency


def rank(outcome: Outcome, *, wish: bool) -> Rank:
    """The request's place among those of its namespace. A valid token's renewal comes first; last are requests that
    only a person's change would let succeed, if none was made."""
    if outcome.left > 0:
        return Rank(Urgency.VALID, outcome.plan.expires)
    since = outcome.remembered.waiting_since
    unchanged = outcome.wanted is not None and (wish or outcome.wanted == outcome.revisions)
    if unchanged and isinstance(outcome.observation.before.failing.failure, UserActionRequired):
        # Ordered by the start of the wait, so that it keeps its place.
        return Rank(Urgency.PROBE, outcome.wall if since is None else since.wall)
    return Rank(Urgency.NONE, 0.0)

"""Brings the target up to date: with a new token, or as it was before someone changed it."""

from integration_token.clock import Clock
from integration_token.controller.outcome import Outcome
from integration_token.controller.target import TargetWriter
from integration_token.errors import Failure
from integration_token.state.grant import GrantState
from integration_token.state.grants import Grants
from integration_token.telemetry.metrics import Metrics
from integration_token.workqueue.key import Key


class TargetUpdater:
    """Updates the target according to the outcome of a pass."""

    def __init__(self, writer: TargetWriter, grants: Grants, metrics: Metrics, clock: Clock) -> None:
        self._writer = writer
        self._grants = grants
        self._metrics = metrics
        self._clock = clock

    @staticmethod
    def begin(outcome: Outcome) -> Outcome:
        """With the name recorded under which the target may exist from now on."""
        names, target = outcome.remembered.target_names, outcome.integration.target
        if target in names or not _is_due(outcome):
            return outcome
        return outcome._replace(remembered=outcome.remembered._replace(target_names=(*names, target)))

    async def update(self, key: Key, grant: GrantState, outcome: Outcome) -> Outcome:
        """With the resulting target, if there is anything that it should hold.

        :raises ClusterError: if this process may not write any more.
        """
        observation, integration, stored = outcome.observation, outcome.integration, outcome.stored
        if stored is None or observation.target is None or not _is_due(outcome):
            return outcome
        # Others that wait for the token continue without it.
        is_new = outcome.asked and outcome.renewed
        waiting = (lambda: self._grants.on_pass_end(key, grant, renewed=False)) if is_new else None
        try:
            written = await self._writer.write(integration, observation.target, stored, waiting)
        except Failure as failure:
            return outcome.unable_to_write(failure)
        outcome = outcome.updated(written)
        if stored.identity == outcome.identity:
            self._grants.on_delivery(key, grant, integration.target, stored.token)
        if written.wrote:
            self._metrics.record_write(integration.namespace)
            if observation.disturbed:
                repairs = outcome.remembered.repairs.made(self._clock.now())
                outcome = outcome._replace(remembered=outcome.remembered._replace(repairs=repairs))
        return outcome

    async def clear(self, outcome: Outcome) -> Outcome:
        """Deletes the Secrets under earlier names of the target, if it is up to date.

        :raises ClusterError: if they could not be deleted.
        """
        if outcome.written is None:
            return outcome
        await self._writer.take_away(outcome.integration, outcome.observation.predecessors)
        return outcome.without_predecessors()


def _is_due(outcome: Outcome) -> bool:
    """Whether there is anything that the target should hold, and it may be touched now."""
    observation = outcome.observation
    if outcome.stored is None or observation.target is None or outcome.identity is None:
        return False
    return not outcome.integration.suspend and observation.contested_until is None

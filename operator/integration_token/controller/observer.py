"""Reads everything that a pass depends on: the target, and the objects that the resource refers to."""

from dataclasses import replace

from integration_token.api.condition import Reason
from integration_token.api.integration import Integration
from integration_token.cluster.managed_fields import last_manager
from integration_token.cluster.target import build_target
from integration_token.cluster.template import check_name, check_template
from integration_token.controller.observation import Observation, plan_for
from integration_token.controller.references import References
from integration_token.controller.revision import revisions_of
from integration_token.controller.target import NO_TARGET, Target, TargetWriter
from integration_token.errors import Failure, Transient
from integration_token.oauth.request import grant_identity
from integration_token.state.failure import NOTHING, Revisions
from integration_token.state.grants import Grants
from integration_token.state.resource import ResourceState
from integration_token.workqueue.key import Key


class Observer:
    """Observes resources, from the caches where possible and otherwise from the API server."""

    def __init__(self, references: References, writer: TargetWriter, grants: Grants) -> None:
        self._references = references
        self._writer = writer
        self._grants = grants

    async def observe_predecessors(self, observation: Observation) -> Observation:
        """Adds what remains under the target's names from before a renaming.

        :raises ClusterError: if the API server does not respond.
        """
        names = observation.before.target_names
        return observation._replace(predecessors=await self._writer.predecessors(observation.integration, names))

    async def observe_target(self, state: ResourceState, observation: Observation) -> Observation:
        """Adds the target's content, and the plan for it.

        :raises ClusterError: if the API server does not respond.
        """
        integration, plan, now = observation.integration, observation.plan, observation.now
        target, stored, failure = observation.target, observation.stored, observation.failure
        try:
            before = observation.before
            is_first = before.failing is NOTHING and not before.target_names and self._writer.is_new(integration)
            found = NO_TARGET if is_first else await self._writer.read(integration, observation.predecessors)
            stored = found.stored
            if stored is not None and not plan.clock_was_set(now):
                stored = replace(stored, token=self._grants.as_answered(state.grant, stored.token))
            # A target that cannot be built as specified is left as it is.
            check_name(integration.target)
            check_template(integration.template, found.secret, found.stored)
            target = found
        except Failure as error:
            failure = error.without_traceback()
        taught = state.grant.taught(now)
        return observation._replace(
            target=target,
            stored=stored,
            failure=failure,
            taught=taught,
            plan=plan_for(integration, stored, plan, now, taught),
        )

    async def observe_references(self, key: Key, state: ResourceState, observation: Observation) -> Observation:
        """Adds the objects that the resource refers to, and the state of its grant.

        :raises ClusterError: if the API server does not respond.
        """
        integration, failure, plan = observation.integration, observation.failure, observation.plan
        endpoint, identity, revisions = None, None, None
        try:
            endpoint = await self._references.endpoint(integration)
            credentials = await self._references.credentials(integration, endpoint)
            identity = grant_identity(endpoint, integration, credentials.account, credentials.revision)
            revisions = revisions_of(integration, endpoint, credentials.revision)
            known = observation.plan_by_what_was_known(endpoint, plan)
            if known is not plan:
                plan = plan_for(integration, observation.stored, known, observation.now, observation.taught)
        except Failure as error:
            failure = failure or error.without_traceback()
        is_disturbed = failure is None and _is_disturbed(observation, revisions)
        contested_until = None
        if is_disturbed and observation.target is not None:
            deleted = observation.target.secret is None
            contested_until = observation.before.repairs.due(observation.now, deleted=deleted)
            if contested_until.is_due(observation.now):
                contested_until = None
            else:
                failure = _contested(integration, observation.target)
        return observation._replace(
            endpoint=endpoint,
            identity=identity,
            revisions=revisions,
            failure=failure,
            plan=plan,
            disturbed=is_disturbed,
            contested_until=contested_until,
            is_member=key in state.grant.members,
            offered=state.grant.offers_later(key, plan, observation.now),
        )


def _is_disturbed(observation: Observation, revisions: Revisions | None) -> bool:
    """Whether someone else deleted or changed the target since we last wrote it."""
    integration, target, before = observation.integration, observation.target, observation.before
    if target is None or integration.target not in before.target_names:
        return False
    if target.secret is None:
        return not observation.predecessors
    if before.written_for is None or before.written_for != revisions:
        return False
    stored = observation.stored
    return stored is None or build_target(target.secret, integration, stored) is not None


def _contested(integration: Integration, target: Target) -> Transient:
    """Someone keeps undoing our writes of the target."""
    whose = "" if target.secret is None else last_manager(target.secret)
    who = f"field manager {whose!r}" if whose else "another controller or user"
    return Transient(
        Reason.TARGET_CONTESTED,
        f"{who} keeps {'deleting' if target.secret is None else 'changing'} Secret {integration.target}; stop that, or"
        " set another spec.target.name",
    )

"""The outcome of a pass: frozen, and replaced as a whole by each step.

Status, events, metrics and the next pass are derived from it alone.
"""

from dataclasses import dataclass
from typing import NamedTuple

from integration_token.api.integration import Integration
from integration_token.api.token import GrantIdentity, StoredToken
from integration_token.clock import Instant
from integration_token.controller.observation import Observation, plan_for, remaining
from integration_token.controller.target import Written
from integration_token.errors import Failure, TargetLost
from integration_token.renewal.plan import TokenPlan
from integration_token.renewal.rollover import Rollover
from integration_token.state.failure import Revisions
from integration_token.state.resource import Remembered
from integration_token.workqueue.endpoint_queue import WaitReason


@dataclass(frozen=True, slots=True)
class Wait:
    """What an unsent request waits for."""

    on: WaitReason | None = None
    """A place, the endpoint's rate, or a request of the same grant; None for the grant's own limits."""
    grant_rate: float = 0.0
    """Seconds until the grant may ask again."""
    wishes: float = 0.0
    """Seconds until a person's request for a renewal may be followed, if there were too many."""
    why: str = ""
    """The same as a message; empty for the grant's own limits."""
    is_long: bool = False
    """Whether it has lasted so long that the status says so."""

    @property
    def keeps_place(self) -> bool:
        """Whether the request is in a queue, or waits for another one's response."""
        return self.on is not None


NO_WAIT = Wait()


class Outcome(NamedTuple):
    """The outcome of a pass over one resource. Times are wall times in seconds unless they are Instants.

    A named tuple, like the values it starts from and leaves: they are replaced at each step of thousands of passes,
    which takes a dataclass four times as long.
    """

    observation: Observation
    now: Instant
    plan: TokenPlan
    remembered: Remembered
    """What the next pass must know, apart from the plan and the failures."""
    taught: Rollover | None = None
    """What responses have taught about the grant's rollover so far."""
    stored: StoredToken | None = None
    """What the target holds, or will hold."""
    failure: Failure | None = None
    wanted: Revisions | None = None
    """The revisions for which a token was requested, now or before, and has not arrived yet."""
    unwritten: int = 0
    """Characters of a token that was issued, now or before, and could not be written."""
    wait: Wait = NO_WAIT
    asked: bool = False
    """Whether the endpoint was asked."""
    copied: bool = False
    """Whether the token comes from another resource of the same grant, or that showed it to be the newest."""
    renewed: bool = False
    """Whether a new token must be written."""
    replaced_left: float = 0.0
    """Seconds that the previous token had left when the new one arrived."""
    scopes_reduced: bool = False
    """Whether the new token has fewer scopes than the one before."""
    unverified: bool = False
    """Whether the endpoint answered a request with changed credentials with the token that it had issued before."""
    written: Written | None = None
    """The target, up to date; None if it could not be updated, or did not have to be."""
    moved: bool = False
    """Whether nothing is left under the target's names from before a renaming."""

    @classmethod
    def of(cls, observation: Observation) -> "Outcome":
        """The outcome before anything was done."""
        before = observation.before
        return cls(
            observation,
            observation.now,
            observation.plan,
            before,
            observation.taught,
            observation.stored,
            observation.failure,
            before.failing.wanted,
            before.failing.unwritten,
        )

    @property
    def integration(self) -> Integration:
        """The resource."""
        return self.observation.integration

    @property
    def identity(self) -> GrantIdentity | None:
        """The grant as specified; None if it is unknown."""
        return self.observation.identity

    @property
    def revisions(self) -> Revisions | None:
        """The revisions of the pass."""
        return self.observation.revisions

    @property
    def wall(self) -> float:
        """The time by which the token is judged."""
        return self.plan.read_clock(self.now)

    @property
    def expires(self) -> float:
        """The expiry shown to users: a known expiry as in the Secret, an assumed one as of now; 0 without a token."""
        if self.stored is None:
            return 0.0
        return self.plan.expires if self.stored.token.assumed else self.stored.token.expires

    @property
    def left(self) -> float:
        """Seconds that a token of the current grant is still valid; 0 without one."""
        return remaining(self.stored, self.identity, self.plan, self.now)

    @property
    def matches(self) -> bool | None:
        """Whether the token belongs to the current grant; None if the grant is unknown, or there is no token."""
        return None if self.identity is None or self.stored is None else self.stored.identity == self.identity

    @property
    def waits(self) -> bool:
        """Whether the request waits for its turn, and nothing else is new."""
        return self.wait.keeps_place or self.wait.grant_rate > 0

    @property
    def waits_long(self) -> bool:
        """Whether that takes more than moments."""
        wait = self.wait
        return wait.on is WaitReason.RATE or wait.is_long or wait.grant_rate > 0

    @property
    def is_rate_limited(self) -> bool:
        """Whether the status says that the request waits."""
        return self.left <= 0 and self.waits_long

    @property
    def is_good_news(self) -> bool:
        """Whether the Secret was written and nothing failed."""
        return self.written is not None and self.written.wrote and self.failure is None

    @property
    def target_name(self) -> str:
        """The name of the target Secret: the one before a renaming while the Secret could not be moved."""
        old = () if self.moved else self.observation.predecessors
        return str(old[0]["metadata"]["name"]) if old else self.integration.target

    @property
    def handled_renew_request(self) -> str:
        """The last request for a renewal that was followed."""
        return self.remembered.handled_renew_request or self.observation.handled_renew_request

    @property
    def rollover(self) -> Rollover | None:
        """What is known about the rollover, if a renewal has shown it and the status does not say so yet."""
        if not self.remembered.status_pending or "issueTime" not in self.integration.status:
            return None
        return self.plan.rollover(self.taught)

    @property
    def version(self) -> str:
        """The target's resourceVersion at the end; empty if there is none."""
        return self.observation.version if self.written is None else self.written.version

    def taking(self, stored: StoredToken, now: Instant, taught: Rollover | None) -> "Outcome":
        """With a new token to be written.

        :param taught: what responses have taught about the grant's rollover so far.
        """
        before, plan = self.stored, self.plan
        # An endpoint that states no scopes has removed none; and if some are left out of the list, a different list
        # says nothing about what was granted.
        fewer = (
            before is not None
            and before.identity == stored.identity
            and stored.token.scope is not None
            and not (before.token.scope_incomplete or stored.token.scope_incomplete)
            and set(stored.token.scope) < set(before.token.scope or ())
        )
        return self._replace(
            now=now,
            taught=taught,
            stored=stored,
            plan=plan_for(self.integration, stored, plan.for_another(), now, taught),
            wanted=None,
            renewed=True,
            replaced_left=plan.expires - plan.read_clock(now),
            scopes_reduced=fewer,
            remembered=self.remembered._replace(status_pending=True),
        )

    def failed(self, failure: Failure) -> "Outcome":
        """With the failure, and a token still wanted."""
        return self._replace(failure=failure.without_traceback(), wanted=self.revisions)

    def unable_to_write(self, failure: Failure | None = None) -> "Outcome":
        """If the token was new: the target keeps its previous token, and a token is still wanted. If the Secret is
        lost, there is no token.

        :param failure: the reason, if it need not be found out again.
        """
        outcome = self if failure is None else self._replace(failure=failure.without_traceback())
        lost = isinstance(failure, TargetLost)
        if not self.renewed and not lost:
            return outcome
        target = self.observation.target
        held = target.stored if target is not None and not lost else None
        nowhere = self.stored if self.asked or lost else None
        size = self.unwritten if nowhere is None else len(nowhere.token.access_token)
        return outcome._replace(
            stored=held,
            plan=plan_for(self.integration, held, self.plan, self.now, self.taught),
            unwritten=size,
            wanted=self.revisions,
            renewed=False,
            remembered=self.remembered._replace(status_pending=False),
        )

    def updated(self, written: Written) -> "Outcome":
        """With the target up to date."""
        remembered = self.remembered._replace(written_for=self.revisions)
        return self._replace(written=written, unwritten=0, remembered=remembered)

    def without_predecessors(self) -> "Outcome":
        """With nothing left under the target's names from before a renaming."""
        names = (self.integration.target,)
        if not self.observation.predecessors and self.remembered.target_names == names:
            return self
        return self._replace(moved=True, remembered=self.remembered._replace(target_names=names))


@dataclass(slots=True)
class Progress:
    """The progress of a pass: what is remembered of it if it does not complete."""

    outcome: Outcome
    keeps_place: bool = False
    """Whether its request is in a queue, or waits for another one's response, whatever else is reported."""

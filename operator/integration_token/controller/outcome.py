"""What came of a pass: frozen, and replaced whole by each step.

Status, events, metrics and the next pass follow from it alone.
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
    """What a request waits for that was not sent."""

    on: WaitReason | None = None
    """A place, the endpoint's rate, or a request of the same grant; None if it is the grant's own limits."""
    grant_rate: float = 0.0
    """Seconds until the grant may ask again."""
    wishes: float = 0.0
    """Seconds until a person's wish may be followed, of which there were too many."""
    why: str = ""
    """The same, for people; empty if it is the grant's own limits."""
    is_long: bool = False
    """It has lasted so long that the user is told."""

    @property
    def keeps_place(self) -> bool:
        """Whether the request stands in a queue, or waits for another one's answer."""
        return self.on is not None


NO_WAIT = Wait()


class Outcome(NamedTuple):
    """What came of a pass over one resource. Times are wall times in seconds unless they are Instants.

    A named tuple, as what it begins with and what it leaves are: they are replaced at each step of thousands of passes,
    which a dataclass takes four times as long for.
    """

    observation: Observation
    now: Instant
    plan: TokenPlan
    remembered: Remembered
    """What the next pass is to know, apart from the plan and from what failed."""
    taught: Rollover | None = None
    """What answers have taught of the grant's rollover by now."""
    stored: StoredToken | None = None
    """What the target holds, or is to hold."""
    failure: Failure | None = None
    wanted: Revisions | None = None
    """What a token was asked for, now or before, that is still to come."""
    unwritten: int = 0
    """Characters of a token that was issued, now or before, and could not be written."""
    wait: Wait = NO_WAIT
    asked: bool = False
    """The endpoint was asked."""
    copied: bool = False
    """The token comes from another resource of the same grant, or was shown by it to be the newest."""
    renewed: bool = False
    """Another token than before is to be written."""
    replaced_left: float = 0.0
    """Seconds that the token before the new one had left when that came."""
    scopes_reduced: bool = False
    """The new token has fewer scopes than the one before."""
    unverified: bool = False
    """The endpoint answered changed credentials with the token that it had issued before."""
    written: Written | None = None
    """The target as it is up to date; None if it could not be brought there, or need not be."""
    moved: bool = False
    """Nothing is left under the target's names from before it was renamed."""

    @classmethod
    def of(cls, observation: Observation) -> "Outcome":
        """Nothing was done about what was found."""
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
        """The grant as specified; None if it cannot be told."""
        return self.observation.identity

    @property
    def revisions(self) -> Revisions | None:
        """What the pass went by."""
        return self.observation.revisions

    @property
    def wall(self) -> float:
        """The time by which the token is judged."""
        return self.plan.read_clock(self.now)

    @property
    def expires(self) -> float:
        """When the token expires, as users are told: a known expiry as the Secret has it, an assumed one as it is now;
        0 without a token."""
        if self.stored is None:
            return 0.0
        return self.plan.expires if self.stored.token.assumed else self.stored.token.expires

    @property
    def left(self) -> float:
        """Seconds that a token of the grant as now specified is still valid; 0 without one."""
        return remaining(self.stored, self.identity, self.plan, self.now)

    @property
    def matches(self) -> bool | None:
        """Whether the token is of the grant as now specified; None if the grant cannot be told, or nothing is held."""
        return None if self.identity is None or self.stored is None else self.stored.identity == self.identity

    @property
    def waits(self) -> bool:
        """Whether the request waits for its turn, and nothing new is known."""
        return self.wait.keeps_place or self.wait.grant_rate > 0

    @property
    def waits_long(self) -> bool:
        """Whether that is no matter of moments."""
        wait = self.wait
        return wait.on is WaitReason.RATE or wait.is_long or wait.grant_rate > 0

    @property
    def is_rate_limited(self) -> bool:
        """Whether the user is told that the request waits."""
        return self.left <= 0 and self.waits_long

    @property
    def is_good_news(self) -> bool:
        """Whether the Secret was written and nothing is amiss."""
        return self.written is not None and self.written.wrote and self.failure is None

    @property
    def target_name(self) -> str:
        """The name of the target Secret: the one before a renaming, as long as the Secret could not be moved."""
        old = () if self.moved else self.observation.predecessors
        return str(old[0]["metadata"]["name"]) if old else self.integration.target

    @property
    def handled_renew_request(self) -> str:
        """The last wish for a renewal that was followed."""
        return self.remembered.handled_renew_request or self.observation.handled_renew_request

    @property
    def rollover(self) -> Rollover | None:
        """What is known of the rollover, if a renewal has shown it that the status has not told of yet."""
        if not self.remembered.status_pending or "issueTime" not in self.integration.status:
            return None
        return self.plan.rollover(self.taught)

    @property
    def version(self) -> str:
        """The target's resourceVersion at the end; empty if there is none."""
        return self.observation.version if self.written is None else self.written.version

    def taking(self, stored: StoredToken, now: Instant, taught: Rollover | None) -> "Outcome":
        """With another token, to be written in place of the current token.

        :param taught: what answers have taught of the grant's rollover by now.
        """
        before, plan = self.stored, self.plan
        # An endpoint that tells nothing of scopes took none away; and if some are left out of what is told, another
        # list says nothing of what was granted.
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
        """With what stands in the way, and a token still wanted."""
        return self._replace(failure=failure.without_traceback(), wanted=self.revisions)

    def unable_to_write(self, failure: Failure | None = None) -> "Outcome":
        """If the token was new: the current token is what stood there before, and a token is still wanted. If the
        Secret is lost, nothing is held.

        :param failure: what kept it from being written, if that is not to be found out again.
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
        """With the target as it is up to date."""
        remembered = self.remembered._replace(written_for=self.revisions)
        return self._replace(written=written, unwritten=0, remembered=remembered)

    def without_predecessors(self) -> "Outcome":
        """With nothing left under the target's names from before it was renamed."""
        names = (self.integration.target,)
        if not self.observation.predecessors and self.remembered.target_names == names:
            return self
        return self._replace(moved=True, remembered=self.remembered._replace(target_names=names))


@dataclass(slots=True)
class Progress:
    """How far a pass has come: what is remembered of it if it does not come to its end."""

    outcome: Outcome
    keeps_place: bool = False
    """Its request stands in a queue, or waits for another one's answer, whatever else is told of it."""

"""Who may send a token request now: the budgets of all endpoints, and those who wait for their turn."""

from collections import defaultdict

from integration_token.api.endpoint import Endpoint, EndpointRef
from integration_token.clock import Clock, Instant
from integration_token.renewal.budget import Budget, Hold
from integration_token.scheduler import Key, Scheduler

BUDGET_WORK = "budget:"
"""Work on an endpoint's queue; the endpoint's kind follows, the key's namespace and name are the endpoint's own."""


class Admission:
    """Lets requests to each endpoint begin in order, and wakes those whose turn has come."""

    def __init__(self, clock: Clock, scheduler: Scheduler) -> None:
        self._clock = clock
        self._scheduler = scheduler
        self._budgets: dict[EndpointRef, Budget[Key]] = {}
        self._places: dict[Key, EndpointRef] = {}
        self._namespaces: defaultdict[str, dict[EndpointRef, None]] = defaultdict(dict)
        """The TokenEndpoints of each namespace that have a budget."""

    def enter(self, endpoint: Endpoint, key: Key, expires: float) -> Hold | None:
        """Begins a request, answering None, or puts it into the endpoint's queue: the key is woken at its turn.

        :param expires: wall time of expiry of the token to be replaced; 0 where none is valid.
        """
        ref = endpoint.ref
        if self._places.get(key) not in {None, ref}:
            self.leave(key)
        budget = self._budgets.get(ref)
        if budget is None:
            budget = self._budgets[ref] = Budget(endpoint.requests_per_minute)
            if ref.namespace:
                siblings = self._namespaces[ref.namespace]
                # Whoever may create TokenEndpoints may create many that hang: together they hold no more workers.
                budget.flight = next((self._budgets[other].flight for other in siblings), budget.flight)
                siblings[ref] = None
        budget.per_minute = endpoint.requests_per_minute
        self._places[key] = ref
        hold = budget.ask(key, key.namespace, expires, self._clock.now().boot)
        if hold is not None:
            self._plan(ref, budget)
        return hold

    def leave(self, key: Key, *, sent: bool = False) -> None:
        """The request has ended, or is not wanted any more."""
        ref = self._places.pop(key, None)
        if ref is not None:
            budget = self._budgets[ref]
            budget.done(key, self._clock.now().boot if sent else None)
            budget.forget(key)
            for other in self._sharing(ref):
                self.admit(other)

    def sent(self, key: Key) -> None:
        """The request that was begun goes to its endpoint."""
        if key in self._places:
            self._budgets[self._places[key]].sent(key, self._clock.now().boot)

    def answered(self, key: Key) -> None:
        """It was answered, or failed."""
        if key in self._places:
            self._budgets[self._places[key]].answered(key, self._clock.now().boot)

    def pause(self, ref: EndpointRef, seconds: float) -> None:
        """The endpoint asked everybody to stay away."""
        if ref in self._budgets:
            self._budgets[ref].pause(self._clock.now().boot + seconds)

    def slow(self, ref: EndpointRef) -> bool:
        """Whether who waits for others in flight waits for the endpoint's answers, and not for our own work."""
        now = self._clock.now().boot
        return any(self._budgets[other].slow(now) for other in self._sharing(ref) if other in self._budgets)

    def admit(self, ref: EndpointRef) -> Instant | None:
        """Wakes those whose turn has come, and answers when the next one's will have come by the passing of time."""
        budget = self._budgets.get(ref)
        if budget is None:
            return None
        for key in budget.admit(self._clock.now().boot):
            self._scheduler.wake(key)
        return self._plan(ref, budget)

    def drop(self, ref: EndpointRef) -> None:
        """The endpoint is gone, and with it whoever waited for it."""
        budget = self._budgets.pop(ref, None)
        self._namespaces[ref.namespace].pop(ref, None)
        if not self._namespaces[ref.namespace]:
            del self._namespaces[ref.namespace]
        for key in [key for key, place in self._places.items() if place == ref]:
            if budget is not None:
                budget.done(key, None)
            del self._places[key]
            self._scheduler.wake(key)

    def _sharing(self, ref: EndpointRef) -> tuple[EndpointRef, ...]:
        """The endpoints whose requests in flight are counted together with this one's, itself among them."""
        return tuple(self._namespaces.get(ref.namespace, ())) or (ref,)

    def _plan(self, ref: EndpointRef, budget: Budget[Key]) -> Instant | None:
        now = self._clock.now()
        wait = budget.wait(now.boot)
        if wait is None:
            return None
        due = now.after(wait)
        self._scheduler.at(Key(BUDGET_WORK + ref.kind, ref.namespace, ref.name), due)
        return due

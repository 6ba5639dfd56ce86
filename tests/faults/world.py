"""What a run needs: a control plane, the chart, two replicas, a token endpoint, resources, and observers."""

import copy
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import httpx

from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Installation, Operator
from tests.apiserver.stage import Login, Stage, Token
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.fakes.issuer import Minted, Policy
from tests.faults.account import Accounts
from tests.faults.audit import read_writes
from tests.faults.excuse import TIMEOUT
from tests.faults.observer import SecretWatch, TokenWatch
from tests.faults.patience import PatientKube
from tests.faults.policy import POLICY
from tests.faults.record import History, Injection, Life, Place, Reach

RELEASE: Final = "faults-operator"
LED: Final = 20.0
"""Seconds until one of two replicas leads."""


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a run's population."""

    namespaces: int
    resources: int
    """In each namespace."""
    policy: Callable[[int], Policy]
    """The endpoint's, by a resource's number in the run."""
    window: Callable[[int], int]
    """`renewBefore` in seconds."""


class World:
    """A context manager: inside, everything runs, and may be broken."""

    plane: ControlPlane
    kube: PatientKube
    accounts: Accounts
    start: float
    """The start of the run, in wall time."""

    def __init__(self, size: Size, *, log_level: str = "debug") -> None:
        """Starts nothing yet."""
        self.size = size
        self.ledger = Ledger()
        self.logins = [Login() for _ in range(size.namespaces)]
        """A token endpoint for each namespace."""
        self.injections: list[Injection] = []
        self.lives: list[Life] = []
        self.tokens: dict[Place, Token] = {}
        self.over = threading.Event()
        """Every active fault ends at once when it is set."""
        self.pids: list[int] = []
        """All processes so far, in order of their number."""
        self.expected: set[int] = set()
        """Processes that have ended, as far as known."""
        self.ended: list[str] = []
        """What was found about processes that ended by themselves."""
        self._log_level = log_level

    def __enter__(self) -> Self:
        """Builds it; the replicas are ready and one leads."""
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Takes everything down."""
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        self.ledger.endpoints += [login.endpoint for login in self.logins]
        for login in self.logins:
            stack.enter_context(login.endpoint)
        self.plane = stack.enter_context(ControlPlane(controller_manager=True))
        self.kube = PatientKube(self.plane)
        stack.callback(self.kube.close)
        self.plane.kubectl("apply", "--filename=-", stdin=json.dumps(POLICY))
        self.installation = Installation(self.plane, RELEASE, "endpoints.insecure=true", "replicas=2")
        self.accounts = Accounts(self.plane, self.ledger, RELEASE, self.installation.user.rpartition(":")[2])
        client = stack.enter_context(
            httpx.Client(base_url=self.plane.server, verify=self.plane._tls, trust_env=False, timeout=10)
        )
        self.secrets, self.resources = SecretWatch(client, self._find), TokenWatch(client)
        for watch in (self.secrets, self.resources):
            watch.start()
            stack.callback(watch.end)
        self.replicas = [self._replica() for _ in range(2)]
        for replica in self.replicas:
            stack.callback(self._end, replica)
            self.begin(replica)
        for replica in self.replicas:
            replica.await_ready()
        self.until_led()
        self.start = time.time()

    def _find(self, value: str) -> Minted | None:
        found = (login.endpoint.issuer.find(value) for login in self.logins)
        return next((token for token in found if token is not None), None)

    def _replica(self) -> Operator:
        return Operator(
            copy.copy(self.installation), self.ledger, f"--lease-namespace={RELEASE}", f"--log-level={self._log_level}"
        )

    def begin(self, replica: Operator) -> None:
        """Starts a process with its own account token, by which the audit log knows it."""
        replica.installation.kubeconfig = self.accounts.issue().kubeconfig
        replica.start()
        self.pids.append(replica.pid)

    def _end(self, replica: Operator) -> None:
        with suppress(httpx.TransportError, OSError):
            replica.stop()

    def populate(self) -> None:
        """Creates all resources."""
        for number in range(self.size.namespaces):
            self.settle(number)

    def settle(self, number: int) -> None:
        """Creates a namespace with its endpoint and resources, with new clients."""
        stage = Stage(self.kube, self.ledger, self.logins[number], namespace(number), endpoint=False)
        stage.endpoint("login", timeout=f"{TIMEOUT:.0f}s")
        for index in range(self.size.resources):
            self.create(number, index, stage)

    def create(self, number: int, index: int, stage: Stage | None = None) -> None:
        """Creates a resource with a new client."""
        name = f"token-{index:03}"
        place = (namespace(number), name)
        count = sum(life.place == place for life in self.lives) + 1
        stage = stage or self.tokens[place].stage
        which = number * self.size.resources + index
        policy, window = self.size.policy(which), self.size.window(which)
        client_id = f"{stage.namespace}.{name}.{count}"
        created = time.time()
        token = stage.token(name, client_id=client_id, policy=policy, renewBefore=f"{window}s")
        uid = token.document()["metadata"]["uid"]
        self.tokens[place] = token
        self.lives.append(Life(place, uid, client_id, created, min(float(window), policy.lifetime / 2), policy.lead))

    def die(self, places: list[Place]) -> None:
        """Records that the resources are about to be deleted."""
        for life in self.lives:
            if life.place in places and life.deleted == float("inf"):
                life.deleted = time.time()

    def places(self, number: int) -> list[Place]:
        """The resources in a namespace."""
        return [(namespace(number), f"token-{index:03}") for index in range(self.size.resources)]

    @contextmanager
    def injecting(
        self,
        kind: str,
        reach: Reach,
        places: list[Place] | None = None,
        *,
        pause: float = 0.0,
        logged: bool = True,
    ) -> Iterator[Injection]:
        """Records a fault for as long as the block lasts."""
        struck = None if places is None else frozenset(places)
        injection = Injection(kind, reach, time.time(), places=struck, pause=pause, logged=logged)
        self.injections.append(injection)
        try:
            yield injection
        finally:
            injection.end = time.time()

    def hold(self, seconds: float) -> None:
        """Waits while a fault lasts; returns at once when the run is over."""
        self.over.wait(seconds)

    def leader(self) -> Operator | None:
        """The replica that says it leads."""
        return next((replica for replica in self.replicas if replica.leads), None)

    def until_led(self) -> Operator:
        """The leader, once there is one."""
        found = poll(self.leader, "a leader", LED + LED)
        assert found is not None  # poll has seen to it
        return found

    def check(self) -> None:
        """Records processes that ended by themselves."""
        for replica in self.replicas:
            pid = replica.pid
            if not replica.process.running and pid not in self.expected:
                self.expected.add(pid)
                self.ended.append(f"process {pid} ended by itself:\n{replica.process.tail()}")

    def unready(self) -> list[Place]:
        """The resources that are not Ready, or have no valid token whatever they say."""
        now, found = time.time(), []
        for life in self.lives:
            if life.deleted == float("inf"):
                sights = self.secrets.sights.get(life.place, [])
                valid = bool(sights) and sights[-1].owner == life.uid and sights[-1].expires > now
                if not valid or not self.resources.ready.get(life.place):
                    found.append(life.place)
        return found

    def history(self) -> History:
        """What has been observed so far."""
        end = time.time()
        return History(
            start=self.start,
            end=end,
            lives=list(self.lives),
            sights={place: list(sights) for place, sights in list(self.secrets.sights.items()) if place in self.tokens},
            gone=dict(self.resources.gone),
            requests=tuple(record for login in self.logins for record in login.endpoint.log),
            writes=read_writes(self.plane.directory / "audit.log", self.accounts.processes),
            injections=list(self.injections),
        )


def namespace(number: int) -> str:
    """A namespace's name."""
    return f"faults-{number}"

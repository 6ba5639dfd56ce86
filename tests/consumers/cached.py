"""What `spec.consumerDelay` is for: client-go caches its `tokenFile` for 50 s, behind the slowest kubelet.

Two IntegrationTokens are renewed when the old token has a little more than two minutes left. That is enough for a file
that follows by itself 90 s later, but not for a client that keeps using what it has read. One resource declares that to
the operator, which then annotates the pod, and the file follows at once. There is no kubelet: the files follow after
the times measured on a real one, 90 s at most by itself and under half a second if its pod is annotated (`make bench`,
the rows of mounted files).
"""

import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import usual
from tests.apiserver.stage import Login, Stage
from tests.cluster import markdown
from tests.cluster.plane import ControlPlane
from tests.consumers.mirror import Mirror, Volume
from tests.consumers.pace import SLOWEST
from tests.consumers.program import Site
from tests.consumers.programs.kubernetes import TokenFile
from tests.consumers.result import GRACE, Exchange, rejections, used
from tests.consumers.writer import AtomicWriter
from tests.fakes.api import EnvironmentAPI
from tests.fakes.call import Call, gaps
from tests.fakes.certificate import Certificate
from tests.fakes.issuer import Minted, Policy

NAME: Final = "consumerDelay"
USUAL: Final = "about 6 min"
CLIENTS: Final = 5
"""Clients for each token."""
APART: Final = TokenFile.delay / CLIENTS
"""Seconds between client starts, so that one of them reads its file just before it changes."""
IN_TIME: Final = 120.0
"""Remaining seconds of an old token from which on the operator leaves the files to the kubelet."""
POLICY: Final = Policy(lifetime=350, lead=150)
STATED: Final = 170.0
"""Seconds that the endpoint's spec states for that lead, which people round.

The window's first poll, at half of the lifetime, then comes too early, and the next one at three quarters of this, less
up to a twentieth: 121 to 128 s before expiry, whatever the UID.
"""
NAMESPACE: Final = "cached"
LOOK: Final = 0.5
"""Seconds between two checks of the clients."""


@dataclass(frozen=True, slots=True)
class Rollover:
    """What was observed of one token's clients over one rollover. Times are in seconds."""

    delay: float
    """The value of `spec.consumerDelay`; 0 without it."""
    clients: int
    current: int
    """How many of them have sent the new token."""
    renewals: int
    """Exchanges of the files that brought another token."""
    left: float
    """The old token's remaining time at the renewal."""
    followed: float
    """From the renewal until the files had it."""
    calls: int
    rejected: int
    gap: float
    """The longest time for which a client had only an expired token."""

    def faults(self) -> list[str]:
        """What went wrong, one sentence each."""
        if not self.renewals:
            return ["its files never got a new token"]
        found = []
        if not IN_TIME < self.left < IN_TIME + TokenFile.delay:
            found.append(f"it was renewed {self.left:.1f} s before the old token's expiry, which shows nothing")
        if self.current < self.clients:
            found.append(f"{self.clients - self.current} clients didn't send the new token")
        if self.delay and self.rejected:
            found.append(f"{self.rejected} calls were rejected")
        if not self.delay and not self.gap:
            found.append("no client sent an expired token, so consumerDelay made no difference")
        return found


@dataclass
class _Case:
    """One IntegrationToken, and its clients."""

    delay: float
    volume: Volume
    clients: dict[str, TokenFile]
    """By the name that the API knows each by."""

    def calls(self, calls: Iterable[Call]) -> list[Call]:
        """The calls of its own clients."""
        return [call for call in calls if call.consumer in self.clients]

    def expires(self) -> float:
        """The wall time at which the initial token expires."""
        return self._minted(self.volume.exchanges[0]).expires

    def _minted(self, exchange: Exchange) -> Minted:
        """The token in an exchange."""
        issuer = self.volume.token.stage.login.endpoint.issuer
        return next(minted for minted in issuer if minted.serial == exchange.serial)

    def current(self, calls: Sequence[Call]) -> int:
        """How many clients have sent the files' current content."""
        last = self.volume.exchanges[-1:]
        return sum(used([call for call in calls if call.consumer == name], last) for name in self.clients)

    def over(self, calls: Iterable[Call]) -> bool:
        """Whether there is nothing more to see."""
        if time.time() < self.expires() + GRACE or len(self.volume.exchanges) == 1:
            return False
        return self.current(self.calls(calls)) == len(self.clients)

    def rollover(self, calls: Iterable[Call]) -> Rollover:
        """The result."""
        own, exchanges = self.calls(calls), self.volume.exchanges
        renewed, last = self._minted(exchanges[-1]).issued, exchanges[-1].time
        return Rollover(
            delay=self.delay,
            clients=len(self.clients),
            current=self.current(own),
            renewals=len(exchanges) - 1,
            left=self.expires() - renewed,
            followed=last - renewed,
            calls=len(own),
            rejected=rejections(own),
            gap=max((gap.seconds for gap in gaps(own)), default=0.0),
        )


def watched(stopped: threading.Event) -> list[Rollover]:
    """Without and with it, in parallel; the results so far if that event is set. Raises ToolError."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cached-")))
        plane = stack.enter_context(ControlPlane(audit=False))
        stack.enter_context(usual(plane, "mountRefresh.enabled=true"))
        login, certificate = Login(), Certificate.issue("127.0.0.1", "localhost")
        stack.enter_context(login.endpoint)
        api = stack.enter_context(EnvironmentAPI(login.endpoint.issuer, certificate=certificate))
        ca = directory / "ca.pem"
        ca.write_text(certificate.ca_pem)
        stage = Stage(stack.enter_context(closing(Kube(plane))), Ledger(), login, NAMESPACE)
        stage.endpoint("rounded", rolloverLead=f"{STATED:.0f}s")
        # The controllers would create every namespace's, but they don't run.
        stage.kube.create(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": NAMESPACE}}
        )
        cases = [_Case(delay, _volume(stage, directory, delay), {}) for delay in (0.0, TokenFile.delay)]
        mirror = stack.enter_context(Mirror(stack.enter_context(AtomicWriter()), [case.volume for case in cases]))
        for number in range(CLIENTS):
            for case in cases:
                name = f"{case.volume.pod}-{number}"
                home = directory / f"home-{name}"
                home.mkdir()
                client = case.clients[name] = TokenFile()
                client.start(Site(case.volume.directory, home, api.url(name), ca))
                stack.callback(client.stop)
            stopped.wait(APART)
        deadline = time.monotonic() + POLICY.lifetime + SLOWEST + GRACE
        while mirror.running and time.monotonic() < deadline and not stopped.wait(LOOK):
            calls = api.calls
            if all(case.over(calls) for case in cases):
                break
        return [case.rollover(api.calls) for case in cases]


def table(rollovers: Iterable[Rollover]) -> str:
    """As Markdown, with a row for each token."""
    head = [
        "consumerDelay",
        "clients",
        "renewals",
        "the old token had left",
        "the file followed after",
        "calls",
        "rejected",
        "longest gap",
    ]
    rows = (
        [
            f"{rollover.delay:.0f} s" if rollover.delay else "–",
            f"{rollover.clients}",
            f"{rollover.renewals}",
            f"{rollover.left:.1f} s",
            f"{rollover.followed:.1f} s",
            f"{rollover.calls:,}",
            f"{rollover.rejected}",
            f"{rollover.gap:.1f} s",
        ]
        for rollover in rollovers
    )
    return markdown.table(head, rows)


def _volume(stage: Stage, directory: Path, delay: float) -> Volume:
    """Mounted by a pod that no kubelet runs."""
    name = "with" if delay else "without"
    files = directory / name
    files.mkdir()
    told: dict[str, Any] = {"consumerDelay": f"{delay:.0f}s"} if delay else {}
    token = stage.token(name, endpoint="rounded", policy=POLICY, **told).until_ready()
    container = {
        "name": "shop",
        "image": "shop",
        "volumeMounts": [{"name": "token", "mountPath": "/var/run/integration"}],
    }
    stage.kube.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": stage.namespace},
            "spec": {
                "containers": [container],
                "volumes": [{"name": "token", "secret": {"secretName": token.target}}],
                "automountServiceAccountToken": False,
            },
        }
    )
    return Volume(token, files, SLOWEST, name)

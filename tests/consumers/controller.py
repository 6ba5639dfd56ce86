"""What each controller of the room is, and what is seen of it while the operator renews the token that it reads.

A controller reads the Secret by itself, with no kubelet in between.
"""

import os
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from tests.apiserver.kube import Kube
from tests.apiserver.operator import usual
from tests.apiserver.stage import Login, Token
from tests.cluster import go_build, markdown, tool, toolchain
from tests.cluster.daemon import Daemon
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.consumers.pace import QUICK
from tests.consumers.result import ROLLOVERS, rejections
from tests.fakes.call import Call

LIMIT: Final = 2.0
"""Seconds from the Secret's change until a controller has the new token."""
START: Final = 60.0
"""Seconds until it has the first one."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a controller runs."""

    plane: ControlPlane
    kube: Kube
    login: Login
    home: Path
    """A directory of its own, empty."""
    stack: ExitStack
    """Of what ends with it."""


class Controller(ABC):
    """One controller, of which one process runs, with a token of its own at the pace QUICK."""

    name: ClassVar[str]
    program: ClassVar[str]
    """What tests.cluster.tool calls it."""
    setting: ClassVar[str]
    """What names the Secret, as the documents show it."""

    def __init__(self, site: Site) -> None:
        """Installs nothing yet."""
        self.site = site

    @abstractmethod
    def token(self) -> Token:
        """Have the operator keep one, and install what the controller is to do with it. Raises ToolError."""

    @abstractmethod
    def command(self) -> list[str]:
        """Its flags, and the environment before its program's name."""

    @abstractmethod
    def has(self, value: str) -> bool:
        """Whether it uses a token, or a later one."""

    def calls(self) -> tuple[Call, ...] | None:
        """Those that it made with tokens so far; None of one that only passes them on."""
        return None

    @classmethod
    def version(cls) -> str:
        """Of what is run."""
        kind = tool.TOOLS[cls.program]
        return kind.module.version(kind.package).removeprefix("v")

    def sources(self) -> Path:
        """Those of its module, with its CRDs. Raises ToolError."""
        kind = tool.TOOLS[self.program]
        answer = subprocess.run(
            [toolchain.go(kind.module), "list", "-find", "-f={{.Module.Dir}}", kind.package],
            cwd=kind.module.directory,
            env=os.environ | go_build.ENVIRONMENT,
            capture_output=True,
            text=True,
            check=True,
        )
        return Path(answer.stdout.strip())

    def install(self, crds: Iterable[Path]) -> None:
        """Have the API server serve its kinds."""
        files = [f"--filename={file}" for file in crds]
        # On the server: as an annotation of kubectl's the largest ones would be too large.
        self.site.plane.kubectl("apply", "--server-side", *files)
        self.site.plane.kubectl("wait", "--for=condition=Established", *files)


@dataclass(frozen=True, slots=True)
class Delay:
    """What was seen of one."""

    name: str
    version: str
    seconds: tuple[float, ...]
    """From each change of the Secret until the controller used the new token."""
    calls: int | None
    """With tokens, where it makes any."""
    rejected: int

    def faults(self) -> list[str]:
        """What isn't as it should be, a sentence each."""
        found = [f"it took {seconds:.1f} s" for seconds in self.seconds if seconds > LIMIT]
        if self.rejected:
            found.append(f"{self.rejected} calls were rejected")
        return found


def watched(kind: type[Controller]) -> Delay:
    """Over three renewals by the operator. Raises ToolError."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="controller-")))
        plane = stack.enter_context(ControlPlane(audit=False))
        stack.enter_context(usual(plane))
        login = Login()
        stack.enter_context(login.endpoint)
        kube = stack.enter_context(closing(Kube(plane)))
        controller = kind(Site(plane, kube, login, home, stack))
        token = controller.token().until_ready()
        daemon = Daemon(kind.program, ["env", f"KUBECONFIG={plane.kubeconfig}", *controller.command()], home)
        stack.callback(daemon.kill)
        daemon.start()
        daemon.wait_ready(lambda: controller.has(token.held), START)
        seconds = tuple(_renewal(controller, token) for _ in range(ROLLOVERS))
        calls = controller.calls()
    counted = None if calls is None else len(calls)
    return Delay(kind.name, kind.version(), seconds, counted, rejections(calls or ()))


def table(delays: Iterable[Delay]) -> str:
    """As Markdown, a row for each controller."""
    head = ["controller", "version", "renewals", "calls", "rejected", "used the new token after, at most"]
    rows = (
        [
            delay.name,
            delay.version,
            f"{len(delay.seconds)}",
            "–" if delay.calls is None else f"{delay.calls:,}",
            "–" if delay.calls is None else f"{delay.rejected}",
            f"{max(delay.seconds):.2f} s",
        ]
        for delay in delays
    )
    return markdown.table(head, rows)


def _renewal(controller: Controller, token: Token) -> float:
    """Seconds from the next change of the Secret until the controller uses the new token."""
    before = token.held
    poll(lambda: token.held != before, "a renewal", QUICK.lifetime)
    changed, held = time.monotonic(), token.held
    poll(lambda: controller.has(held), f"{controller.name} to follow", QUICK.lead)
    return time.monotonic() - changed

"""What each controller here is, and what is observed while the operator renews the token that it reads.

A controller reads the Secret itself, without a kubelet in between.
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
"""Seconds from the Secret's change until a controller must use the new token."""
START: Final = 60.0
"""Seconds until it must have the first one."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a controller runs."""

    plane: ControlPlane
    kube: Kube
    login: Login
    home: Path
    """A directory of its own, empty."""
    stack: ExitStack
    """For whatever must end with it."""


class Controller(ABC):
    """One controller, with a single process and its own token at the pace QUICK."""

    name: ClassVar[str]
    program: ClassVar[str]
    """Its name in tests.cluster.tool."""
    setting: ClassVar[str]
    """The setting that names the Secret, as documented."""

    def __init__(self, site: Site) -> None:
        """Installs nothing yet."""
        self.site = site

    @abstractmethod
    def token(self) -> Token:
        """Creates its token, and what it needs to use it. Raises ToolError."""

    @abstractmethod
    def command(self) -> list[str]:
        """Its flags, and the environment before its program's name."""

    @abstractmethod
    def has(self, value: str) -> bool:
        """Whether it uses this token, or a later one."""

    def calls(self) -> tuple[Call, ...] | None:
        """Its calls with tokens so far; None if it only passes them on."""
        return None

    @classmethod
    def version(cls) -> str:
        """Its version."""
        kind = tool.TOOLS[cls.program]
        return kind.module.version(kind.package).removeprefix("v")

    def sources(self) -> Path:
        """The source of its module, with its CRDs. Raises ToolError."""
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
        """Makes the API server serve its kinds."""
        files = [f"--filename={file}" for file in crds]
        # Server-side: the largest ones would exceed kubectl's annotation.
        self.site.plane.kubectl("apply", "--server-side", *files)
        self.site.plane.kubectl("wait", "--for=condition=Established", *files)


@dataclass(frozen=True, slots=True)
class Delay:
    """What was observed of one."""

    name: str
    version: str
    seconds: tuple[float, ...]
    """From each change of the Secret until the controller used the new token."""
    calls: int | None
    """Calls with tokens, if it makes any."""
    rejected: int

    def faults(self) -> list[str]:
        """What went wrong, one sentence each."""
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
    """As Markdown, with a row for each controller."""
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

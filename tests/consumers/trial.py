"""All programs side by side, while the operator renews the tokens that they read."""

import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import usual
from tests.apiserver.stage import Login, Stage
from tests.cluster.plane import ControlPlane
from tests.consumers.mirror import Mirror, Volume
from tests.consumers.pace import Pace
from tests.consumers.program import Program, Site
from tests.consumers.result import GRACE, ROLLOVERS, Exchange, Result, longest_old, rejections, used
from tests.consumers.writer import AtomicWriter
from tests.fakes.api import EnvironmentAPI
from tests.fakes.call import Call
from tests.fakes.certificate import Certificate

START: Final = 30.0
"""Seconds that a program may take until its first call."""
LOOK: Final = 0.5
"""Seconds between two checks of the programs."""


@dataclass
class _Run:
    """One program, from its start on."""

    program: Program
    volume: Volume
    api: EnvironmentAPI
    number: str
    """The name that the API knows it by."""
    first: int
    """The exchange from which its renewals count."""
    printed: str = ""

    def calls(self) -> list[Call]:
        return [call for call in self.api.calls if call.consumer == self.number]

    def exchanges(self) -> list[Exchange]:
        """Those that count."""
        return self.volume.exchanges[self.first : self.first + ROLLOVERS]

    def over(self) -> bool:
        """Whether it has seen enough, or ended."""
        seen = self.exchanges()
        if not self.program.running:
            return True
        if len(seen) < ROLLOVERS:
            return False
        return time.time() > seen[-1].time + self.program.delay + GRACE or used(self.calls(), seen)

    def result(self) -> Result:
        seen, calls = self.exchanges(), self.calls()
        program = self.program
        return Result(
            name=program.name,
            version=program.version(),
            pace=program.pace,
            delay=program.delay,
            calls=len(calls),
            rejected=rejections(calls),
            renewals=len(seen),
            old=longest_old(calls, seen),
            used=bool(seen) and used(calls, seen),
        )


class Trial:
    """A context manager: inside, the operator keeps a Secret for each pace, and files follow them."""

    def __init__(self, paces: Sequence[Pace], template: dict[str, str]) -> None:
        """`template` is for each target."""
        self._paces = paces
        self._template = template
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Starts everything except the programs."""
        with ExitStack() as stack:
            self._directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="consumers-")))
            plane = stack.enter_context(ControlPlane(audit=False))
            stack.enter_context(usual(plane))
            login, certificate = Login(), Certificate.issue("127.0.0.1", "localhost")
            stack.enter_context(login.endpoint)
            issuer = login.endpoint.issuer
            self._plain = stack.enter_context(EnvironmentAPI(issuer))
            self._tls = stack.enter_context(EnvironmentAPI(issuer, certificate=certificate))
            self._ca = self._directory / "ca.pem"
            self._ca.write_text(certificate.ca_pem)
            stage = Stage(stack.enter_context(closing(Kube(plane))), Ledger(), login, "consumers")
            self._volumes = {pace: self._volume(stage, pace) for pace in self._paces}
            writer = stack.enter_context(AtomicWriter())
            self._mirror = stack.enter_context(Mirror(writer, list(self._volumes.values())))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops everything."""
        self._stack.close()

    def run(self, programs: Sequence[Program]) -> list[tuple[Result, str]]:
        """Starts all, and stops each once it has seen enough rollovers; returns results with the programs' output."""
        runs: list[_Run] = []
        try:
            for number, program in enumerate(programs):
                runs.append(self._begin(number, program))
            longest = max(program.pace.lifetime * (ROLLOVERS + 1) + program.delay for program in programs) + START
            deadline, pause = time.monotonic() + longest, threading.Event()
            pending = list(runs)
            while pending and self._mirror.running and time.monotonic() < deadline:
                pause.wait(LOOK)
                for run in [run for run in pending if run.over()]:
                    run.printed = run.program.stop()
                    pending.remove(run)
        finally:
            for run in runs:
                run.printed = run.printed or run.program.stop()
        return [(run.result(), run.printed) for run in runs]

    def _volume(self, stage: Stage, pace: Pace) -> Volume:
        directory = self._directory / pace.name
        directory.mkdir()
        stage.endpoint(pace.name, rolloverLead=f"{pace.lead:.0f}s")
        target: dict[str, Any] = {"template": {"data": self._template}} if self._template else {}
        token = stage.token(pace.name, endpoint=pace.name, policy=pace.policy, target=target)
        return Volume(token.until_ready(), directory)

    def _begin(self, number: int, program: Program) -> _Run:
        home = self._directory / f"home-{number}"
        home.mkdir()
        volume, api = self._volumes[program.pace], self._tls if program.tls else self._plain
        consumer = f"{number}"
        program.start(Site(volume.directory, home, api.url(consumer), self._ca))
        return _Run(program, volume, api, consumer, len(volume.exchanges))


def played(programs: Sequence[Program]) -> list[tuple[Result, str]]:
    """Each program's result and output."""
    template: dict[str, str] = {}
    paces: dict[Pace, list[Program]] = defaultdict(list)
    for program in programs:
        template |= program.template
        paces[program.pace].append(program)
    with Trial(list(paces), template) as trial:
        return trial.run(programs)

"""Brings what Secrets hold into directories, as a kubelet does, each change by a stated time later, or at once where
the operator touches the pod.

A real kubelet takes 0.2 to 0.4 s then, of which `make bench` measures how many (its rows of mounted files): here a
look at the Secret and one at the pod.
"""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from integration_token.api.names import REFRESHED_ANNOTATION

from tests.apiserver.stage import Token
from tests.consumers.pace import KUBELET
from tests.consumers.result import Exchange
from tests.consumers.writer import AtomicWriter

_LOOK = 0.2
"""Seconds from one look at a Secret, and at its pod, to the next."""


@dataclass
class Volume:
    """One directory."""

    token: Token
    directory: Path
    delay: float = KUBELET
    """Seconds from the Secret's change to the files'."""
    pod: str = ""
    """Which mounts it: where the operator touches that pod, the files follow at once. Without a name there is none."""
    exchanges: list[Exchange] = field(default_factory=list)
    """Of its files, the first writing included; only ever added to."""

    def touched(self) -> str:
        """What the operator has last written to the pod; empty where it hasn't."""
        if not self.pod:
            return ""
        pod = self.token.kube.get("Pod", self.token.namespace, self.pod)
        return str(pod["metadata"].get("annotations", {}).get(REFRESHED_ANNOTATION, ""))


class Mirror:
    """A context manager: inside, a thread looks at the Secrets and writes the directories."""

    def __init__(self, writer: AtomicWriter, volumes: list[Volume]) -> None:
        """Every Secret is there; so are the files once this returns."""
        self._writer = writer
        self._held = {id(volume): self._write(volume, _data(volume)) for volume in volumes}
        self._touched = {id(volume): volume.touched() for volume in volumes}
        self._volumes = volumes
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End, after the write under way."""
        self._ended.set()
        self._thread.join()

    @property
    def running(self) -> bool:
        """Whether the thread lives: it ends where a Secret can't be read."""
        return self._thread.is_alive()

    def _run(self) -> None:
        changed: dict[int, float] = {}
        while not self._ended.wait(_LOOK):
            for volume in self._volumes:
                data, key = _data(volume), id(volume)
                if data == self._held[key]:
                    continue
                due, touched = changed.setdefault(key, time.monotonic()) + volume.delay, volume.touched()
                if touched != self._touched[key] or time.monotonic() >= due:
                    self._held[key], self._touched[key] = self._write(volume, data), touched
                    del changed[key]

    def _write(self, volume: Volume, data: dict[str, str]) -> dict[str, str]:
        self._writer.write(volume.directory, data)
        minted = volume.token.stage.login.endpoint.issuer.find((volume.directory / "token").read_text())
        assert minted is not None
        volume.exchanges.append(Exchange(time.time(), minted.serial))
        return data


def _data(volume: Volume) -> dict[str, str]:
    """In base64."""
    data: dict[str, str] = (volume.token.secret() or {})["data"]
    return data

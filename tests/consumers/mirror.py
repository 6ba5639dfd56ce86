"""Copies Secrets into directories like a kubelet: after a fixed time, or at once if the operator annotates the pod.

A real kubelet then takes 0.2 to 0.4 s, as measured by `make bench` (the rows of mounted files): here it is one read of
the Secret and one of the pod.
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
"""Seconds between two reads of a Secret and its pod."""


@dataclass
class Volume:
    """One directory."""

    token: Token
    directory: Path
    delay: float = KUBELET
    """Seconds from the Secret's change to the files' change."""
    pod: str = ""
    """The pod that mounts it: when the operator annotates it, the files follow at once. No pod if empty."""
    exchanges: list[Exchange] = field(default_factory=list)
    """Of its files, including the first write; only ever appended to."""

    def touched(self) -> str:
        """The operator's latest annotation on the pod; empty if there is none."""
        if not self.pod:
            return ""
        pod = self.token.kube.get("Pod", self.token.namespace, self.pod)
        return str(pod["metadata"].get("annotations", {}).get(REFRESHED_ANNOTATION, ""))


class Mirror:
    """A context manager: inside, a thread reads the Secrets and writes the directories."""

    def __init__(self, writer: AtomicWriter, volumes: list[Volume]) -> None:
        """Every Secret must exist; the files exist once this returns."""
        self._writer = writer
        self._held = {id(volume): self._write(volume, _data(volume)) for volume in volumes}
        self._touched = {id(volume): volume.touched() for volume in volumes}
        self._volumes = volumes
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)

    def __enter__(self) -> Self:
        """Starts copying."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops, after the write under way."""
        self._ended.set()
        self._thread.join()

    @property
    def running(self) -> bool:
        """Whether the thread is alive: it ends if a Secret can't be read."""
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

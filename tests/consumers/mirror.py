"""Brings what Secrets hold into directories, as a kubelet does, each change by a stated time later."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.apiserver.stage import Token
from tests.consumers.pace import KUBELET
from tests.consumers.result import Exchange
from tests.consumers.writer import AtomicWriter

_LOOK = 0.2
"""Seconds from one look at a Secret to the next."""


@dataclass
class Volume:
    """One directory."""

    token: Token
    directory: Path
    exchanges: list[Exchange] = field(default_factory=list)
    """Of its files, the first writing included; only ever added to."""


class Mirror:
    """A context manager: inside, a thread looks at the Secrets and writes the directories."""

    def __init__(self, writer: AtomicWriter, volumes: list[Volume]) -> None:
        """Every Secret is there; so are the files once this returns."""
        self._writer = writer
        self._held = {id(volume): self._write(volume, _data(volume)) for volume in volumes}
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
                if time.monotonic() >= changed.setdefault(key, time.monotonic()) + KUBELET:
                    self._held[key] = self._write(volume, data)
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

"""What each program of the room is: its setting, as the documents show it, and how it is started."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final
from urllib.parse import urlsplit

from tests.cluster.daemon import Daemon
from tests.consumers.pace import QUICK, Pace

MOUNT: Final = "/var/run/integration"
"""Where a setting has the mounted Secret."""
ORIGIN: Final = "https://api.example"
"""What a setting has as the API's address."""
API: Final = f"{ORIGIN}/fonts"
"""What a setting has as the address that is called."""
INTERVAL: Final = "0.2"
"""Seconds from one call to the next, where there is a choice."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a program runs."""

    mount: Path
    """The directory with the mounted Secret's files."""
    home: Path
    """Its own, empty."""
    url: str
    """Where it calls."""
    ca: Path
    """Whom it trusts, where `url` has TLS: a file in PEM."""


class Program(ABC):
    """One program, of which one process runs."""

    name: ClassVar[str]
    key: ClassVar[str]
    """The key of the Secret, and so the name of the file, that it reads."""
    template: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Of `spec.target.template.data`: that key's, where it is none of the three that each Secret has."""
    delay: ClassVar[float] = 0.0
    """Seconds for which it goes on with what it has read."""
    pace: ClassVar[Pace] = QUICK
    tls: ClassVar[bool] = False
    """Whether it sends a token by TLS alone."""
    setting: ClassVar[str]
    """Lines of its configuration, or of a program around it, with MOUNT and API in them."""
    beside: ClassVar[tuple[str, ...]] = ()
    """Other files that the setting needs, as the documents show them."""

    @abstractmethod
    def version(self) -> str:
        """Of what is run."""

    @abstractmethod
    def command(self, site: Site) -> list[str]:
        """Its own, with all that it needs written into its home. Raises ToolError."""

    def caller(self, site: Site) -> list[str]:
        """The command of whoever makes it call the API, where it doesn't by itself; else empty."""
        return []

    def start(self, site: Site) -> None:
        """Start it. Raises ToolError."""
        # A netrc has no business here, and no proxy either.
        environment = ["env", f"HOME={site.home}", f"API_URL={site.url}", f"INTERVAL={INTERVAL}", "NO_PROXY=127.0.0.1"]
        commands = {"program": self.command(site), "caller": self.caller(site)}
        self._daemons = [Daemon(name, [*environment, *line], site.home) for name, line in commands.items() if line]
        for daemon in self._daemons:
            daemon.start()

    @property
    def running(self) -> bool:
        """Whether it was started and hasn't ended."""
        return all(daemon.running for daemon in self._daemons)

    def stop(self) -> str:
        """End it; what it printed."""
        for daemon in reversed(self._daemons):
            daemon.kill()
        return self.printed()

    def printed(self) -> str:
        """What it has printed so far."""
        return "".join(daemon.log.read_text(errors="replace") for daemon in self._daemons)

    @classmethod
    def set_up(cls, site: Site, text: str = "") -> str:
        """The setting, or another text of the documents, as it is at that site."""
        origin = site.url.removesuffix(urlsplit(site.url).path)
        return (text or cls.setting).replace(MOUNT, str(site.mount)).replace(API, site.url).replace(ORIGIN, origin)

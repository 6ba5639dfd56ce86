"""What each program here is: its setting, as documented, and how it is started."""

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
"""The placeholder in a setting for the mounted Secret."""
ORIGIN: Final = "https://api.example"
"""The placeholder in a setting for the API's address."""
API: Final = f"{ORIGIN}/fonts"
"""The placeholder in a setting for the address to call."""
INTERVAL: Final = "0.2"
"""Seconds between two calls, if configurable."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a program runs."""

    mount: Path
    """The directory with the mounted Secret's files."""
    home: Path
    """Its own directory, empty."""
    url: str
    """The address that it calls."""
    ca: Path
    """The CA that it trusts if `url` uses TLS: a file in PEM."""


class Program(ABC):
    """One program, with a single process."""

    name: ClassVar[str]
    key: ClassVar[str]
    """The key in the Secret, and so the name of the file, that it reads."""
    template: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """The value of `spec.target.template.data` for that key, unless it is one of the three in each Secret."""
    delay: ClassVar[float] = 0.0
    """Seconds for which it keeps using what it has read."""
    pace: ClassVar[Pace] = QUICK
    tls: ClassVar[bool] = False
    """Whether it sends tokens only over TLS."""
    setting: ClassVar[str]
    """Lines of its configuration, or of a program around it, with MOUNT and API in them."""
    beside: ClassVar[tuple[str, ...]] = ()
    """Other files that the setting needs, as documented."""

    @abstractmethod
    def version(self) -> str:
        """Its version."""

    @abstractmethod
    def command(self, site: Site) -> list[str]:
        """Its command, with everything it needs written into its home. Raises ToolError."""

    def caller(self, site: Site) -> list[str]:
        """The command of a client that makes it call the API; empty if it calls by itself."""
        return []

    def start(self, site: Site) -> None:
        """Starts it. Raises ToolError."""
        # Neither a netrc nor a proxy may interfere.
        environment = ["env", f"HOME={site.home}", f"API_URL={site.url}", f"INTERVAL={INTERVAL}", "NO_PROXY=127.0.0.1"]
        commands = {"program": self.command(site), "caller": self.caller(site)}
        self._daemons = [Daemon(name, [*environment, *line], site.home) for name, line in commands.items() if line]
        for daemon in self._daemons:
            daemon.start()

    @property
    def running(self) -> bool:
        """Whether it was started and is still running."""
        return all(daemon.running for daemon in self._daemons)

    def stop(self) -> str:
        """Stops it; returns its output."""
        for daemon in reversed(self._daemons):
            daemon.kill()
        return self.printed()

    def printed(self) -> str:
        """Its output so far."""
        return "".join(daemon.log.read_text(errors="replace") for daemon in self._daemons)

    @classmethod
    def set_up(cls, site: Site, text: str = "") -> str:
        """The setting, or another documented text, for that site."""
        origin = site.url.removesuffix(urlsplit(site.url).path)
        return (text or cls.setting).replace(MOUNT, str(site.mount)).replace(API, site.url).replace(ORIGIN, origin)

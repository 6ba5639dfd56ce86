"""What all servers here consist of: a front, and a program behind it in its own directory."""

import shutil
import tempfile
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Final, Self

import httpx

from tests.cluster.daemon import Daemon
from tests.cluster.port import free_port
from tests.endpoints.front import Front
from tests.endpoints.server import Answer, Capability, Method
from tests.fakes.server import HOST

if TYPE_CHECKING:
    from threading import Semaphore

READY: Final = 120.0
"""Seconds until a program must be ready: Keycloak takes 10, but the machine may be busy."""


class Fronted(ABC):
    """A TokenServer (server.py), except for what each does with its clients in its own way."""

    name: ClassVar[str]
    methods: ClassVar[frozenset[Method]]
    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    path: ClassVar[str]
    """The path of the token endpoint."""
    encoding: ClassVar[str] = "Form"
    token_url: str
    audience: str
    ca_pem: str

    def __init__(self) -> None:
        """Starts nothing yet."""
        self._stack = ExitStack()
        self._subjects: dict[str, str] = {}
        self._turn: Semaphore | None = None

    def __enter__(self) -> Self:
        """Starts it, and waits until it is ready."""
        with ExitStack() as stack:
            directory = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            port = free_port()
            self._front = stack.enter_context(Front(port, self.path, self._turn))
            self._behind = stack.enter_context(
                httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False, timeout=READY)
            )
            self.ca_pem = self._front.ca_pem
            self.token_url = self._front.url + self.path
            self.audience = self.token_url
            self._daemon = Daemon(self.name, self._command(port, self._front.url, directory), directory)
            stack.callback(self._daemon.kill)
            self._serve()
            self._prepare()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops it."""
        self._stack.close()

    def stop(self) -> None:
        """See TokenServer."""
        self._daemon.kill()

    def start(self) -> None:
        """See TokenServer."""
        self._serve()
        self._restore()

    def requests(self, name: str) -> tuple[Answer, ...]:
        """See TokenServer."""
        return self._front.answers(frozenset({name, self._subjects.get(name, name)}))

    def sent(self) -> frozenset[str]:
        """See TokenServer."""
        return self._front.sent()

    def issued(self) -> frozenset[str]:
        """See TokenServer."""
        return self._front.issued()

    @abstractmethod
    def _command(self, port: int, url: str, directory: Path) -> list[str]:
        """The program's command line.

        :param port: where it serves plain HTTP.
        :param url: the address that its clients use.
        :param directory: for its files.
        """

    @property
    @abstractmethod
    def _ready_path(self) -> str:
        """The path that returns success once the program serves."""

    @abstractmethod
    def _prepare(self) -> None:
        """Prepares it before the first client; `token_url` and `audience` may change."""

    @abstractmethod
    def _restore(self) -> None:
        """Tells the restarted program about the clients that it has forgotten."""

    def _serve(self) -> None:
        self._daemon.start()
        self._daemon.wait_ready(self._ready, READY)

    def _ready(self) -> bool:
        try:
            return self._behind.get(self._ready_path).is_success
        except httpx.TransportError:
            return False

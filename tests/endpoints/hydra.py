"""Ory Hydra; its clients are created with its admin API."""

import json
import secrets
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import httpx

from tests.cluster import go_program
from tests.cluster.toolchain import ToolError
from tests.endpoints import jose
from tests.endpoints.fronted import READY, Fronted
from tests.endpoints.managed import REGISTERED
from tests.endpoints.server import API, Capability, Method
from tests.fakes.server import HOST

PROGRAM: Final = Path(__file__).parent / "ory"
"""The pinned module."""
TAGS: Final = "sqlite"
"""Build tags: the serverless database is written in C."""
_DATABASE: Final = "_fk=true&_journal_mode=WAL&_busy_timeout=10000"
"""How it is opened."""


class Hydra(Fronted):
    """See TokenServer."""

    name = "hydra"
    methods = frozenset({Method.CLIENT_SECRET_POST, Method.CLIENT_SECRET_BASIC, Method.PRIVATE_KEY_JWT})
    capabilities = frozenset({Capability.SCOPE_REFUSAL, Capability.AUDIENCE})
    path = "/oauth2/token"
    _ready_path = "/.well-known/jwks.json"  # there it creates its keys; otherwise the first token does

    def __init__(self) -> None:
        """Starts nothing yet."""
        super().__init__()
        self._clients: dict[str, dict[str, Any]] = {}
        self._turn = self._lock = threading.Semaphore()  # its SQLite is locked if two requests write

    def add_client(
        self,
        name: str,
        *,
        method: Method = Method.CLIENT_SECRET_POST,
        lifetime: int = 300,
        granted: bool = True,
        scopes: Sequence[str] = (),
    ) -> dict[str, str]:
        """See TokenServer."""
        self._clients[name] = {
            "client_id": name,
            "token_endpoint_auth_method": REGISTERED[method],
            "grant_types": ["client_credentials" if granted else "refresh_token"],
            "client_credentials_grant_access_token_lifespan": f"{lifetime}s",
            "scope": " ".join(scopes),
            "audience": [API],
        }
        held = self._renewed(name)
        self._call("POST", "", self._clients[name])
        return held

    def rotate(self, name: str) -> dict[str, str]:
        """See TokenServer."""
        held = self._renewed(name)
        self._call("PUT", f"/{name}", self._clients[name])
        return held

    def disable(self, name: str) -> None:
        """See TokenServer: it is deleted."""
        self._call("DELETE", f"/{name}")

    def stop(self) -> None:
        """See TokenServer."""
        super().stop()
        self._socket.unlink(missing_ok=True)  # a killed server leaves it, and the next one refuses it

    def _command(self, port: int, url: str, directory: Path) -> list[str]:
        program = go_program.build(PROGRAM, "about 4 min on two cores", c_tags=TAGS)
        self._socket = directory / "admin"
        database = f"sqlite://{directory / 'hydra.sqlite'}?{_DATABASE}"
        settings = {
            "dsn": database,
            "log": {"level": "warn"},
            "strategies": {"access_token": "jwt"},  # shown on the consent screen
            "sqa": {"opt_out": True},  # otherwise it sends usage data to its makers
            "serve": {"public": {"host": HOST, "port": port}, "admin": {"host": f"unix:{self._socket}"}},
            "urls": {"self": {"issuer": url}},
            "secrets": {"system": [secrets.token_urlsafe(32)]},
        }
        file = directory / "hydra.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(settings))
        _make_tables(program, database)
        return [str(program), "serve", "all", "--dev", "--config", str(file)]

    def _prepare(self) -> None:
        pass

    def _restore(self) -> None:
        """They are in its database."""

    def _ready(self) -> bool:
        return self._socket.exists() and super()._ready()

    def _renewed(self, name: str) -> dict[str, str]:
        """The client's new credentials; records what Hydra must know about them."""
        client = self._clients[name]
        held = {"client_id": name}
        if client["token_endpoint_auth_method"] == REGISTERED[Method.PRIVATE_KEY_JWT]:
            held["private_key"] = jose.new_key()
            key = jose.public_jwk(held["private_key"])
            client |= {"jwks": {"keys": [key]}, "token_endpoint_auth_signing_alg": key["alg"]}
        else:
            held["client_secret"] = client["client_secret"] = secrets.token_urlsafe(32)
        return held

    def _call(self, method: str, path: str, content: object = None) -> None:
        way = httpx.HTTPTransport(uds=str(self._socket))
        with httpx.Client(transport=way, base_url="http://admin", trust_env=False, timeout=READY) as admin, self._lock:
            admin.request(method, f"/admin/clients{path}", json=content).raise_for_status()


def _make_tables(program: Path, database: str) -> None:
    command = [str(program), "migrate", "sql", "up", "--yes", database]
    answer = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if answer.returncode:
        raise ToolError(f"hydra migrate ended with {answer.returncode}:\n{answer.stdout}")

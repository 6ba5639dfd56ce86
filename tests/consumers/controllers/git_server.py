"""A Git server that requires a Bearer token: HTTPS in front of git's own upload-pack."""

import os
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.cluster import debian
from tests.cluster.toolchain import ToolError
from tests.fakes.api import EnvironmentAPI, Tokens
from tests.fakes.call import Call, Verdict
from tests.fakes.certificate import Certificate
from tests.fakes.record import Log
from tests.fakes.server import Server

PATH: Final = "/shop/deploy.git"
"""The path of the only repository."""
BRANCH: Final = "main"

_ADVERTISEMENT: Final = b"001e# service=git-upload-pack\n0000"
"""What HTTP adds before the references (gitprotocol-http): a line with a length prefix, and a flush packet."""


class GitServer:
    """A context manager: inside, a repository with one commit is served to clients with a valid token."""

    def __init__(self, tokens: Tokens, directory: Path) -> None:
        """Takes no port yet.

        :param directory: for the repository, empty.
        """
        certificate = Certificate.issue("127.0.0.1")
        self.ca_pem = certificate.ca_pem
        """The CA that its clients must trust."""
        self._directory = directory
        self._environment = os.environ | {"HOME": str(directory), "GIT_CONFIG_NOSYSTEM": "1"}
        self._api = EnvironmentAPI(tokens)
        self._log: Log[Call] = Log()
        routes = [
            Route(f"{PATH}/info/refs", self._answer, methods=["GET"]),
            Route(f"{PATH}/git-upload-pack", self._answer, methods=["POST"]),
        ]
        self._server = Server(Starlette(routes=routes), certificate=certificate)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Creates the repository, and serves it. Raises ToolError."""
        if missing := debian.absent(["git"]):
            raise ToolError(debian.shortage(missing))
        self._git("init", "--quiet", f"--initial-branch={BRANCH}")
        author = ["-c", "user.name=shop", "-c", "user.email=shop@example.com"]
        self._git(*author, "commit", "--quiet", "--allow-empty", "--message=Begin")
        self._stack.enter_context(self._server)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops; the log can still be read."""
        self._stack.close()

    @property
    def url(self) -> str:
        """The repository's URL."""
        return self._server.url + PATH

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every request so far."""
        return self._log.entries()

    async def _answer(self, request: Request) -> Response:
        call = self._api.check("git", request.headers.get("authorization", ""), time.time())
        self._log.add(call)
        if call.verdict is not Verdict.ACCEPTED:
            return Response(status_code=401, headers={"www-authenticate": 'Bearer error="invalid_token"'})
        body = await request.body()
        if request.method == "POST":
            packed = await run_in_threadpool(self._git, "upload-pack", "--stateless-rpc", ".", body=body)
            return Response(packed, media_type="application/x-git-upload-pack-result")
        references = await run_in_threadpool(self._git, "upload-pack", "--stateless-rpc", "--advertise-refs", ".")
        return Response(_ADVERTISEMENT + references, media_type="application/x-git-upload-pack-advertisement")

    def _git(self, *arguments: str, body: bytes = b"") -> bytes:
        """The output of git."""
        return subprocess.run(
            ["git", *arguments],
            cwd=self._directory,
            env=self._environment,
            input=body,
            stdout=subprocess.PIPE,
            check=True,
        ).stdout

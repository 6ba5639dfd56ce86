"""What a program's harness asks of it (managed.py); everything else goes to the server."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIServer, make_server

from tests.endpoints.front import PRIVATE
from tests.fakes.server import HOST

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class Harness(ABC):
    """A WSGI application around a server's."""

    def __init__(self, server: "WSGIApplication") -> None:
        """Wraps this application."""
        self._server = server

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answers the harness, or passes the request on."""
        path = environ["PATH_INFO"]
        if not path.startswith(PRIVATE):
            environ["wsgi.url_scheme"] = environ.get("HTTP_X_FORWARDED_PROTO", "http")
            return self._server(environ, start_response)
        name = path.rpartition("/")[2]
        if environ["REQUEST_METHOD"] == "PUT":
            self.put(name, json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))))
        elif environ["REQUEST_METHOD"] == "DELETE":
            self.delete(name)
        start_response("204 No Content", [])
        return []

    @abstractmethod
    def put(self, name: str, client: dict[str, Any]) -> None:
        """Registers or replaces the client with that name."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Removes the client."""

    def serve(self, port: int) -> None:
        """Serves until it is killed."""
        make_server(HOST, port, self, server_class=_Threads).serve_forever()


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True

"""A malicious token server: responses that are expensive to read, and none at all."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

COSTLY: Final = {
    "access_token": "Aabcdefghijk" * 666,
    "expires_in": 60,
    "scope": " ".join(f"Aabcdefghijk{number}" for number in range(630)),
}
"""A token, and scopes that are pieces of it."""
LARGE: Final = {
    "error": "invalid_request",
    "error_description": "".join(f"%{number % 256:02x}\\u{number % 65536:04x}&#{number};" for number in range(3500)),
}
"""As much as is read, with all kinds of escapes."""


class HostileServer:
    """A context manager: inside, `/costly`, `/large` and `/hang` under `url` do what their names say."""

    def __enter__(self) -> Self:
        """Starts serving."""
        self._over = over = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                if self.path == "/hang":
                    over.wait(60)
                    return
                body = json.dumps(COSTLY if self.path == "/costly" else LARGE).encode()
                self.send_response(200 if self.path == "/costly" else 400)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Logs nothing: requests contain secrets."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops, and ends hanging requests."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

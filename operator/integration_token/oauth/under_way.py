"""Tracks the progress of a token request: a hanging look-up can outlive its caller."""

from collections.abc import Callable


class UnderWay:
    """The running parts of one request; reports when none is left."""

    def __init__(self, ended: Callable[[], None]) -> None:
        """`ended` is called once, when no part is running any more."""
        self._ended = ended
        self._parts = 0
        self.sent = False
        """Whether any of the request may have reached the endpoint."""
        self.passed = False
        """Whether the proxy has connected: later failures are between the endpoint and us."""
        self.in_tls = False
        """Whether TLS with the peer has started and nothing has been received over it yet. Until then the peer may
        still refuse the client certificate: with TLS 1.3 it does so in place of a response."""

    def begin(self) -> None:
        """Starts one more part."""
        self._parts += 1

    def end(self) -> None:
        """Ends one part."""
        self._parts -= 1
        if not self._parts:
            self._ended()

    async def trace(self, event: str, _: object) -> None:
        """Called by the HTTP library at each step."""
        self.sent = self.sent or event.endswith("send_request_headers.started")
        self.passed = self.passed or event == "proxy.start_tls.started"
        if event.endswith(("connect_tcp.started", "start_tls.started", "receive_response_headers.complete")):
            self.in_tls = event.endswith("start_tls.started")

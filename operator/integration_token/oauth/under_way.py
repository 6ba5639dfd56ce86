"""How far a token request is: a look-up that hangs is longer than whoever waited for it."""

from collections.abc import Callable


class UnderWay:
    """The parts of one request that are under way; tells when none is any more."""

    def __init__(self, ended: Callable[[], None]) -> None:
        """`ended` is called, once, when none is any more."""
        self._ended = ended
        self._parts = 0
        self.sent = False
        """Something of the request may have reached the endpoint."""
        self.passed = False
        """The proxy has made its connection: what fails from then on is between the endpoint and us."""
        self.in_tls = False
        """TLS has begun with whom the connection is to, and nothing has been answered in it yet: whom the peer takes us
        for is open until then, since TLS 1.3 tells a refusal only instead of an answer."""

    def begin(self) -> None:
        """One more part is."""
        self._parts += 1

    def end(self) -> None:
        """One is no more."""
        self._parts -= 1
        if not self._parts:
            self._ended()

    async def trace(self, event: str, _: object) -> None:
        """Told by the HTTP library how far it is."""
        self.sent = self.sent or event.endswith("send_request_headers.started")
        self.passed = self.passed or event == "proxy.start_tls.started"
        if event.endswith(("connect_tcp.started", "start_tls.started", "receive_response_headers.complete")):
            self.in_tls = event.endswith("start_tls.started")

"""How a response is delivered, or fails to be."""

import functools
import gzip
from dataclasses import replace
from typing import Final

from tests.fakes.fault.kind import Fault, says
from tests.fakes.reply import Delivery, Reply


def slow(seconds: float) -> Fault:
    """Nothing for a while, then the good response."""
    return Fault("slow", lambda reply, _: replace(reply, delay=seconds))


def drip(pause: float = 0.05) -> Fault:
    """The good response byte by byte: no read timeout ever expires."""
    return Fault("drip", lambda reply, _: replace(reply, delivery=Delivery.DRIP, pause=pause))


HANG: Final = Fault("hang", lambda _, __: Reply(0, delivery=Delivery.HANG), issue=None)
RESET: Final = Fault("reset", lambda _, __: Reply(0, delivery=Delivery.RESET), issue=None)
NO_HTTP: Final = says("no HTTP", lambda _: Reply(0, body=b"220 mail.example ESMTP\r\n", delivery=Delivery.RAW))
TRUNCATED: Final = Fault("truncated", lambda reply, _: replace(reply, delivery=Delivery.TRUNCATED))
HUGE: Final = Fault("huge", lambda reply, _: replace(reply, fields={**reply.fields, "padding": "x" * 128 * 1024}))
ENDLESS: Final = says("endless", lambda _: Reply(200, body=b" " * 16384, delivery=Delivery.ENDLESS))


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(b" " * 16 * 1024 * 1024)


GZIP_BOMB: Final = says("gzip bomb", lambda _: Reply(200, headers={"content-encoding": "gzip"}, body=_bomb()))
"""16 KiB that expand to 16 MiB."""

"""Looks names up, each in a thread of its own.

If a name server does not answer, the thread hangs for as long as the system's resolver waits, and nobody can cancel it.
A few such names would use up a pool of threads, and an asynchronous resolver would resolve names differently from
everything else in the pod. So each look-up has its own thread. Callers may stop waiting, and are notified when the
look-up really ends: until then its request counts as running, and a namespace may have only a few of those.
"""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from integration_token.oauth.address import IPAddress


async def look_up(host: str, port: int, ended: Callable[[], None]) -> list[IPAddress] | str:
    """All addresses of a name, in the order in which to try them; if it does not resolve, the system's reason.

    :param ended: called on the event loop when the look-up ends, possibly long after this was cancelled.
    """
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[list[IPAddress] | str] = loop.create_future()

    def answer(found: list[IPAddress] | str) -> None:
        if not answered.done():
            answered.set_result(found)
        ended()

    def work() -> None:
        found: list[IPAddress] | str = "the look-up failed"
        try:
            found = _addresses(host, port)
        finally:
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                loop.call_soon_threadsafe(answer, found)

    try:
        # A daemon thread: it does not keep the process from exiting.
        threading.Thread(target=work, name="look-up", daemon=True).start()
    except RuntimeError:
        answer("no thread is available for the look-up")
    return await answered


def _addresses(host: str, port: int) -> list[IPAddress] | str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return str(error.strerror or "the look-up failed").lower()
    except UnicodeError:
        return "it is not a valid host name"
    return list(dict.fromkeys(ipaddress.ip_address(address[4][0]) for address in found))

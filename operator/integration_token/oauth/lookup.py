"""Looks names up, each in a thread of its own.

A name server that doesn't answer holds a thread for as long as the system's resolver likes, which nobody can cancel. A
pool of threads would be used up by a few such names, and an asynchronous resolver would find names otherwise than all
else in the pod. So each look-up has its thread, whoever waits for it may give up, and its end is told: until then its
request counts as under way, of which a namespace has few.
"""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from integration_token.oauth.address import IPAddress


async def look_up(host: str, port: int, ended: Callable[[], None]) -> list[IPAddress] | str:
    """All addresses of a name, in the order in which to try them; where it does not resolve why, as the system says.

    :param ended: called on the event loop when the look-up is over, which may be long after this was cancelled.
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
        # A daemon: the process ends without it.
        threading.Thread(target=work, name="look-up", daemon=True).start()
    except RuntimeError:
        answer("no thread can be had for the look-up now")
    return await answered


def _addresses(host: str, port: int) -> list[IPAddress] | str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return str(error.strerror or "the look-up failed").lower()
    except UnicodeError:
        return "no name can be written so"
    return list(dict.fromkeys(ipaddress.ip_address(address[4][0]) for address in found))

"""Sends a reply over ASGI, as badly as requested."""

import asyncio
import socket
import struct

from starlette.types import Receive, Scope, Send

from tests.fakes.reply import Delivery, Reply

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 s: closing sends RST instead of FIN."""


async def deliver(reply: Reply, date: str | None, scope: Scope, receive: Receive, send: Send) -> None:
    """Sends the reply; `date` is the Date header, if there is one."""
    transport: asyncio.Transport = scope["state"]["transport"]
    if reply.delay and await _gone(receive, reply.delay):
        return
    content = reply.content()
    if reply.delivery in {Delivery.HANG, Delivery.RESET, Delivery.RAW}:
        _refuse(reply.delivery, content, transport)
        await _gone(receive)
        return
    headers = [(b"content-type", reply.content_type.encode()), (b"cache-control", b"no-store")]
    headers += [(name.encode(), value.encode()) for name, value in reply.headers.items()]
    if date is not None:
        headers.append((b"date", date.encode()))
    if reply.delivery is not Delivery.ENDLESS:
        headers.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if reply.delivery is Delivery.PLAIN:
        await send({"type": "http.response.body", "body": content})
    elif reply.delivery is Delivery.TRUNCATED:
        await send({"type": "http.response.body", "body": content[: len(content) // 2], "more_body": True})
        transport.close()
        await _gone(receive)
    elif reply.delivery is Delivery.ENDLESS:
        while not transport.is_closing():
            await send({"type": "http.response.body", "body": content, "more_body": True})
            await asyncio.sleep(0)
    else:
        await _drip(content, reply.pause, receive, send)


def _refuse(delivery: Delivery, content: bytes, transport: asyncio.Transport) -> None:
    """Responds with no HTTP at all."""
    if delivery is Delivery.RESET:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    elif delivery is Delivery.RAW:
        transport.write(content)
        transport.close()


async def _drip(content: bytes, pause: float, receive: Receive, send: Send) -> None:
    for byte in content:
        await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
        if await _gone(receive, pause):
            return
    await send({"type": "http.response.body"})


async def _gone(receive: Receive, seconds: float | None = None) -> bool:
    """Waits until the client is gone, or that long; returns whether it is gone."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True

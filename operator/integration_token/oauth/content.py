"""The content of an answer, where it was compressed although identity was asked for: pure."""

import zlib

MAX_BODY = 64 * 1024
"""Bytes of an answer that are read. The target Secret has room for 1 MiB, but tokens travel in headers, and servers
stop reading those at 8 to 64 KiB."""

_GZIP = zlib.MAX_WBITS + 16
_OTHERS = frozenset({"br", "compress", "dcb", "dcz", "x-compress", "zstd"})
"""What else IANA has registered. Only these are named in a message: a header may hold anything."""


class ContentError(ValueError):
    """The content can't be read; the text, which holds nothing of it, says why."""


def content_of(body: bytes, encoding: str) -> bytes:
    """The content of a body, of which never more than 64 KiB are unpacked.

    :param encoding: the header Content-Encoding (RFC 9110, 8.4).
    :raises ContentError: where it can't be unpacked, or is longer.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _unpacked(body, "gzip", _GZIP)
        case "deflate":
            # RFC 9110, 8.4.1.2 means the zlib format, and knows that some servers leave that out.
            is_zlib = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2]) % 31 == 0
            return _unpacked(body, "deflate", zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
        case other:
            name = f" ({other})" if other in _OTHERS else ""
            raise ContentError(f"compressed{name} in a way that was not asked for and can't be read")


def _unpacked(body: bytes, name: str, bits: int) -> bytes:
    unpacking = zlib.decompressobj(bits)
    try:
        content = unpacking.decompress(body, MAX_BODY + 1)
    except zlib.error:
        raise ContentError(f"said to be compressed ({name}) and is not") from None
    if len(content) > MAX_BODY:
        raise ContentError(f"larger than {MAX_BODY // 1024} KiB once unpacked")
    if not unpacking.eof:
        raise ContentError(f"compressed ({name}) and incomplete")
    return content

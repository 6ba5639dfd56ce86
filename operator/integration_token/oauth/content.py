"""Decompresses responses that were compressed although identity was asked for. Pure."""

import zlib

MAX_BODY = 64 * 1024
"""Bytes of a response that are read. The target Secret has room for 1 MiB, but tokens travel in headers, and servers
accept only 8 to 64 KiB of those."""

_GZIP = zlib.MAX_WBITS + 16
_OTHERS = frozenset({"br", "compress", "dcb", "dcz", "x-compress", "zstd"})
"""The other encodings that IANA has registered. Messages name only these: a header may contain anything."""


class ContentError(ValueError):
    """The content cannot be read. The text says why, and contains none of it."""


def content_of(body: bytes, encoding: str) -> bytes:
    """The content of a body, of which never more than 64 KiB are decompressed.

    :param encoding: the Content-Encoding header (RFC 9110, 8.4).
    :raises ContentError: if it cannot be decompressed, or is longer.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _unpacked(body, "gzip", _GZIP)
        case "deflate":
            # RFC 9110, 8.4.1.2 means the zlib format, and notes that some servers leave the zlib wrapper out.
            is_zlib = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2]) % 31 == 0
            return _unpacked(body, "deflate", zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
        case other:
            name = f" ({other})" if other in _OTHERS else ""
            raise ContentError(f"compressed{name} in a way that was not asked for and cannot be read")


def _unpacked(body: bytes, name: str, bits: int) -> bytes:
    unpacking = zlib.decompressobj(bits)
    try:
        content = unpacking.decompress(body, MAX_BODY + 1)
    except zlib.error:
        raise ContentError(f"labelled as compressed ({name}) but is not") from None
    if len(content) > MAX_BODY:
        raise ContentError(f"larger than {MAX_BODY // 1024} KiB when decompressed")
    if not unpacking.eof:
        raise ContentError(f"compressed ({name}) but incomplete")
    return content

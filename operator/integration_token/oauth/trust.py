"""TLS contexts by the authorities that they trust.

Whoever may create a TokenEndpoint chooses its authorities: half a megabyte of them takes four in a context. So what
is kept is bounded by size, and known by the SHA-256 of the PEM text instead of the text.
"""

import asyncio
import hashlib
import re
import ssl
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from integration_token.api.condition import Reason
from integration_token.errors import UserActionRequired
from integration_token.tls import tolerant

MAX_KEPT: Final = 1024 * 1024
"""Characters of PEM text whose contexts are kept: in memory they take some nine times as much."""

_CONTEXTS = 32
"""Contexts that are kept: each costs up to 22 ms to make, and almost 1 MiB with the system's roots."""

_JUDGED = 8192
"""CA bundles of which it is remembered whether they can be used: those that were asked for last."""

_AT_ONCE = 8
"""Authorities that are read without letting others run: each takes some 0.2 ms, and a bundle may have a thousand."""

_END = re.compile("-----END (?:X509 )?CERTIFICATE-----")

_kept: OrderedDict[bytes, tuple[ssl.SSLContext, int]] = OrderedDict()
_judged: OrderedDict[bytes, bool] = OrderedDict()


def digest_of(ca_bundle: str) -> bytes:
    """By what a CA bundle is known."""
    return hashlib.sha256(ca_bundle.encode(errors="surrogatepass")).digest()


async def tls_context(ca_bundle: str) -> ssl.SSLContext:
    """The TLS context for a CA bundle, empty for the system's roots; shared by all endpoints that trust it.

    Reading a large one takes long, and whoever may create TokenEndpoints decides how often: others run in between.

    :raises UserActionRequired: where the PEM text holds no certificate.
    """
    digest = digest_of(ca_bundle)
    if digest in _kept:
        _kept.move_to_end(digest)
        return _kept[digest][0]
    try:
        pieces = _pieces(ca_bundle)
        context = tolerant(ssl.create_default_context(cadata=next(pieces) or None))
        for piece in pieces:
            await asyncio.sleep(0)
            context.load_verify_locations(cadata=piece)
    except (ssl.SSLError, ValueError):
        _note(digest, usable=False)
        raise _unusable() from None
    if digest in _kept:  # by somebody else meanwhile
        return _kept[digest][0]
    _note(digest, usable=True)
    _kept[digest] = context, len(ca_bundle)
    while len(_kept) > _CONTEXTS or sum(size for _, size in _kept.values()) > MAX_KEPT:
        _kept.popitem(last=False)
    return context


def proxy_context(url: str) -> ssl.SSLContext | None:
    """The TLS context for a proxy, by the system's roots; None for one that is reached without TLS."""
    return tolerant(ssl.create_default_context()) if url.lower().startswith("https:") else None


def _pieces(ca_bundle: str) -> Iterator[str]:
    """The PEM text, by a few authorities each; at least one piece."""
    # Bundles have names in comments, and ssl takes ASCII alone.
    text = ca_bundle.encode("ascii", "replace").decode()
    ends = [found.end() for found in _END.finditer(text)][_AT_ONCE - 1 : -1 : _AT_ONCE]
    return (text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True))


def is_judged(digest: bytes) -> bool:
    """Whether it is remembered if the CA bundle can be used."""
    return digest in _judged


def check_judged(digest: bytes) -> None:
    """Looks up a CA bundle whose text isn't at hand.

    :raises UserActionRequired: where it can't be used.
    """
    if not _judged[digest]:
        raise _unusable()


def _note(digest: bytes, *, usable: bool) -> None:
    _judged[digest] = usable
    _judged.move_to_end(digest)
    if len(_judged) > _JUDGED:
        _judged.popitem(last=False)


def _unusable() -> UserActionRequired:
    return UserActionRequired(
        Reason.INVALID_CA_BUNDLE, "spec.caBundle holds no PEM certificate that can be read; mend it"
    )

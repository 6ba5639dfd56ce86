"""TLS contexts by the authorities that they trust.

Anyone who can create a TokenEndpoint chooses its authorities, and half a megabyte of PEM takes four in a context. So
the contexts kept are bounded by size, and found by the SHA-256 of the PEM text instead of the text.
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
"""Characters of PEM text whose contexts are kept: in memory they take about nine times as much."""

MAX_BUNDLE: Final = 512 * 1024
"""Characters of one CA bundle, the schema's limit for spec.caBundle: all public authorities take about 200,000."""

_CONTEXTS = 32
"""Contexts kept: each takes up to 22 ms to create, and almost 1 MiB with the system's roots."""

_JUDGED = 8192
"""CA bundles whose validity is remembered; the least recently used is forgotten first."""

_AT_ONCE = 8
"""Authorities parsed before other tasks may run: each takes about 0.2 ms, and a bundle may have a thousand."""

_END = re.compile("-----END (?:X509 )?CERTIFICATE-----")

_kept: OrderedDict[tuple[bytes, bytes], tuple[ssl.SSLContext, int]] = OrderedDict()
"""By the digests of the CA bundle and of the authorities trusted besides the system's roots; with their characters."""
_judged: OrderedDict[bytes, bool] = OrderedDict()


def digest_of(ca_bundle: str) -> bytes:
    """The key of a CA bundle."""
    return hashlib.sha256(ca_bundle.encode(errors="surrogatepass")).digest()


async def tls_context(ca_bundle: str, *, added: str = "", where: str = "spec.caBundle") -> ssl.SSLContext:
    """The TLS context for a CA bundle, empty for the system's roots; shared by all endpoints that trust it.

    Parsing a large bundle takes long, and anyone who can create TokenEndpoints decides how often: other tasks run in
    between.

    :param added: PEM text of authorities trusted besides the system's roots; not used with a CA bundle.
    :param where: source of the CA bundle, for messages.
    :raises UserActionRequired: if the PEM text contains no certificate.
    """
    added = "" if ca_bundle else added
    digest = digest_of(ca_bundle)
    key = digest, digest_of(added)
    if key in _kept:
        _kept.move_to_end(key)
        return _kept[key][0]
    try:
        for context in _growing(ca_bundle, added):  # noqa: B007  # the last one is complete
            await asyncio.sleep(0)
    except (ssl.SSLError, ValueError):
        if ca_bundle:
            _note(digest, usable=False)
        raise _unusable(where) from None
    if key in _kept:  # another task was faster
        return _kept[key][0]
    _note(digest, usable=True)
    _kept[key] = context, len(ca_bundle) + len(added)
    while len(_kept) > _CONTEXTS or sum(size for _, size in _kept.values()) > MAX_KEPT:
        _kept.popitem(last=False)
    return context


def fresh_context(ca_bundle: str, *, added: str = "") -> ssl.SSLContext:
    """A new context, otherwise like :func:`tls_context`: for a caller that changes it in a way that must not be shared.

    :raises UserActionRequired: if the PEM text contains no certificate.
    """
    try:
        *_, context = _growing(ca_bundle, "" if ca_bundle else added)
    except (ssl.SSLError, ValueError):
        raise _unusable("spec.caBundle") from None
    return context


def _growing(ca_bundle: str, added: str) -> Iterator[ssl.SSLContext]:
    """The same context repeatedly, with a few more authorities each time."""
    pieces = _pieces(ca_bundle)
    context = tolerant(ssl.create_default_context(cadata=next(pieces) or None))
    yield context
    for piece in (*pieces, *(_pieces(added) if added else ())):
        context.load_verify_locations(cadata=piece)
        yield context


def _pieces(ca_bundle: str) -> Iterator[str]:
    """The PEM text in pieces of a few authorities; at least one piece."""
    # Bundles contain names in comments, and ssl accepts only ASCII.
    text = ca_bundle.encode("ascii", "replace").decode()
    ends = [found.end() for found in _END.finditer(text)][_AT_ONCE - 1 : -1 : _AT_ONCE]
    return (text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True))


def is_judged(digest: bytes) -> bool:
    """Whether the validity of the CA bundle is remembered."""
    return digest in _judged


def check_judged(digest: bytes) -> None:
    """Checks a CA bundle whose text is not available.

    :raises UserActionRequired: if it cannot be used.
    """
    if not _judged[digest]:
        raise _unusable("spec.caBundle")


def _note(digest: bytes, *, usable: bool) -> None:
    _judged[digest] = usable
    _judged.move_to_end(digest)
    if len(_judged) > _JUDGED:
        _judged.popitem(last=False)


def _unusable(where: str) -> UserActionRequired:
    return UserActionRequired(Reason.INVALID_CA_BUNDLE, f"{where} contains no valid PEM certificate; fix it")

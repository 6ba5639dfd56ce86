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

MAX_BUNDLE: Final = 512 * 1024
"""Characters of one CA bundle, as the schema has it for spec.caBundle: all public authorities take some 200,000."""

_CONTEXTS = 32
"""Contexts that are kept: each costs up to 22 ms to make, and almost 1 MiB with the system's roots."""

_JUDGED = 8192
"""CA bundles of which it is remembered whether they can be used: those that were asked for last."""

_AT_ONCE = 8
"""Authorities that are read without letting others run: each takes some 0.2 ms, and a bundle may have a thousand."""

_END = re.compile("-----END (?:X509 )?CERTIFICATE-----")

_kept: OrderedDict[tuple[bytes, bytes], tuple[ssl.SSLContext, int]] = OrderedDict()
"""By the digests of a CA bundle and of what is trusted beside the system's roots; with the characters of both."""
_judged: OrderedDict[bytes, bool] = OrderedDict()


def digest_of(ca_bundle: str) -> bytes:
    """By what a CA bundle is known."""
    return hashlib.sha256(ca_bundle.encode(errors="surrogatepass")).digest()


async def tls_context(ca_bundle: str, *, added: str = "", where: str = "spec.caBundle") -> ssl.SSLContext:
    """The TLS context for a CA bundle, empty for the system's roots; shared by all endpoints that trust it.

    Reading a large one takes long, and whoever may create TokenEndpoints decides how often: others run in between.

    :param added: PEM text of what is trusted beside the system's roots; a CA bundle stands alone.
    :param where: the CA bundle is, for people.
    :raises UserActionRequired: where the PEM text holds no certificate.
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
    if key in _kept:  # by somebody else meanwhile
        return _kept[key][0]
    _note(digest, usable=True)
    _kept[key] = context, len(ca_bundle) + len(added)
    while len(_kept) > _CONTEXTS or sum(size for _, size in _kept.values()) > MAX_KEPT:
        _kept.popitem(last=False)
    return context


def fresh_context(ca_bundle: str, *, added: str = "") -> ssl.SSLContext:
    """One of its own, otherwise as :func:`tls_context` has it: for what makes a context fit for nobody else.

    :raises UserActionRequired: where the PEM text holds no certificate.
    """
    try:
        *_, context = _growing(ca_bundle, "" if ca_bundle else added)
    except (ssl.SSLError, ValueError):
        raise _unusable("spec.caBundle") from None
    return context


def _growing(ca_bundle: str, added: str) -> Iterator[ssl.SSLContext]:
    """The same context again and again, with a few more authorities each time."""
    pieces = _pieces(ca_bundle)
    context = tolerant(ssl.create_default_context(cadata=next(pieces) or None))
    yield context
    for piece in (*pieces, *(_pieces(added) if added else ())):
        context.load_verify_locations(cadata=piece)
        yield context


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
        raise _unusable("spec.caBundle")


def _note(digest: bytes, *, usable: bool) -> None:
    _judged[digest] = usable
    _judged.move_to_end(digest)
    if len(_judged) > _JUDGED:
        _judged.popitem(last=False)


def _unusable(where: str) -> UserActionRequired:
    return UserActionRequired(Reason.INVALID_CA_BUNDLE, f"{where} holds no PEM certificate that can be read; mend it")

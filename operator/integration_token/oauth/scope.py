"""The scopes of an answer that can stand in a status and in an annotation. Pure."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from integration_token.telemetry.redaction import leaking, repeating
from integration_token.telemetry.vocabulary import is_wording

MAX_SCOPE = 8192
"""Characters of scopes, with the spaces between them, that are told."""

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,256}")
"""RFC 6749, A.4."""
_LONG = 12
"""Characters from which a scope may be a piece of a secret that helps to find the rest."""
_PLAIN = re.compile(r"[a-z_:./-]+")
"""Lower-case words: no encoding of anything but of lower-case words."""


class Granted(NamedTuple):
    """What is told of the scopes that an answer has."""

    scopes: tuple[str, ...] | None
    """In the answer's order; None where it tells nothing of them."""
    incomplete: bool
    """The answer has more."""


def granted_scopes(scope: str, asked: tuple[str, ...], secrets: tuple[str, ...]) -> Granted:
    """The scopes that are well-formed, fit into 8,192 characters and hold nothing of a secret, each of them whole.

    :param scope: as answered, separated by spaces (RFC 6749, 3.3).
    :param asked: what was asked for, which stands in a spec and so holds no secret.
    """
    items = scope.split()
    fitting = list(_fitting(items))
    unknown = {item for item in fitting if _SCOPE.fullmatch(item)}.difference(asked)
    told = unknown.difference(_suspicious(unknown, secrets)).union(asked)
    scopes = tuple(item for item in fitting if item in told)
    return Granted(scopes, len(scopes) < len(items))


def _fitting(items: Iterable[str]) -> Iterable[str]:
    """The first of them, as many as there is room for."""
    size = -1
    for item in items:
        size += 1 + len(item)
        if size > MAX_SCOPE:
            return
        yield item


def _suspicious(items: Iterable[str], secrets: tuple[str, ...]) -> set[str]:
    """The scopes that may be pieces of a secret in some encoding. Names as APIs give them pass at little cost."""
    long = {item for item in items if len(item) >= _LONG}
    plain = {item for item in long if _PLAIN.fullmatch(item) or is_wording(item)}
    known = {item for item in items if item in secrets}
    return known | repeating(plain, secrets) | leaking(long - plain, secrets, between="/:.-")

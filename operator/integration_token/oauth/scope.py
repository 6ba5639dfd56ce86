"""Selects the scopes of a response that may be shown in a status and an annotation. Pure."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from integration_token.telemetry.redaction import leaking, repeating
from integration_token.telemetry.vocabulary import is_wording

MAX_SCOPE = 8192
"""Maximum characters of all scopes shown, including the spaces between them."""

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,256}")
"""RFC 6749, A.4."""
_LONG = 12
"""A scope at least this long may contain a piece of a secret that helps to find the rest."""
_PLAIN = re.compile(r"[a-z_:./-]+")
"""Lower-case words: they cannot encode anything but lower-case words."""


class Granted(NamedTuple):
    """The granted scopes that are shown."""

    scopes: tuple[str, ...] | None
    """In the response's order; None if it does not say."""
    incomplete: bool
    """Whether the response has more."""


def granted_scopes(scope: str, asked: tuple[str, ...], secrets: tuple[str, ...]) -> Granted:
    """The scopes that are well-formed, fit in 8,192 characters and contain no piece of a secret. Never truncates one.

    :param scope: from the response, separated by spaces (RFC 6749, 3.3).
    :param asked: what was asked for; it is in a spec, so it contains no secret.
    """
    items = scope.split()
    fitting = list(_fitting(items))
    unknown = {item for item in fitting if _SCOPE.fullmatch(item)}.difference(asked)
    told = unknown.difference(_suspicious(unknown, secrets)).union(asked)
    scopes = tuple(item for item in fitting if item in told)
    return Granted(scopes, len(scopes) < len(items))


def _fitting(items: Iterable[str]) -> Iterable[str]:
    """The first scopes, as many as fit."""
    size = -1
    for item in items:
        size += 1 + len(item)
        if size > MAX_SCOPE:
            return
        yield item


def _suspicious(items: Iterable[str], secrets: tuple[str, ...]) -> set[str]:
    """The scopes that may be pieces of a secret in some encoding. Typical names of APIs' scopes are cheap to pass."""
    long = {item for item in items if len(item) >= _LONG}
    plain = {item for item in long if _PLAIN.fullmatch(item) or is_wording(item)}
    known = {item for item in items if item in secrets}
    return known | repeating(plain, secrets) | leaking(long - plain, secrets, between="/:.-")

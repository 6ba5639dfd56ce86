"""How the token endpoint caches: a model in pure time, without HTTP.

The same grant gets the same token, with a decreasing `expires_in`, until `lead` seconds before that token's expiry;
from then on it gets a new one. Nothing here reads a clock: every call is given the time.
"""

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

DEFAULT_SCOPES: Final = ("font:list", "font:read", "media:list", "media:read")
"""What a grant without scopes gets: several, so that fewer can be distinguished from all."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The cache key of a token: the same grant gets the same token."""

    client_id: str
    audience: str = ""
    scopes: tuple[str, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    """Other parameters of the request, sorted by name."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How tokens of a grant are issued. Times are in seconds."""

    lifetime: float = 86400.0
    lead: float = 3600.0
    """How long before the old token's expiry the new one is available; zero or negative: at expiry, or after."""
    leads: Callable[[int], float] | None = None
    """The lead of a grant's n-th token, counted from 1, if it isn't always `lead`."""
    lifetimes: Callable[[int, float], float] | None = None
    """The lifetime of a grant's n-th token by its number and its issue time, if it isn't always `lifetime`."""
    eager: bool = False
    """A new token lives from the moment of the rollover, as if others request it too.

    Otherwise it lives from the first request after that. Needs a lead shorter than the lifetime.
    """
    cached: bool = True
    """If False, every request mints a token."""
    alternating: bool = False
    """Two caches behind one name: from rollover to the old token's expiry they return new and old in turn."""
    frozen: bool = False
    """A cache that replays the first response: `expires_in` does not count down."""
    jwt: bool = False
    """Tokens have a header, a payload with `exp`, and a signature; otherwise they are opaque."""
    default_scopes: tuple[str, ...] = DEFAULT_SCOPES
    granted: tuple[str, ...] | None = None
    """The scopes of new tokens, whatever is requested."""


@dataclass(frozen=True, slots=True)
class Minted:
    """A token and everything that the endpoint knows about it; `value` never shows in its repr."""

    serial: int
    """1 for the endpoint's first token; printed instead of the token."""
    grant: Grant
    value: str = field(repr=False)
    scopes: tuple[str, ...]
    issued: float
    expires: float
    rolls_over: float
    """From when on the cache returns a newer one."""


@dataclass(frozen=True, slots=True)
class Issued:
    """The response to one request."""

    token: Minted
    expires_in: int
    """In whole seconds, truncated; 0 for an expired token."""
    minted: bool
    """Whether this request minted the token."""


@dataclass(slots=True)
class _Entry:
    """What the cache holds for a grant."""

    current: Minted
    previous: Minted | None = None
    number: int = 1
    """The current token's number within the grant, from 1."""
    turns: int = 0
    """Responses since the rollover."""
    due: bool = False
    """A test requested a rollover now."""


class Issuer:
    """Mints tokens, caches them by grant, and recognises them."""

    def __init__(self, policy: Policy | Callable[[Grant], Policy] | None = None, *, skew: float = 0.0) -> None:
        """`policy` is one for all, or chosen by grant; a JWT's `exp` follows a clock that is `skew` seconds ahead."""
        self._policy = policy or Policy()
        self._skew = skew
        self._cache: dict[Grant, _Entry] = {}
        self._minted: dict[str, Minted] = {}

    def policy(self, grant: Grant) -> Policy:
        """The policy that applies to the grant."""
        return self._policy(grant) if callable(self._policy) else self._policy

    def answer(self, grant: Grant, now: float, policy: Policy | None = None) -> Issued:
        """The cached token, or a new one at rollover; `policy` replaces the grant's own."""
        policy = policy or self.policy(grant)
        entry = self._cache.get(grant)
        while entry is not None and policy.eager and now > entry.current.rolls_over:
            entry = self._roll_over(grant, entry.current.rolls_over, policy, entry)
        if (
            entry is None
            or not policy.cached
            or entry.due
            or now >= entry.current.expires - _lead(policy, entry.number)
        ):
            entry = self._roll_over(grant, now, policy, entry)
            return Issued(entry.current, int(_lifetime(policy, entry.number, now)), minted=True)
        entry.turns += 1
        token = entry.current
        if policy.alternating and entry.turns % 2 == 0 and entry.previous and now < entry.previous.expires:
            token = entry.previous
        start = token.issued if policy.frozen else now
        return Issued(token, max(0, int(token.expires - start)), minted=False)

    def _roll_over(self, grant: Grant, now: float, policy: Policy, old: _Entry | None) -> _Entry:
        number = old.number + 1 if old else 1
        token = self.mint(grant, now, policy, number)
        entry = self._cache[grant] = _Entry(token, old.current if old else None, number, turns=1)
        return entry

    def mint(self, grant: Grant, now: float, policy: Policy, number: int = 1) -> Minted:
        """A new uncached token, the grant's n-th: the API knows it, but it isn't returned again."""
        scopes = grant.scopes or policy.default_scopes
        if policy.granted is not None:
            scopes = policy.granted
        # A JWT has whole seconds, so its token's expiry does too.
        issued = float(int(now + self._skew)) - self._skew if policy.jwt else now
        expires = issued + _lifetime(policy, number, issued)
        value = _jwt(grant, scopes, expires + self._skew) if policy.jwt else secrets.token_urlsafe(48)
        rolls_over = expires - _lead(policy, number) if policy.cached else issued
        token = Minted(len(self._minted) + 1, grant, value, scopes, issued, expires, rolls_over)
        self._minted[value] = token
        return token

    def roll_over(self, client_id: str | None = None) -> None:
        """Makes the next request of the client's grants, or of all, mint a token, whatever the time."""
        for grant, entry in list(self._cache.items()):
            if client_id in (None, grant.client_id):
                entry.due = True

    def revoke(self, client_id: str | None = None, *, now: float) -> None:
        """Expires the tokens of the client's grants, or of all: the API refuses them and the cache forgets them."""
        for value, token in list(self._minted.items()):
            if client_id in (None, token.grant.client_id):
                self._minted[value] = replace(token, expires=min(token.expires, now))
        for grant in list(self._cache):
            if client_id in (None, grant.client_id):
                del self._cache[grant]

    def find(self, value: str) -> Minted | None:
        """The token with that value, if it was minted here."""
        return self._minted.get(value)

    def __iter__(self) -> Iterator[Minted]:
        """Every token minted, oldest first."""
        return iter(list(self._minted.values()))


def _lead(policy: Policy, number: int) -> float:
    return policy.lead if policy.leads is None else policy.leads(number)


def _lifetime(policy: Policy, number: int, issued: float) -> float:
    return policy.lifetime if policy.lifetimes is None else policy.lifetimes(number, issued)


def _jwt(grant: Grant, scopes: tuple[str, ...], expires: float) -> str:
    """The shape of a JWT (RFC 7519); the signature is random, since nobody here verifies it."""
    claims = {"sub": grant.client_id, "aud": grant.audience, "scope": " ".join(scopes), "exp": round(expires)}
    parts = [
        json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims | {"jti": secrets.token_hex(8)})
    ]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, secrets.token_bytes(64)))

"""A token, and what it is a token of."""

from dataclasses import dataclass, field
from enum import Enum, auto


class Assumption(Enum):
    """Why the expiry of a token that was answered is assumed."""

    UNTOLD = auto()
    """The answer has no `expires_in`, and the token is no JWT that tells."""
    OTHER_FIELD = auto()
    """The same, but it has a field by which other clients are told."""
    ZERO = auto()
    """`expires_in` is 0 or -1: never, at some endpoints. At a cache it may be a token that has expired."""
    UNREADABLE = auto()
    """`expires_in` is neither a number of seconds nor a UNIX time near now."""
    BEYOND_MAXIMUM = auto()
    """What is told is beyond the endpoint's maximum lifetime."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as issued; `access_token` never shows in its repr. Times are wall times in seconds since the epoch."""

    access_token: str = field(repr=False)
    issued: float
    """When the request was sent that was first answered with it."""
    expires: float
    assumed: bool
    """The endpoint told no expiry that can be believed: this one is a date to ask again, and no deadline."""
    scope: tuple[str, ...] | None
    """What was granted; None where the endpoint told nothing of it."""
    scope_incomplete: bool = False
    """The endpoint granted more than `scope` tells: compared with another it shows nothing."""
    assumption: Assumption | None = field(default=None, compare=False)
    """Why, where this process was answered it: it is not stored."""
    token_id: str = field(default="", repr=False, compare=False)
    """`jti` of a JWT (RFC 7519, 4.1.7), where this process was answered it and it holds nothing of what was sent."""
    skew: float = field(default=0.0, compare=False)
    """Seconds by which the endpoint's clock seemed to be ahead of ours, where that was too much to go by it; not stored
    either."""

    @property
    def lifetime(self) -> float:
        """Seconds from first sight to expiry."""
        return self.expires - self.issued


@dataclass(frozen=True, slots=True)
class GrantIdentity:
    """The inputs of the grant that a token belongs to, without any secret or a digest of one."""

    endpoint_uid: str
    grant_hash: str
    """SHA-256, in hex, of what the endpoint and the resource put into the request."""
    credentials_revision: str
    """Which credentials, and which version of them: to be compared alone, whatever source they are from."""


@dataclass(frozen=True, slots=True)
class StoredToken:
    """What a target Secret holds."""

    token: Token
    identity: GrantIdentity


def revision_of(uid: str, version: str) -> str:
    """The revision of an object of the API server, by its UID and resourceVersion."""
    return f"{uid}/{version}"


def stored_revision(revision: str) -> tuple[str, str]:
    """UID and resourceVersion of a revision, as they stand on a target Secret: users' Secrets have them apart."""
    uid, _, version = revision.partition("/")
    return uid, version

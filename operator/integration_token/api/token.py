"""A token, and the grant that it belongs to."""

from dataclasses import dataclass, field
from enum import Enum, auto


class Assumption(Enum):
    """Why the expiry of a token had to be assumed."""

    UNTOLD = auto()
    """The response has no `expires_in`, and the token is not a JWT with an expiry."""
    OTHER_FIELD = auto()
    """The same, but the response has another field that states it to other clients."""
    ZERO = auto()
    """`expires_in` is 0 or -1: at some endpoints it means never. From a cache it may mean an expired token."""
    UNREADABLE = auto()
    """`expires_in` is neither a number of seconds nor a UNIX time near now."""
    BEYOND_MAXIMUM = auto()
    """The stated expiry is beyond the endpoint's maximum lifetime."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as issued; its repr never shows `access_token`. Times are wall times in seconds since the epoch."""

    access_token: str = field(repr=False)
    issued: float
    """When the request was sent that first returned it."""
    expires: float
    assumed: bool
    """The endpoint stated no expiry that can be believed: this one is a date to ask again, not a deadline."""
    scope: tuple[str, ...] | None
    """The granted scopes; None if the endpoint did not state them."""
    scope_incomplete: bool = False
    """The endpoint granted more than `scope` lists, so comparing it with another shows nothing."""
    assumption: Assumption | None = field(default=None, compare=False)
    """The reason, if this process received the response: it is not stored."""
    token_id: str = field(default="", repr=False, compare=False)
    """`jti` of a JWT (RFC 7519, 4.1.7), if this process received the response and it contains nothing of what was
    sent."""
    skew: float = field(default=0.0, compare=False)
    """Seconds by which the endpoint's clock seemed to be ahead of ours, if that was too much to rely on it; not stored
    either."""

    @property
    def lifetime(self) -> float:
        """Seconds from the issue time to the expiry."""
        return self.expires - self.issued


@dataclass(frozen=True, slots=True)
class GrantIdentity:
    """The inputs of the grant that a token belongs to, without secrets or digests of secrets."""

    endpoint_uid: str
    grant_hash: str
    """SHA-256, in hex, of what the endpoint and the resource put into the request."""
    credentials_revision: str
    """Which credentials, and which version of them. Only compared for equality, whatever their source."""


@dataclass(frozen=True, slots=True)
class StoredToken:
    """The content of a target Secret."""

    token: Token
    identity: GrantIdentity


def revision_of(uid: str, version: str) -> str:
    """The revision of an API object, from its UID and resourceVersion."""
    return f"{uid}/{version}"


def stored_revision(revision: str) -> tuple[str, str]:
    """UID and resourceVersion of a revision. A target Secret stores them separately."""
    uid, _, version = revision.partition("/")
    return uid, version

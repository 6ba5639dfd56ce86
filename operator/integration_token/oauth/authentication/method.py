"""What all methods of client authentication have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """What the credentials Secret holds; nothing of it shows in the repr."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authentication:
    """What a method adds to one token request."""

    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Of the body."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What no message may repeat if the endpoint's answer does: all that proves who the client is."""


class ClientAuthentication(Protocol):
    """A method of client authentication. It keeps nothing."""

    def authenticate(self, credentials: ClientCredentials) -> Authentication:
        """What one request needs."""

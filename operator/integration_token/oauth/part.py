"""The parts of a token request that can be exchanged: what each is made from, and what it adds."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Final, Protocol

from integration_token.api.endpoint import RequestEncoding

CLIENT_CREDENTIALS: Final = "ClientCredentials"
"""The grant type of all requests so far."""


@dataclass(frozen=True, slots=True)
class GrantInputs:
    """All that goes into a token request and is no secret: listed here alone, so that none can be forgotten where
    grants are told apart."""

    token_url: str
    encoding: RequestEncoding
    authentication: str
    parameters: tuple[tuple[str, str], ...]
    audience: str
    scopes: tuple[str, ...]
    grant_type: str = CLIENT_CREDENTIALS

    @property
    def fingerprint(self) -> tuple[Any, ...]:
        """All of them, as JSON has them: what differs in one is another grant.

        A field that has a default counts only if it differs from that: the fingerprints that are stored on users'
        Secrets must stay what they are when a field is added, or an upgrade would cost a request for each.
        """
        return tuple(
            value if each.default is MISSING else [each.name, value]
            for each in fields(self)
            if (value := getattr(self, each.name)) != each.default
        )


@dataclass(frozen=True, slots=True)
class TokenRequestSpec:
    """One token request as it is to be made. No credential shows in the repr."""

    inputs: GrantInputs
    credentials: Mapping[str, str] = field(repr=False)
    """What was read of what its parts need, by the names under which they ask for it."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one part adds to one token request. Nothing of it shows in the repr."""

    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Of the body."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What no message may repeat if the endpoint's answer does: what it was sent, or could make of that."""


class Part(Protocol):
    """A method of client authentication, or a grant type. It keeps nothing."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The keys of the credentials Secret that are read for it, by the names that they have unless
        spec.credentialsSecretRef gives others."""

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """Its share of one request.

        :param now: wall time in seconds, for what bears a date.
        """

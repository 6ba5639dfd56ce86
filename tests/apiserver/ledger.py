"""What must never leak, and everything that this session's operators left behind, for the canary test."""

import itertools
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from tests.apiserver.kube import Kube
from tests.fakes.token_endpoint import TokenEndpoint


@dataclass
class Ledger:
    """One for the whole session."""

    secrets: set[str] = field(default_factory=set)
    """Every client secret in use, including wrong ones, and the operators' own tokens for the API server."""
    users: set[str] = field(default_factory=set)
    """The operators' ServiceAccounts."""
    endpoints: list[TokenEndpoint] = field(default_factory=list)
    """The token endpoints, which know every token."""
    logs: list[Path] = field(default_factory=list)
    """The logs of every operator process."""
    kubes: list[Kube] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    """What was collected along the way: command lines, environments, metrics."""

    def odd_secret(self) -> str:
        """A new client secret that reads differently in each encoding."""
        one, two, three = (secrets.token_urlsafe(9) for _ in range(3))
        return self.note(f"{one}%2f+/\"'\\{two}é ß€&=?#:<>{three}")

    def plain_secret(self) -> str:
        """A new client secret that no encoding changes, so that an endpoint can echo it as an error code."""
        return self.note(secrets.token_hex(16))

    def note(self, secret: str) -> str:
        """Records a secret that is in use from now on."""
        self.secrets.add(secret)
        return secret

    def tokens(self) -> set[str]:
        """Every token minted so far."""
        return set(itertools.chain.from_iterable(endpoint.tokens() for endpoint in self.endpoints))

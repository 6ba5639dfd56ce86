"""The tokens of the room: how long they live, and how early the next one is there."""

from dataclasses import dataclass
from typing import Final

from tests.fakes.issuer import Policy

KUBELET: Final = 2.0
"""Seconds from a Secret's change to the file's, where a kubelet takes up to 90."""
SLOWEST: Final = 90.0
"""What a kubelet takes at most: it syncs each pod, and so looks at its Secrets, every 60 to 90 s."""


@dataclass(frozen=True, slots=True)
class Pace:
    """One IntegrationToken, of which each program of the pace reads the Secret."""

    name: str
    lifetime: float
    """Seconds, as all times here."""
    lead: float
    jwt: bool = False

    @property
    def policy(self) -> Policy:
        """Of the token endpoint."""
        return Policy(self.lifetime, self.lead, jwt=self.jwt)

    def covers(self, delay: float) -> bool:
        """Whether a program that goes on for so long with what it has read sends no expired token."""
        return self.lead >= KUBELET + delay


QUICK: Final = Pace("quick", lifetime=20, lead=10)
"""For programs that read the file for each request."""
PATIENT: Final = Pace("patient", lifetime=140, lead=70)
"""For libraries that keep what they have read for a minute."""
SIGNED: Final = Pace("signed", lifetime=140, lead=70, jwt=True)
"""For those that take JWTs alone."""

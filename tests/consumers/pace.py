"""The tokens used here: how long they live, and how early the next one is available."""

from dataclasses import dataclass
from typing import Final

from tests.fakes.issuer import Policy

KUBELET: Final = 2.0
"""Seconds from a Secret's change to the file's, for which a kubelet takes up to 90."""
SLOWEST: Final = 90.0
"""The most that a kubelet takes: it syncs each pod, and so reads its Secrets, every 60 to 90 s."""


@dataclass(frozen=True, slots=True)
class Pace:
    """One IntegrationToken; every program of the pace reads its Secret."""

    name: str
    lifetime: float
    """In seconds, like all times here."""
    lead: float
    jwt: bool = False

    @property
    def policy(self) -> Policy:
        """The token endpoint's policy."""
        return Policy(self.lifetime, self.lead, jwt=self.jwt)

    def covers(self, delay: float) -> bool:
        """Whether a program that keeps using what it has read for this long sends no expired token."""
        return self.lead >= KUBELET + delay


QUICK: Final = Pace("quick", lifetime=20, lead=10)
"""For programs that read the file for each request."""
PATIENT: Final = Pace("patient", lifetime=140, lead=70)
"""For libraries that cache what they read for a minute."""
SIGNED: Final = Pace("signed", lifetime=140, lead=70, jwt=True)
"""For those that accept only JWTs."""

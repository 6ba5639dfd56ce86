"""The operators' account: a token for each process, which a kubelet would renew in time, or late."""

import threading
from typing import Final

from tests.apiserver.ledger import Ledger
from tests.cluster.account_token import AccountToken
from tests.cluster.plane import ControlPlane
from tests.faults.audit import credential_id

LIFETIME: Final = 3600.0
"""Lifetime in seconds of a token renewed in time."""


class Accounts:
    """The tokens of all processes; the audit log identifies processes by them."""

    def __init__(self, plane: ControlPlane, ledger: Ledger, namespace: str, name: str) -> None:
        """For this ServiceAccount."""
        self._plane = plane
        self._ledger = ledger
        self._namespace = namespace
        self._name = name
        self._tokens: list[AccountToken] = []
        self._lock = threading.Lock()
        self.processes: dict[str, int] = {}
        """The process's number, by the ID of its credential."""

    def issue(self) -> AccountToken:
        """Issues a token for the next process."""
        with self._lock:
            token = self._plane.account_token(self._namespace, self._name, LIFETIME)
            self._tokens.append(token)
            self._note()
        return token

    def expire(self) -> None:
        """Makes all tokens expire."""
        self._renew(0.0)

    def renew(self) -> None:
        """Renews all tokens."""
        self._renew(LIFETIME)

    def _renew(self, seconds: float) -> None:
        with self._lock:
            for token in self._tokens:
                token.renew(seconds)
            self._note()

    def _note(self) -> None:
        for number, token in enumerate(self._tokens):
            self.processes[credential_id(self._ledger.note(token.token))] = number

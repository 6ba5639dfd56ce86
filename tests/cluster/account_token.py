"""A ServiceAccount's token in a file that is renewed, as the kubelet does it for a pod, but as short-lived as a test
wants it: the API's own TokenRequest grants no less than 10 minutes."""

import base64
import json
import math
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

ISSUER: Final = "https://kubernetes.default.svc.cluster.local"

LEEWAY: Final = 60
"""Seconds for which the API server takes an expired token still (go-jose, jwt.DefaultLeeway)."""

REMEMBERED: Final = 10
"""Seconds for which the API server takes a token unseen after it has proven it: one that is in use is refused so much
later at most."""


class AccountToken:
    """The token of one ServiceAccount, in a file."""

    def __init__(self, path: Path, signing_key: Path, account: Mapping[str, Any], seconds: float) -> None:
        """Writes the first one.

        :param path: of the file; others may lie beside it.
        :param signing_key: the API server's for ServiceAccounts, elliptic (P-256).
        :param account: the metadata of the ServiceAccount.
        :param seconds: how long it is valid.
        """
        key = serialization.load_pem_private_key(signing_key.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self._account = account
        self.path = path
        self.kubeconfig = path.with_suffix(".kubeconfig")
        """Of the account, by the file. The control plane writes it."""
        self.renew(seconds)

    @property
    def token(self) -> str:
        """The one in the file."""
        return self.path.read_text()

    def renew(self, seconds: float) -> None:
        """Put another token in the file's place, that is valid for so many seconds from now."""
        draft = self.path.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_text(self._signed(self._claims(seconds)))
        draft.replace(self.path)

    def _claims(self, seconds: float) -> dict[str, Any]:
        """As of TokenRequest (k8s.io/kubernetes, pkg/serviceaccount/claims.go), issued a leeway ago."""
        issued = time.time() - LEEWAY  # of which the API server takes whole seconds only
        namespace, name = self._account["namespace"], self._account["name"]
        return {
            "iss": ISSUER,
            "sub": f"system:serviceaccount:{namespace}:{name}",
            "aud": [ISSUER],
            "iat": int(issued),
            "nbf": int(issued),
            "exp": math.ceil(issued + seconds),
            "jti": str(uuid.uuid4()),
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name, "uid": self._account["uid"]}},
        }

    def _signed(self, claims: dict[str, Any]) -> str:
        """A JWT by ES256 (RFC 7518, section 3.4)."""
        parts = [_encoded(json.dumps(part).encode()) for part in ({"alg": "ES256", "typ": "JWT"}, claims)]
        numbers = utils.decode_dss_signature(self._key.sign(".".join(parts).encode(), ec.ECDSA(hashes.SHA256())))
        return ".".join([*parts, _encoded(b"".join(number.to_bytes(32, "big") for number in numbers))])


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

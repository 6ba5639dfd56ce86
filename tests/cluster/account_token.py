"""A ServiceAccount's token in a file that is renewed, as the kubelet does for a pod, but with any short lifetime.

The API's own TokenRequest grants no less than 10 minutes.
"""

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
"""Seconds for which the API server still accepts an expired token (go-jose, jwt.DefaultLeeway)."""

REMEMBERED: Final = 10
"""Seconds for which the API server caches a verified token: one in use is refused this much later at most."""


class AccountToken:
    """The token of one ServiceAccount, in a file."""

    def __init__(self, path: Path, signing_key: Path, account: Mapping[str, Any], seconds: float) -> None:
        """Writes the first one.

        :param path: of the file; other files may be next to it.
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
        """A kubeconfig of the account that uses the file. The control plane writes it."""
        self.renew(seconds)

    @property
    def token(self) -> str:
        """The token in the file."""
        return self.path.read_text()

    def renew(self, seconds: float) -> None:
        """Replaces the file's token by another one that is valid for this many seconds from now."""
        draft = self.path.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_text(self._signed(self._claims(seconds)))
        draft.replace(self.path)

    def _claims(self, seconds: float) -> dict[str, Any]:
        """Like TokenRequest's (k8s.io/kubernetes, pkg/serviceaccount/claims.go), but issued a leeway ago."""
        issued = time.time() - LEEWAY  # of which the API server only accepts whole seconds
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
        """A JWT signed with ES256 (RFC 7518, section 3.4)."""
        parts = [_encoded(json.dumps(part).encode()) for part in ({"alg": "ES256", "typ": "JWT"}, claims)]
        numbers = utils.decode_dss_signature(self._key.sign(".".join(parts).encode(), ec.ECDSA(hashes.SHA256())))
        return ".".join([*parts, _encoded(b"".join(number.to_bytes(32, "big") for number in numbers))])


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

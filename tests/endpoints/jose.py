"""Keys as JSON, and signed JWTs, written from the algorithms: no code is shared with what is tested."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

BITS = 2048
"""RSA key size: the least that the servers accept."""


def new_key() -> str:
    """An RSA key in PEM (PKCS #8)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_jwk(key: str) -> dict[str, str]:
    """The public half of a key in PEM, as in RFC 7517, without a `kid`."""
    numbers = _loaded(key).public_key().public_numbers()
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "n": _number(numbers.n), "e": _number(numbers.e)}


def signed_by_key(claims: Mapping[str, object], key: str, **header: str) -> str:
    """A JWT signed with RS256."""
    text = _signed_part({"alg": "RS256", "typ": "JWT", **header}, claims)
    return f"{text}.{encoded(_loaded(key).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def signed_by_secret(claims: Mapping[str, object], secret: str) -> str:
    """A JWT signed with HS256."""
    text = _signed_part({"alg": "HS256", "typ": "JWT"}, claims)
    return f"{text}.{encoded(hmac.digest(secret.encode(), text.encode(), hashlib.sha256))}"


def encoded(data: bytes) -> str:
    """Unpadded base64url."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, object]:
    """The claims of a JWT, unverified; empty if it isn't one."""
    try:
        _, payload, _ = token.split(".")
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _signed_part(header: Mapping[str, str], claims: Mapping[str, object]) -> str:
    return ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))


def _number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8))


def _loaded(key: str) -> rsa.RSAPrivateKey:
    loaded = load_pem_private_key(key.encode(), password=None)
    assert isinstance(loaded, rsa.RSAPrivateKey)
    return loaded

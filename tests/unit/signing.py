"""Keys and certificates as people store them, generated once per process."""

import base64
import json
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from tests.unit.virtual import EPOCH

Key: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

PKCS8 = PrivateFormat.PKCS8
TRADITIONAL = PrivateFormat.TraditionalOpenSSL
DAY = 86400.0


@cache
def rsa_key(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    """An RSA key; each number gives a different one."""
    return rsa.generate_private_key(65537, bits)


@cache
def key_of(kind: str) -> Key:
    """A key of the kind that messages call it."""
    if kind == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    curves: dict[str, ec.EllipticCurve] = {
        "P-256": ec.SECP256R1(),
        "P-384": ec.SECP384R1(),
        "P-521": ec.SECP521R1(),
        "secp256k1": ec.SECP256K1(),
    }
    return rsa_key() if kind == "RSA" else ec.generate_private_key(curves[kind])


def pem(key: Any, form: PrivateFormat = PKCS8, password: str = "") -> str:
    """The key in PEM."""
    lock: KeySerializationEncryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return str(key.private_bytes(Encoding.PEM, form, lock).decode())


def jwk(key: Key, **more: Any) -> str:
    """The key as a JWK."""
    algorithm: Any = OKPAlgorithm
    if isinstance(key, rsa.RSAPrivateKey):
        algorithm = RSAAlgorithm
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        algorithm = ECAlgorithm
    members = json.loads(algorithm.to_jwk(key))
    members.pop("key_ops", None)
    return json.dumps(members | more)


def certificate(key: Key, begins: float = EPOCH - DAY, ends: float = EPOCH + DAY) -> x509.Certificate:
    """A self-signed certificate for the key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime.fromtimestamp(begins, UTC))
    builder = builder.not_valid_after(datetime.fromtimestamp(ends, UTC))
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def certificate_pem(key: Key, begins: float = EPOCH - DAY, ends: float = EPOCH + DAY) -> str:
    """The same in PEM."""
    return certificate(key, begins, ends).public_bytes(Encoding.PEM).decode()


def thumbprint(certificate_text: str) -> str:
    """`x5t#S256` of a certificate, computed by hand (RFC 7515, 4.1.8)."""
    der = base64.b64decode("".join(certificate_text.splitlines()[1:-1]))
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    return base64.urlsafe_b64encode(digest.finalize()).decode().rstrip("=")


def der(tag: int, *parts: bytes) -> bytes:
    """A DER element (X.690, 10) of at most 64 KiB."""
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2)
    return bytes([tag]) + length + content


def pem_of(label: str, content: bytes) -> str:
    """Any content in PEM (RFC 7468)."""
    return f"-----BEGIN {label}-----\n{base64.encodebytes(content).decode()}-----END {label}-----\n"


def discrete_key(algorithm: str, bits: int) -> str:
    """A DSA or Diffie-Hellman private key in PKCS#8; computing its public key takes a power with this many bits.

    :param algorithm: its object identifier in DER, in hex.
    """
    number = der(2, b"\x00" + b"\xff" * (bits // 8))
    parameters = der(0x30, number, number, der(2, b"\x03"))
    return pem_of(
        "PRIVATE KEY",
        der(0x30, der(2, b"\x00"), der(0x30, der(6, bytes.fromhex(algorithm)), parameters), der(4, number)),
    )

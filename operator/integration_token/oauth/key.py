"""Reads and checks the private keys that people store for signing.

Anyone who can write a credentials Secret chooses the text, so the cost of reading a key is bounded. OpenSSL's own check
of an RSA key tests whether its factors are prime: 0.3 s at 4096 bits, during which the interpreter runs nothing else,
on any thread. The check here takes microseconds and shows that the parts of a key fit together; if its factors are not
prime, its signatures are worthless, which harms only its owner. DSA and Diffie-Hellman keys never reach OpenSSL, which
would compute the public key: seconds, during which again nothing else runs.

No message and no exception contains any part of a key: the libraries' exceptions are dropped where they are raised,
since some hold the whole text. Importing this module loads libraries of 8 MiB: only modules that sign import it.
"""

import base64
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPrivateNumbers, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm
from jwt.exceptions import InvalidKeyError

from integration_token.api.condition import Reason
from integration_token.api.integration import PRIVATE_KEY
from integration_token.errors import EndpointUnusable, UserActionRequired
from integration_token.oauth.part import MULTILINE

Signing: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey

_LONGEST: Final = MULTILINE[PRIVATE_KEY]

_ALGORITHMS: Final[Mapping[str, tuple[str, ...]]] = {
    "RSA": ("RS256", "PS256"),
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
    "Ed25519": ("EdDSA",),
}
"""The algorithms that each kind of key can sign with (RFC 7518, 3.1; RFC 8037, 3.1). The first is the default: most
servers accept it."""

_KINDS: Final = "an RSA key of 2048 to 4096 bits, or a P-256, P-384, P-521 or Ed25519 key"
_LEAST_BITS: Final = 2048
"""RFC 7518, 3.3."""
_MOST_BITS: Final = 4096
"""Signing takes time cubic in this."""
_MOST_EXPONENT: Final = 2**64
"""OpenSSL's own bound: it verifies what it signed, which takes longer with a larger exponent."""

_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----")
_PRIVATE = frozenset({"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"})
"""PKCS#8, PKCS#1 and SEC1 (RFC 7468, 10; RFC 8017, A.1.2; RFC 5915)."""
_PKCS8 = "PRIVATE KEY"
_TO_ALGORITHM = re.compile(
    rb"\x30(?:[\x00-\x7f]|\x81.|\x82..)\x02\x01[\x00\x01]\x30(?:[\x00-\x7f]|\x81.|\x82..)\x06(.)", re.DOTALL
)
"""How PKCS#8 begins, in DER, up to the length of the algorithm's identifier (RFC 5958, 2)."""
_READ = frozenset(map(bytes.fromhex, ("2a864886f70d010101", "2a864886f70d01010a", "2a8648ce3d0201", "2b6570")))
"""RSA, RSA for PSS only, elliptic curves and Ed25519 (RFC 8017, A.1; RFC 5480, 2.1.1; RFC 8410, 3)."""
_ENCRYPTED = ("BEGIN ENCRYPTED PRIVATE KEY", "4,ENCRYPTED")
"""PKCS#8, and OpenSSL's older format. Never decrypted: whoever chooses the text also chooses how long a password takes
to check."""

_TEXT = re.compile(r"[A-Za-z0-9_-]+")
"""Base64url (RFC 7515, 2)."""
_RSA_MEMBERS = ("n", "e", "d", "p", "q", "dp", "dq", "qi")
_SECRET_MEMBERS = ("d", "p", "q", "dp", "dq", "qi")
"""RFC 7518, 6.2.2 and 6.3.2."""
_LONGEST_ID = 256
"""The same limit as the schema's for spec.assertion.keyID."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that can sign."""

    key: Signing = field(repr=False)
    kind: str
    key_id: str
    """`kid` of the JWK; empty for a key from PEM, or without a `kid`."""
    algorithm: str
    """`alg` of the JWK; empty likewise."""
    secrets: tuple[str, ...] = field(repr=False)
    """Texts that no message may contain any part of."""

    @property
    def pem(self) -> str:
        """PKCS#8, not encrypted."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def signs_by(self, wanted: str, where: str) -> str:
        """The algorithm to sign with.

        :param wanted: the endpoint's; empty for the default.
        :param where: source of the key, for messages.
        :raises UserActionRequired: if the key cannot sign with that algorithm.
        """
        suited = _ALGORITHMS[self.kind]
        if not wanted:
            return self.algorithm if self.algorithm in suited else suited[0]
        if wanted in suited:
            return wanted
        others = [kind for kind, algorithms in _ALGORITHMS.items() if wanted in algorithms]
        if not others:
            raise EndpointUnusable(
                Reason.INVALID_SPEC,
                f"no private key can sign with {wanted}, which spec.assertion.signingAlgorithm of the endpoint sets;"
                " remove that field, or set spec.clientAuthenticationMethod to ClientSecretJWT",
            )
        raise invalid(
            f"{where} is a key of type {self.kind}, but spec.assertion.signingAlgorithm of the endpoint is {wanted};"
            f" store a key of type {others[0]}, or have that field removed or set to {' or '.join(suited)}"
        )


def invalid(message: str) -> UserActionRequired:
    """The failure for credentials that cannot be used."""
    return UserActionRequired(Reason.CREDENTIALS_INVALID, message)


def read_private_key(text: str, where: str) -> PrivateKey:
    """A private key from PEM (PKCS#8, PKCS#1, SEC1) or a JWK (RFC 7517).

    :param where: source of the text, for messages.
    :raises UserActionRequired: if it is not a private key that can sign.
    """
    if len(text) > _LONGEST:
        raise invalid(f"{where} is longer than {_LONGEST // 1024} KiB; store only the private key")
    if text.lstrip().startswith("{"):
        return _of_jwk(text, where)
    return _of_pem(text, where)


def _of_pem(text: str, where: str) -> PrivateKey:
    if any(mark in text for mark in _ENCRYPTED):
        raise invalid(f"{where} is encrypted; store it without a password, as written by openssl pkey -in FILE")
    blocks = [(label, body) for label, body in _BLOCK.findall(text) if label in _PRIVATE]
    if len(blocks) != 1:
        raise invalid(_miscounted(text, len(blocks), where))
    [(label, body)] = blocks
    loaded = _loaded(label, _content(body), where)
    if loaded is None:
        raise invalid(f"{where} is PEM, but contains no private key that can be read; store {_KINDS}")
    return _judged(loaded, where, secrets=("".join(body.split()),))


def _loaded(label: str, content: bytes, where: str) -> Any:
    """The key that the library reads from a block's content; None if it cannot."""
    if label == _PKCS8:
        algorithm = _algorithm(content)
        if not algorithm:
            return None
        if algorithm not in _READ:
            raise invalid(_of_other_kind(where))
    # Encoded again, so that the library reads exactly what was checked.
    block = f"-----BEGIN {label}-----\n{base64.b64encode(content).decode()}\n-----END {label}-----\n"
    try:
        return load_pem_private_key(block.encode(), None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _content(body: str) -> bytes:
    """The content of a PEM block; empty if it cannot be decoded."""
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except ValueError:
        return b""


def _algorithm(content: bytes) -> bytes:
    """The identifier of a PKCS#8 key's algorithm; empty if it cannot be read."""
    found = _TO_ALGORITHM.match(content)
    return content[found.end() : found.end() + found[1][0]] if found else b""


def _of_other_kind(where: str) -> str:
    return f"{where} is a private key of an unsupported type; store {_KINDS}"


def _miscounted(text: str, found: int, where: str) -> str:
    if found:
        return f"{where} contains {found} private keys; store only the one to use"
    if "BEGIN OPENSSH PRIVATE KEY" in text:
        return f"{where} is in OpenSSH's own format; convert it with ssh-keygen -p -m pkcs8 -f FILE"
    others = [name for name in ("CERTIFICATE", "PUBLIC KEY") if f"BEGIN {name}" in text]
    if others:
        return f"{where} contains a {others[0].lower()} but no private key; store the private key that belongs to it"
    return f"{where} is not a private key in PEM or JWK format; store {_KINDS}, including its line breaks"


def _of_jwk(text: str, where: str) -> PrivateKey:
    jwk: Any = None
    with suppress(ValueError, RecursionError):  # reported below: this exception holds the text
        jwk = json.loads(text)
    if not isinstance(jwk, dict):
        raise invalid(f"{where} looks like a JWK but is not valid JSON; store it again")
    if "keys" in jwk:
        raise invalid(f"{where} is a JWK set; store only the private key to use")
    if jwk.get("kty") not in ("RSA", "EC", "OKP"):
        raise invalid(f"{where} is a JWK whose kty is not RSA, EC or OKP; store {_KINDS}")
    if "d" not in jwk:
        raise invalid(f"{where} is a JWK without d, so a public key; store the private key that belongs to it")
    members = {name: value for name, value in jwk.items() if isinstance(value, str) and _TEXT.fullmatch(value)}
    loaded = _of_rsa_members(members, where) if jwk["kty"] == "RSA" else _of_curve_members(members)
    if loaded is None:
        raise invalid(f"{where} is a JWK whose members do not form a usable private key; store {_KINDS}")
    secrets = tuple(members[name] for name in _SECRET_MEMBERS if name in members)
    return _judged(loaded, where, secrets, _short(jwk.get("kid")), _short(jwk.get("alg")))


def _short(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= _LONGEST_ID else ""


def _of_rsa_members(members: Mapping[str, str], where: str) -> RSAPrivateKey | None:
    lacking = [name for name in _RSA_MEMBERS if name not in members]
    if lacking:
        # RFC 7518, 6.3.2 allows all but d to be left out. Recovering the factors may take a minute of CPU.
        raise invalid(f"{where} is a JWK without {', '.join(lacking)}; store it with all of {', '.join(_RSA_MEMBERS)}")
    n, e, d, p, q, dp, dq, qi = (_number(members[name]) for name in _RSA_MEMBERS)
    numbers = RSAPrivateNumbers(p, q, d, dp, dq, qi, RSAPublicNumbers(e, n))
    _check_bits(n.bit_length(), where)
    if not _fits_together(numbers):
        return None
    try:
        return numbers.private_key(unsafe_skip_rsa_key_validation=True)
    except ValueError:
        return None


def _number(text: str) -> int:
    return int.from_bytes(_decoded(text))


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""


def _of_curve_members(members: Mapping[str, str]) -> Signing | None:
    algorithm = ECAlgorithm if members["kty"] == "EC" else OKPAlgorithm
    try:
        loaded: Any = algorithm.from_jwk(dict(members))
    except (InvalidKeyError, ValueError):
        return None
    return loaded  # type: ignore[no-any-return]  # a private key, since there is a d


def _judged(loaded: Any, where: str, secrets: tuple[str, ...], key_id: str = "", algorithm: str = "") -> PrivateKey:
    kind = ""
    if isinstance(loaded, RSAPrivateKey):
        kind = "RSA"
        _check_bits(loaded.key_size, where)
        if not _fits_together(loaded.private_numbers()):
            raise invalid(f"{where} is an RSA key whose parts do not fit together; store it again")
    elif isinstance(loaded, EllipticCurvePrivateKey):
        kind = _CURVES.get(loaded.curve.name, "")
    elif isinstance(loaded, Ed25519PrivateKey):
        kind = "Ed25519"
    if not kind:
        raise invalid(_of_other_kind(where))
    return PrivateKey(loaded, kind, key_id, algorithm, secrets)


def _check_bits(bits: int, where: str) -> None:
    if not _LEAST_BITS <= bits <= _MOST_BITS:
        raise invalid(f"{where} is an RSA key of {bits} bits; store one of {_LEAST_BITS} to {_MOST_BITS}")


def _fits_together(numbers: RSAPrivateNumbers) -> bool:
    """Whether the numbers form an RSA key (RFC 8017, 3.2), except that its factors may not be prime."""
    n, e = numbers.public_numbers.n, numbers.public_numbers.e
    p, q, d = numbers.p, numbers.q, numbers.d
    # Sizes first, so that nothing below computes with numbers longer than a key's.
    if not (3 <= e < _MOST_EXPONENT and 2 < p < n and 2 < q < n and 2 < d < n and e & p & q & 1):
        return False
    return (
        p * q == n
        and e * d % (p - 1) == e * d % (q - 1) == 1
        and (numbers.dmp1, numbers.dmq1) == (d % (p - 1), d % (q - 1))
        and 0 < numbers.iqmp < p
        and numbers.iqmp * q % p == 1
    )

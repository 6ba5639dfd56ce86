"""Private keys as people store them: read, judged, and fit to sign with.

Whoever may write a credentials Secret chooses the text, so what it costs to read one is bounded. OpenSSL's own check of
an RSA key tests whether its factors are prime: 0.3 s at 4096 bits, in which the interpreter runs nothing else, on
whatever thread. What is checked here instead takes microseconds, and shows that the parts of a key fit together; if its
factors are no primes, its signatures are worthless, and that is its owner's loss alone. And no key of DSA or
Diffie-Hellman gets to OpenSSL, which would compute the public one: seconds, in which again nothing else runs.

No message and no exception holds anything of a key: those of the libraries are dropped where they are raised, since
some hold the whole text. Who imports this pays for its libraries, 8 MiB: only what signs does.
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
"""What each kind of key can sign by (RFC 7518, 3.1; RFC 8037, 3.1): the first, which most servers take, unless told
otherwise."""

_KINDS: Final = "an RSA key of 2048 to 4096 bits, or one of P-256, P-384, P-521 or Ed25519"
_LEAST_BITS: Final = 2048
"""RFC 7518, 3.3."""
_MOST_BITS: Final = 4096
"""A signature takes the cube of it."""
_MOST_EXPONENT: Final = 2**64
"""OpenSSL's own bound: it verifies what it signed, which takes the longer the larger this is."""

_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----")
_PRIVATE = frozenset({"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"})
"""PKCS#8, PKCS#1 and SEC1 (RFC 7468, 10; RFC 8017, A.1.2; RFC 5915)."""
_PKCS8 = "PRIVATE KEY"
_TO_ALGORITHM = re.compile(
    rb"\x30(?:[\x00-\x7f]|\x81.|\x82..)\x02\x01[\x00\x01]\x30(?:[\x00-\x7f]|\x81.|\x82..)\x06(.)", re.DOTALL
)
"""What PKCS#8 begins with, in DER, up to the length of the algorithm's identifier (RFC 5958, 2)."""
_READ = frozenset(map(bytes.fromhex, ("2a864886f70d010101", "2a864886f70d01010a", "2a8648ce3d0201", "2b6570")))
"""RSA, RSA for PSS alone, elliptic curves and Ed25519 (RFC 8017, A.1; RFC 5480, 2.1.1; RFC 8410, 3)."""
_ENCRYPTED = ("BEGIN ENCRYPTED PRIVATE KEY", "4,ENCRYPTED")
"""PKCS#8 and OpenSSL's older way: whoever chooses the text also chooses how long its password takes to try."""

_TEXT = re.compile(r"[A-Za-z0-9_-]+")
"""Base64url (RFC 7515, 2)."""
_RSA_MEMBERS = ("n", "e", "d", "p", "q", "dp", "dq", "qi")
_SECRET_MEMBERS = ("d", "p", "q", "dp", "dq", "qi")
"""RFC 7518, 6.2.2 and 6.3.2."""
_LONGEST_ID = 256
"""As the schema has it for spec.assertion.keyID."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that can be signed with."""

    key: Signing = field(repr=False)
    kind: str
    key_id: str
    """`kid` of the JWK; empty if it is none, or has none."""
    algorithm: str
    """`alg` of the JWK; empty likewise."""
    secrets: tuple[str, ...] = field(repr=False)
    """What no message may hold a part of."""

    @property
    def pem(self) -> str:
        """As PKCS#8, not encrypted."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def signs_by(self, wanted: str, where: str) -> str:
        """The algorithm that it signs by.

        :param wanted: the endpoint's, empty if it wants none.
        :param where: the key is, for people.
        :raises UserActionRequired: if key and algorithm don't go together.
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
                f"no private key signs by {wanted}, which spec.assertion.signingAlgorithm of the endpoint names;"
                " remove it, or set spec.clientAuthenticationMethod to ClientSecretJWT",
            )
        raise invalid(
            f"{where} is of kind {self.kind}, and spec.assertion.signingAlgorithm of the endpoint is {wanted};"
            f" store a key of kind {others[0]}, or have that field removed or set to {' or '.join(suited)}"
        )


def invalid(message: str) -> UserActionRequired:
    """What is told of credentials that cannot be used."""
    return UserActionRequired(Reason.CREDENTIALS_INVALID, message)


def read_private_key(text: str, where: str) -> PrivateKey:
    """A private key from PEM (PKCS#8, PKCS#1, SEC1) or a JWK (RFC 7517).

    :param where: the text is, for people.
    :raises UserActionRequired: if it is none that can be signed with.
    """
    if len(text) > _LONGEST:
        raise invalid(f"{where} is longer than {_LONGEST // 1024} KiB; store the private key alone")
    if text.lstrip().startswith("{"):
        return _of_jwk(text, where)
    return _of_pem(text, where)


def _of_pem(text: str, where: str) -> PrivateKey:
    if any(mark in text for mark in _ENCRYPTED):
        raise invalid(f"{where} is encrypted; store it without a password, as openssl pkey -in FILE writes it")
    blocks = [(label, body) for label, body in _BLOCK.findall(text) if label in _PRIVATE]
    if len(blocks) != 1:
        raise invalid(_miscounted(text, len(blocks), where))
    [(label, body)] = blocks
    loaded = _loaded(label, _content(body), where)
    if loaded is None:
        raise invalid(f"{where} is PEM, but holds no private key that can be read; store {_KINDS}")
    return _judged(loaded, where, secrets=("".join(body.split()),))


def _loaded(label: str, content: bytes, where: str) -> Any:
    """What the library makes of a block's content; None if it can't read that."""
    if label == _PKCS8:
        algorithm = _algorithm(content)
        if not algorithm:
            return None
        if algorithm not in _READ:
            raise invalid(_of_other_kind(where))
    # Written anew, so that the library reads what was looked at.
    block = f"-----BEGIN {label}-----\n{base64.b64encode(content).decode()}\n-----END {label}-----\n"
    try:
        return load_pem_private_key(block.encode(), None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _content(body: str) -> bytes:
    """What a block of PEM holds; nothing if that can't be read."""
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except ValueError:
        return b""


def _algorithm(content: bytes) -> bytes:
    """The identifier of a PKCS#8 key's algorithm; empty if that can't be read."""
    found = _TO_ALGORITHM.match(content)
    return content[found.end() : found.end() + found[1][0]] if found else b""


def _of_other_kind(where: str) -> str:
    return f"{where} is a private key of a kind that cannot be used here; store {_KINDS}"


def _miscounted(text: str, found: int, where: str) -> str:
    if found:
        return f"{where} holds {found} private keys; store the one that is to be used"
    if "BEGIN OPENSSH PRIVATE KEY" in text:
        return f"{where} is in OpenSSH's own format; convert it by ssh-keygen -p -m pkcs8 -f FILE"
    others = [name for name in ("CERTIFICATE", "PUBLIC KEY") if f"BEGIN {name}" in text]
    if others:
        return f"{where} holds a {others[0].lower()} and no private key; store the private key that belongs to it"
    return f"{where} is no private key as PEM or JWK; store {_KINDS}, with its line breaks"


def _of_jwk(text: str, where: str) -> PrivateKey:
    jwk: Any = None
    with suppress(ValueError, RecursionError):  # told below: this exception holds the text
        jwk = json.loads(text)
    if not isinstance(jwk, dict):
        raise invalid(f"{where} begins like a JWK and is no JSON; store it anew")
    if "keys" in jwk:
        raise invalid(f"{where} is a set of JWKs; store the one private key that is to be used")
    if jwk.get("kty") not in ("RSA", "EC", "OKP"):
        raise invalid(f"{where} is a JWK whose kty is none of RSA, EC and OKP; store {_KINDS}")
    if "d" not in jwk:
        raise invalid(f"{where} is a JWK without d, and so a public key; store the private key that belongs to it")
    members = {name: value for name, value in jwk.items() if isinstance(value, str) and _TEXT.fullmatch(value)}
    loaded = _of_rsa_members(members, where) if jwk["kty"] == "RSA" else _of_curve_members(members)
    if loaded is None:
        raise invalid(f"{where} is a JWK whose members are no private key that can be used; store {_KINDS}")
    secrets = tuple(members[name] for name in _SECRET_MEMBERS if name in members)
    return _judged(loaded, where, secrets, _short(jwk.get("kid")), _short(jwk.get("alg")))


def _short(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= _LONGEST_ID else ""


def _of_rsa_members(members: Mapping[str, str], where: str) -> RSAPrivateKey | None:
    lacking = [name for name in _RSA_MEMBERS if name not in members]
    if lacking:
        # RFC 7518, 6.3.2 lets all but d be left out. To find the factors again may take a minute of a processor.
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
            raise invalid(f"{where} is an RSA key whose parts don't fit together; store it anew")
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
    """Whether an RSA key is one (RFC 8017, 3.2), but for its factors' being prime."""
    n, e = numbers.public_numbers.n, numbers.public_numbers.e
    p, q, d = numbers.p, numbers.q, numbers.d
    # Sizes first: none of the rest then works on longer numbers than a key's.
    if not (3 <= e < _MOST_EXPONENT and 2 < p < n and 2 < q < n and 2 < d < n and e & p & q & 1):
        return False
    return (
        p * q == n
        and e * d % (p - 1) == e * d % (q - 1) == 1
        and (numbers.dmp1, numbers.dmq1) == (d % (p - 1), d % (q - 1))
        and 0 < numbers.iqmp < p
        and numbers.iqmp * q % p == 1
    )

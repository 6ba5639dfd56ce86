"""Reads the certificates that a client presents, and checks them against its key and the clock."""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, InvalidVersion, load_pem_x509_certificate

from integration_token.api.integration import CERTIFICATE
from integration_token.api.value import format_time
from integration_token.oauth.key import PrivateKey, invalid
from integration_token.oauth.part import MULTILINE

_LONGEST: Final = MULTILINE[CERTIFICATE]

_MOST: Final = 8
"""Certificates in a chain: OpenSSL's servers accept ten, and two or three are usual."""

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----")


@dataclass(frozen=True, slots=True)
class Chain:
    """A client's certificate and its intermediates."""

    pem: str
    thumbprint: str
    """SHA-256 of the first certificate's DER, as base64url (RFC 7515, 4.1.8)."""


def read_chain(text: str, where: str, key: PrivateKey, place_of_key: str, now: float) -> Chain:
    """A PEM chain of certificates, the client's own first.

    :param where: source of the text, for messages.
    :param place_of_key: source of its key, for messages.
    :param now: wall time in seconds.
    :raises UserActionRequired: if it is not a chain, does not match the key, or is not valid now.
    """
    if len(text) > _LONGEST:
        raise invalid(f"{where} is longer than {_LONGEST // 1024} KiB; store the client's certificate first, then only"
                      " its intermediates")  # fmt: skip
    blocks = _BLOCK.findall(text)
    if not blocks:
        raise invalid(f"{where} contains no PEM certificate; store the one that belongs to {place_of_key}")
    if len(blocks) > _MOST:
        raise invalid(f"{where} contains {len(blocks)} certificates; store the client's own first, then only its"
                      " intermediates")  # fmt: skip
    own, *_ = [_read(block, number, where) for number, block in enumerate(blocks, 1)]
    if not _belongs(own, key):
        raise invalid(
            f"the first certificate in {where} does not match the key in {place_of_key}; store a matching pair, the"
            " client's own certificate first"
        )
    begins, ends = own.not_valid_before_utc.timestamp(), own.not_valid_after_utc.timestamp()
    if now > ends:
        raise invalid(f"the certificate in {where} expired at {format_time(ends)}; renew it")
    if now < begins:
        raise invalid(
            f"the certificate in {where} is not valid before {format_time(begins)}; wait until then, or check the"
            " clock of the operator's node"
        )
    return Chain("\n".join([*blocks, ""]), _thumbprint(own))


def _read(block: str, number: int, where: str) -> Certificate:
    try:
        return load_pem_x509_certificate(block.encode())
    except (ValueError, InvalidVersion):
        pass  # raised below, so that the library's exception is not attached
    raise invalid(f"certificate {number} in {where} cannot be parsed; replace it")


def _belongs(certificate: Certificate, key: PrivateKey) -> bool:
    try:
        return bool(certificate.public_key() == key.key.public_key())
    except (UnsupportedAlgorithm, ValueError):
        return False  # of a kind that no supported key has


def _thumbprint(certificate: Certificate) -> str:
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

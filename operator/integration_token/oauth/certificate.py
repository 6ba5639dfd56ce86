"""Certificates that a client shows: read, and held against its key and the clock."""

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
"""Certificates of a chain: OpenSSL's servers take ten, and those of two or three are usual."""

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----")


@dataclass(frozen=True, slots=True)
class Chain:
    """A client's certificate, and those between it and its root."""

    pem: str
    thumbprint: str
    """Of the first: SHA-256 of its DER, as base64url (RFC 7515, 4.1.8)."""


def read_chain(text: str, where: str, key: PrivateKey, place_of_key: str, now: float) -> Chain:
    """A chain of certificates, the client's own first, as PEM.

    :param where: the text is, for people.
    :param place_of_key: where its key is, for people.
    :param now: wall time in seconds.
    :raises UserActionRequired: if it is none, or not the key's, or not valid now.
    """
    if len(text) > _LONGEST:
        raise invalid(f"{where} is longer than {_LONGEST // 1024} KiB; store the client's certificate first, then"
                      " only those between it and its root")  # fmt: skip
    blocks = _BLOCK.findall(text)
    if not blocks:
        raise invalid(f"{where} holds no certificate as PEM; store the one that belongs to {place_of_key}")
    if len(blocks) > _MOST:
        raise invalid(f"{where} holds {len(blocks)} certificates; store the client's own first, then only those between"
                      " it and its root")  # fmt: skip
    own, *_ = [_read(block, number, where) for number, block in enumerate(blocks, 1)]
    if not _belongs(own, key):
        raise invalid(
            f"the first certificate of {where} doesn't belong to the key in {place_of_key}; store both anew from one"
            " source, the client's own certificate first"
        )
    begins, ends = own.not_valid_before_utc.timestamp(), own.not_valid_after_utc.timestamp()
    if now > ends:
        raise invalid(f"the certificate of {where} expired at {format_time(ends)}; renew it")
    if now < begins:
        raise invalid(
            f"the certificate of {where} is not valid before {format_time(begins)}; wait until then, or check the"
            " clock of the operator's node"
        )
    return Chain("\n".join([*blocks, ""]), _thumbprint(own))


def _read(block: str, number: int, where: str) -> Certificate:
    try:
        return load_pem_x509_certificate(block.encode())
    except (ValueError, InvalidVersion):
        pass  # raised below, where the library's exception is gone
    raise invalid(f"certificate {number} of {where} can't be read; store it anew")


def _belongs(certificate: Certificate, key: PrivateKey) -> bool:
    try:
        return bool(certificate.public_key() == key.key.public_key())
    except (UnsupportedAlgorithm, ValueError):
        return False  # of a kind that no key here has


def _thumbprint(certificate: Certificate) -> str:
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

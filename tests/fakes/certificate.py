"""Certificates of servers, each from an authority of its own."""

import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Self

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_VALID = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate and the authority that signed it, made for this process."""

    ca_pem: str
    """What a client has to trust."""
    chain: bytes = field(repr=False)
    """PEM: the server's key, its certificate, and those between it and what a client has to trust."""

    @classmethod
    def issue(cls, *names: str, begins: datetime | None = None, ends: datetime | None = None) -> Self:
        """For these host names and addresses; its time, where it matters."""
        authority = trustme.CA()
        leaf = authority.issue_cert(*names, not_before=begins, not_after=ends)
        return cls(authority.cert_pem.bytes().decode(), leaf.private_key_and_cert_chain_pem.bytes())

    @classmethod
    def issue_plain(cls, *names: str) -> Self:
        """As older installers of clusters make them: neither certificate has a key usage or key identifiers."""
        authority, server = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("ca", "server"))
        signing, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        alternatives = x509.SubjectAlternativeName([_name(name) for name in names])
        root = _signed(authority, authority, signing.public_key(), constraints, signing)
        leaf = _signed(server, authority, key.public_key(), alternatives, signing)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        return cls(root.public_bytes(Encoding.PEM).decode(), secret + leaf.public_bytes(Encoding.PEM))

    @classmethod
    def issue_below(cls, *names: str) -> Self:
        """By an authority in between, which is all that the client is to trust."""
        below = trustme.CA().create_child_ca()
        leaf = below.issue_cert(*names)
        return cls(below.cert_pem.bytes().decode(), leaf.private_key_and_cert_chain_pem.bytes())

    def context(self) -> ssl.SSLContext:
        """The server's side of TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as file:
            file.write(self.chain)
            file.flush()
            context.load_cert_chain(file.name)
        return context


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    extension: x509.ExtensionType,
    signing: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
    builder = builder.not_valid_before(now - _VALID).not_valid_after(now + _VALID)
    return builder.add_extension(extension, critical=False).sign(signing, hashes.SHA256())

"""Server certificates, each from its own CA."""

import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any, Self

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_VALID = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate and the CA that signed it, generated for this process."""

    ca_pem: str
    """What a client must trust."""
    chain: bytes = field(repr=False)
    """PEM: the server's key, its certificate, and intermediates up to what a client must trust."""

    @classmethod
    def issue(cls, *names: str, not_before: datetime | None = None, not_after: datetime | None = None) -> Self:
        """For these host names and addresses."""
        authority = trustme.CA()
        leaf = authority.issue_cert(*names, not_before=not_before, not_after=not_after)
        return cls(authority.cert_pem.bytes().decode(), leaf.private_key_and_cert_chain_pem.bytes())

    @classmethod
    def issue_plain(cls, *names: str) -> Self:
        """As older cluster installers create them: neither certificate has a key usage or key identifiers."""
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
        """With an intermediate CA, which is all that the client should trust."""
        below = trustme.CA().create_child_ca()
        leaf = below.issue_cert(*names)
        return cls(below.cert_pem.bytes().decode(), leaf.private_key_and_cert_chain_pem.bytes())

    def context(self, *, clients: "ClientAuthority | None" = None) -> ssl.SSLContext:
        """The server's TLS context.

        :param clients: the CA of required client certificates.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=clients.ca_pem)
        with tempfile.NamedTemporaryFile() as file:
            file.write(self.chain)
            file.flush()
            context.load_cert_chain(file.name)
        return context


class ClientAuthority:
    """Issues certificates to clients."""

    def __init__(self) -> None:
        """A CA that nobody trusts yet."""
        self._ca = trustme.CA()
        self.ca_pem = self._ca.cert_pem.bytes().decode()

    def issue(self, name: str, *, not_after: datetime | None = None) -> "ClientIdentity":
        """Issues a certificate with a new key to the client of that name."""
        not_before = not_after - _VALID if not_after else None
        # A client needs no host name, but without one trustme writes an empty extension, which Java and Go refuse.
        issued = self._ca.issue_cert("localhost", common_name=name, not_before=not_before, not_after=not_after)
        chain = "".join(pem.bytes().decode() for pem in issued.cert_chain_pems)
        return ClientIdentity(chain, issued.private_key_pem.bytes().decode())


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """The content of a Secret of type kubernetes.io/tls."""

    chain: str
    """PEM."""
    key: str = field(repr=False)
    """PEM."""

    @property
    def serial_number(self) -> str:
        """In hex like Python's ssl: in whole bytes, without leading zero bytes."""
        number = f"{x509.load_pem_x509_certificate(self.chain.encode()).serial_number:X}"
        return number.zfill(len(number) + len(number) % 2)

    def context(self, ca_pem: str) -> ssl.SSLContext:
        """The client's TLS context, for a server from that CA."""
        context = ssl.create_default_context(cadata=ca_pem)
        with tempfile.NamedTemporaryFile() as file:
            file.write((self.key + self.chain).encode())
            file.flush()
            context.load_cert_chain(file.name)
        return context


def name_of(shown: Mapping[str, Any] | None) -> str:
    """The common name in a peer certificate from Python's ssl; empty without one."""
    parts = (part for parts in (shown or {}).get("subject", ()) for part in parts)
    return next((str(value) for name, value in parts if name == "commonName"), "")


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

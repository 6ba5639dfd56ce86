"""Keys and certificates of one control plane: new for each, so that no two can be confused."""

from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


class PKI:
    """A CA with what it issued, as files in one directory."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700)
        self._directory = directory
        self._authority = trustme.CA()
        self.authority = directory / "ca.pem"
        self._authority.cert_pem.write_to_path(self.authority)

    def server(self) -> Path:
        """Certificate chain and key of a server on this machine, in one file; replaces older ones."""
        return self._write("server", self._authority.issue_cert("127.0.0.1", "localhost"))

    def client(self, user: str, group: str) -> Path:
        """Certificate and key of an API user in one file: common name and organization are user and group."""
        # A client needs no host name, but without one trustme writes an empty critical extension, which Go refuses.
        return self._write(user, self._authority.issue_cert("localhost", common_name=user, organization_name=group))

    def service_account_keys(self) -> tuple[Path, Path]:
        """The private key that signs service account tokens, and the public key that verifies them."""
        key = ec.generate_private_key(ec.SECP256R1())
        private, public = self._directory / "service-account.key", self._directory / "service-account.pub"
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        public.write_bytes(
            key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        return private, public

    def _write(self, name: str, certificate: trustme.LeafCert) -> Path:
        path = self._directory / f"{name.replace(':', '-')}.pem"
        draft = path.with_suffix(".draft")
        certificate.private_key_and_cert_chain_pem.write_to_path(str(draft))
        draft.replace(path)  # atomically: a running server may read it
        return path

"""TLS contexts in which the client presents a certificate (RFC 8705), each used for one request only.

Python's ssl reads certificates and keys only from files. These files are in memory, sealed and unnamed, and are closed
before anything is sent.
"""

import os
import re
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from integration_token.api.condition import Reason
from integration_token.errors import EndpointUnusable, Failure, Transient, UserActionRequired
from integration_token.oauth.part import ClientCertificate
from integration_token.oauth.trust import fresh_context

_MISFITS = frozenset({"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"})
"""OpenSSL's reasons for a key that does not match the certificate; the last is for a key of another type."""

_OPENSSL_REASON = re.compile(r"[A-Z0-9_]{1,64}")


class _EncryptedError(Exception):
    """The key has a password."""


def certified_context(certificate: ClientCertificate, ca_bundle: str, *, added: str = "") -> ssl.SSLContext:
    """A TLS context with this certificate and the usual trust; it does not resume sessions.

    Takes about 20 ms with the system's roots, more with more authorities: run it in a thread.

    :param added: PEM text of authorities that are trusted besides the system's roots.
    :raises UserActionRequired: if the certificate and key, or the CA bundle, cannot be used.
    :raises Transient: if the system cannot provide an in-memory file now.
    """
    context = fresh_context(ca_bundle, added=added)
    context.options |= ssl.OP_NO_TICKET
    try:
        with _in_memory(certificate.chain) as chain, _in_memory(certificate.key) as key:
            context.load_cert_chain(chain, key, password=_refuse)
    except _EncryptedError:
        raise _invalid("the private key is encrypted; store it without a password") from None
    except ssl.SSLError as error:
        raise _unusable(error.reason or "") from None
    except OSError as error:
        said = os.strerror(error.errno or 0).lower()
        raise Transient(
            Reason.TLS_FAILED,
            f"cannot load the client certificate in the operator's pod: {said}; check that /proc is mounted there, and"
            " the limit of open files",
        ) from None
    return context


def _refuse() -> str:
    """Called when OpenSSL would ask for a password on the terminal."""
    raise _EncryptedError


@contextmanager
def _in_memory(text: str) -> Iterator[str]:
    """The path of a file with that text, for the duration of the block."""
    if sys.platform != "linux":
        raise _unsupported()
    import fcntl  # noqa: PLC0415  # not available on every system

    file = os.memfd_create("client-certificate", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(file, "wb", closefd=False) as opened:
            opened.write(text.encode(errors="replace"))
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, seals)
        yield f"/proc/self/fd/{file}"
    finally:
        os.close(file)


def _unsupported() -> Failure:
    return EndpointUnusable(
        Reason.INVALID_SPEC,
        "client certificates require the operator to run on Linux; run it there, or set another"
        " spec.clientAuthenticationMethod",
    )


def _unusable(reason: str) -> Failure:
    if reason in _MISFITS:
        return _invalid("the private key does not match the certificate; store a matching pair in one update")
    said = f" ({reason})" if _OPENSSL_REASON.fullmatch(reason) else ""
    return _invalid(f"the certificate or the private key cannot be used{said}; store both again as PEM, in one update")


def _invalid(what: str) -> Failure:
    return UserActionRequired(Reason.CREDENTIALS_INVALID, f"in the credentials Secret, {what}")

"""TLS in which the client proves itself by a certificate (RFC 8705): a context for one request alone.

Python's ssl reads certificate and key from files only. They are given files that live in memory, are sealed, have no
name, and are closed before anything is sent.
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
"""What OpenSSL says of a key that isn't the certificate's; the last of one that isn't even of its kind."""

_OPENSSL_REASON = re.compile(r"[A-Z0-9_]{1,64}")


class _EncryptedError(Exception):
    """The key wants a password, which nobody is asked for."""


def certified_context(certificate: ClientCertificate, ca_bundle: str, *, added: str = "") -> ssl.SSLContext:
    """A TLS context with this certificate, trusting as others do; it resumes no session.

    Takes some 20 ms with the system's roots, and the longer the more authorities there are: for a thread.

    :param added: PEM text of what is trusted beside the system's roots.
    :raises UserActionRequired: where certificate and key, or the CA bundle, cannot be used.
    :raises Transient: where the system has no file in memory for them now.
    """
    context = fresh_context(ca_bundle, added=added)
    context.options |= ssl.OP_NO_TICKET
    try:
        with _in_memory(certificate.chain) as chain, _in_memory(certificate.key) as key:
            context.load_cert_chain(chain, key, password=_refuse)
    except _EncryptedError:
        raise _invalid("the private key is encrypted; write it anew without a password") from None
    except ssl.SSLError as error:
        raise _unusable(error.reason or "") from None
    except OSError as error:
        said = os.strerror(error.errno or 0).lower()
        raise Transient(
            Reason.TLS_FAILED,
            f"the client certificate cannot be loaded in the operator's pod: {said}; see that /proc is mounted there,"
            " and how many files it may open",
        ) from None
    return context


def _refuse() -> str:
    """Where OpenSSL would ask for a password on the terminal."""
    raise _EncryptedError


@contextmanager
def _in_memory(text: str) -> Iterator[str]:
    """The path of a file with that text, as long as the block lasts."""
    if sys.platform != "linux":
        raise _unsupported()
    import fcntl  # noqa: PLC0415  # there is none on every system

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
        "client certificates need an operator that runs on Linux; run it there, or set another"
        " spec.clientAuthenticationMethod",
    )


def _unusable(reason: str) -> Failure:
    if reason in _MISFITS:
        return _invalid("the private key is not the certificate's; write both anew, in one step")
    said = f" ({reason})" if _OPENSSL_REASON.fullmatch(reason) else ""
    return _invalid(f"certificate or private key cannot be used{said}; write both anew as PEM, in one step")


def _invalid(what: str) -> Failure:
    return UserActionRequired(Reason.CREDENTIALS_INVALID, f"in the credentials Secret {what}")

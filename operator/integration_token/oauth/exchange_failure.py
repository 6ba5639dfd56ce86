"""The message for a failed exchange: the peer, the cause that the system or TLS reported, and what to do.

Never contains the library's own text, which may include what was sent.
"""

import errno
import os
import re
import ssl
from collections.abc import Iterable, Iterator

import httpx

from integration_token.api.condition import Reason
from integration_token.errors import EndpointUnusable, Failure, Transient
from integration_token.oauth.refusal import proxy_refusal
from integration_token.oauth.stream import TooMuch

TOO_MUCH = "the endpoint's response has too many chunks, or too much data besides the body"

_CHECK = "check spec.tokenURL, and anything between the operator and it, such as a NetworkPolicy or a firewall"

_TRUST = (
    "set caBundle of the endpoint to the authority that issued it, or have the endpoint send its intermediate"
    " certificates too"
)
_RENEW = "have the endpoint's certificate, or that of its issuing authority, renewed"
_NAME = "set spec.tokenURL to a name in the certificate, or have a certificate issued for this name"
_STRONGER = "have the endpoint's certificates reissued with a stronger key or signature"
_ADVICE = {
    2: _TRUST,  # unknown issuer
    9: "it is not valid yet: check the endpoint's clock, and the operator's",
    10: _RENEW,
    18: _TRUST,  # self-signed
    19: _TRUST,  # the chain contains a self-signed authority that is not trusted
    20: _TRUST,
    21: _TRUST,
    23: _RENEW,  # revoked
    62: _NAME,
    63: _NAME,
    64: _NAME,
    66: _STRONGER,
    67: _STRONGER,
    68: _STRONGER,
}
"""What to do, by OpenSSL's number of the X.509 verification error (`x509_vfy.h`)."""
_OTHER_ADVICE = "have the endpoint's certificate fixed, or set caBundle of the endpoint to the authority that issued it"

_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})
_NO_COMMON_TLS = frozenset(
    {
        "UNSUPPORTED_PROTOCOL",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "NO_SHARED_CIPHER",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_INSUFFICIENT_SECURITY",
        "DH_KEY_TOO_SMALL",
    }
)

_CERTIFICATE = (
    "check that the endpoint knows this client by the certificate in the credentials Secret, and trusts the authority"
    " that issued it; the endpoint's log may say more"
)
_RENEWED = "store a valid certificate and its key in the credentials Secret"
_REFUSED = {
    "SSLV3_ALERT_BAD_CERTIFICATE": _CERTIFICATE,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "have one issued with another type of key, or for client authentication",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": _RENEWED,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": _RENEWED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _CERTIFICATE,
    "TLSV1_ALERT_UNKNOWN_CA": (
        "have the endpoint trust the authority that issued it, or add the intermediate certificates to the"
        " credentials Secret"
    ),
    "TLSV1_ALERT_ACCESS_DENIED": _CERTIFICATE,
    "TLSV1_ALERT_DECRYPT_ERROR": _CERTIFICATE,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": (
        "the endpoint received no certificate that it accepts: have it trust the authority that issued this one"
    ),
}
"""What to do, by the alert with which a server refuses a client's certificate (RFC 8446, 6.2; OpenSSL's names)."""

_OPENSSL_REASON = re.compile(r"[A-Z0-9_]{1,64}")


class Unconnected(Transient):
    """Could not connect to this address; another address of the name may work."""


def exchange_failure(
    error: httpx.HTTPError | ssl.SSLError | TooMuch, server: str, timeout: float, proxy: str, *, certified: bool = False
) -> Failure:
    """The failure to report for a failed exchange.

    :param error: from the HTTP library, or from TLS: the library passes on unchanged what fails after the handshake.
    :param server: the endpoint's host and port.
    :param timeout: seconds that the exchange was allowed.
    :param proxy: the proxy's host and port; empty without one, and once the proxy has connected.
    :param certified: a client certificate was presented, and the endpoint has not answered yet.
    """
    causes = list(_causes(error))
    known = _known_failure(causes, server, proxy, certified=certified)
    if known is not None:
        return known
    said = _said_by_system(causes)
    peer, check = (f"the proxy {proxy}", "check the proxy, and --proxy-url") if proxy else (server, _CHECK)
    if isinstance(error, httpx.ConnectTimeout):
        return Unconnected(Reason.TIMEOUT, f"{peer} did not accept a connection within {timeout:g} s; {check}")
    if isinstance(error, httpx.TimeoutException):
        return Transient(Reason.TIMEOUT, no_answer(server, timeout))
    if isinstance(error, httpx.ProxyError):
        status = re.match(r"\d{3}\b", str(error))
        return proxy_refusal(int(status[0]) if status else 0, server)
    if certified and isinstance(error, httpx.ConnectError | httpx.ReadError | httpx.RemoteProtocolError):
        return Transient(
            Reason.TLS_FAILED,
            f"{server} closed the connection after the client certificate was presented{said}, without a reason;"
            f" {_CERTIFICATE}",
        )
    if isinstance(error, httpx.ConnectError):
        return Unconnected(Reason.ENDPOINT_UNREACHABLE, f"could not connect to {peer}{said}; {check}")
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        return EndpointUnusable(
            Reason.INVALID_SPEC, "the token request cannot be sent as specified; check spec.tokenURL"
        )
    if isinstance(error, httpx.RemoteProtocolError):
        said = ": it was closed, or the response is not HTTP"
    return Transient(
        Reason.ENDPOINT_UNREACHABLE, f"the connection to {server} broke before the response was complete{said}"
    )


def _known_failure(causes: Iterable[BaseException], server: str, proxy: str, *, certified: bool) -> Failure | None:
    """The failure, if the cause says more than the HTTP library's error does."""
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return _proxy_tls_failure(cause, proxy) if proxy else _tls_failure(cause, server, certified=certified)
        if isinstance(cause, TooMuch):
            return Transient(Reason.INVALID_RESPONSE, TOO_MUCH)
    return None


def no_answer(server: str, timeout: float) -> str:
    """The message for a response that did not arrive in time."""
    return f"{server} did not answer within {timeout:g} s; check whether it is slow, or raise spec.timeout"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes; of a group, only the first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else cause.__cause__ or cause.__context__


def _said_by_system(causes: Iterable[BaseException]) -> str:
    """The system's text, such as ": connection refused"; empty if it has none."""
    numbers = [cause.errno for cause in causes if isinstance(cause, OSError) and cause.errno in errno.errorcode]
    return f": {os.strerror(numbers[-1]).lower()}" if numbers and numbers[-1] else ""


def _proxy_tls_failure(error: ssl.SSLError, proxy: str) -> Failure:
    """Says nothing about the endpoint's certificate: the endpoint's owner could not do anything about it."""
    why = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else _reason(error)
    return Transient(
        Reason.ENDPOINT_UNREACHABLE,
        f"TLS with the proxy {proxy} failed{f': {why}' if why else ''}; check its certificate, and --proxy-url",
    )


def _reason(error: ssl.SSLError) -> str:
    """OpenSSL's reason code, such as WRONG_VERSION_NUMBER; empty if it has none."""
    return error.reason if error.reason and _OPENSSL_REASON.fullmatch(error.reason) else ""


def _tls_failure(error: ssl.SSLError, server: str, *, certified: bool) -> Failure:
    if isinstance(error, ssl.SSLCertVerificationError):
        advice = _ADVICE.get(error.verify_code, _OTHER_ADVICE)
        what = f"the certificate of {server} is not trusted: {error.verify_message}; {advice}"
        return Transient(Reason.TLS_FAILED, what)
    reason = _reason(error)
    if certified and (refused := _REFUSED.get(reason)):
        return Transient(Reason.TLS_FAILED, f"{server} refused the client certificate ({reason}); {refused}")
    advice = "check spec.tokenURL, and the endpoint's log"
    if reason in _NO_TLS:
        advice = "check that spec.tokenURL points to an https port"
    elif reason in _NO_COMMON_TLS:
        advice = "have the endpoint offer TLS 1.2 or later with a current cipher"
        advice = f"{advice}, and {_CERTIFICATE}" if certified else advice
    elif "CERTIFICATE_REQUIRED" in reason:
        advice = "the endpoint requires a client certificate: set spec.clientAuthenticationMethod to TLSClientAuth"
    return Transient(Reason.TLS_FAILED, f"TLS with {server} failed{f' ({reason})' if reason else ''}; {advice}")

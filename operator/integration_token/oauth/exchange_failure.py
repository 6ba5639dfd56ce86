"""What a failed exchange says to a user."""

import ssl

import httpx

from integration_token.api.condition import Reason
from integration_token.errors import Failure, Transient, UserActionRequired
from integration_token.oauth.stream import TooMuch

TOO_MUCH = "the endpoint's answer comes in too many pieces, or with too much beside it"


class Unconnected(Transient):
    """No connection to this address came about: another one of the name may do."""


def exchange_failure(error: httpx.HTTPError, host: str, timeout: float) -> Failure:
    """What a failed exchange says to a user: its kind, and of TLS the reason, but never the library's own text."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            what = f"the certificate of {host} is not trusted: {cause.verify_message}; check spec.caBundle"
            return Transient(Reason.TLS_FAILED, what)
        if isinstance(cause, ssl.SSLError):
            return Transient(Reason.TLS_FAILED, f"TLS with {host} failed; check that spec.tokenURL names an https port")
        if isinstance(cause, TooMuch):
            return Transient(Reason.INVALID_RESPONSE, TOO_MUCH)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectTimeout):
        return Unconnected(Reason.TIMEOUT, f"{host} did not accept a connection within {timeout:g} s")
    if isinstance(error, httpx.TimeoutException):
        return Transient(Reason.TIMEOUT, f"{host} did not answer within {timeout:g} s")
    if isinstance(error, httpx.ProxyError):
        return Transient(Reason.ENDPOINT_UNREACHABLE, f"the proxy made no connection to {host}")
    if isinstance(error, httpx.ConnectError):
        return Unconnected(Reason.ENDPOINT_UNREACHABLE, f"no connection to {host} comes about")
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        return UserActionRequired(
            Reason.INVALID_SPEC, "the token request cannot be sent as specified; check spec.tokenURL"
        )
    return Transient(Reason.ENDPOINT_UNREACHABLE, f"the connection to {host} broke before the answer was complete")

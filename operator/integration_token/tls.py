"""TLS settings for every connection of the operator: to token endpoints, to their proxy and to the API server.

From 3.13 on, Python by default accepts only certificates that follow RFC 5280 to the letter. That excludes a CA without
a key usage, and certificates without key identifiers, as created by `openssl req -x509` and older EKS, GKE and
microk8s. kubectl and curl accept such certificates, and people who have to reach a server can rarely change its
certificate. The minimum TLS version, and whether an intermediate CA may be trusted by itself, also depend on the Python
version.
"""

import ssl
from collections.abc import Iterator


def tolerant(context: ssl.SSLContext) -> ssl.SSLContext:
    """A client's context with the requirements that kubectl and curl have for a server, whichever Python version
    created it.

    Chain, names, dates and signatures are still checked. The minimum is TLS 1.2; a higher one that is set for the whole
    machine is kept.
    """
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if context.minimum_version < ssl.TLSVersion.TLSv1_2:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def failure_of(error: BaseException) -> str:
    """What TLS reported, as a clause about the peer; empty if TLS is not the cause.

    The text is only OpenSSL's. The text of other errors in the chain may contain what was sent.
    """
    causes = [cause for cause in _causes(error) if isinstance(cause, ssl.SSLError)]
    for cause in causes:
        # aiohttp's errors inherit from ssl's, but lack their attributes.
        if said := getattr(cause, "verify_message", None):
            return f"its certificate is not trusted: {said.rstrip('.')}"
        if said := getattr(cause, "reason", None):
            return f"TLS failed: {said.replace('_', ' ').lower()}"
    return "TLS failed" if causes else ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__

"""TLS as every connection of the operator speaks it: to token endpoints, to their proxy and to the API server.

From 3.13 on Python takes by default only certificates that follow RFC 5280 to the letter. A CA without a key usage and
certificates without key identifiers, as `openssl req -x509` and older EKS, GKE and microk8s make them, are not among
them. kubectl and curl take such certificates, and those who have to reach a server can seldom change what it has. Which
version of TLS is the least, and whether an intermediate CA may be trusted by itself, depends on the Python too.
"""

import ssl
from collections.abc import Iterator


def tolerant(context: ssl.SSLContext) -> ssl.SSLContext:
    """The context of a client, with what kubectl and curl demand of a server, whichever Python made it.

    Chain, names, dates and signatures are checked as before. TLS 1.2 is the least; a higher one, set for the whole
    machine, stays.
    """
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if context.minimum_version < ssl.TLSVersion.TLSv1_2:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def failure_of(error: BaseException) -> str:
    """What TLS said, as a clause about the other side; empty where the error doesn't come of TLS.

    The words are OpenSSL's alone. The text of other errors on the way may hold what was sent.
    """
    causes = [cause for cause in _causes(error) if isinstance(cause, ssl.SSLError)]
    for cause in causes:
        # aiohttp's errors are ssl's by inheritance, without their attributes.
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

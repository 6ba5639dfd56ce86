"""A minimal token request, for the tests of the servers themselves."""

import ssl
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx

from tests.endpoints import jose
from tests.endpoints.server import Method, TokenServer

_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""RFC 7523, section 2.2."""


def ask(
    server: TokenServer, held: Mapping[str, str], method: Method, *, assertion: str = "", scope: str = ""
) -> httpx.Response:
    """The server's response to one token request.

    :param held: as TokenServer.add_client returns it.
    :param assertion: the service account's token, if that is the method.
    :param scope: separated by spaces; none is requested if it is empty.
    """
    form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
    basic = httpx.Auth()  # which adds nothing
    match method:
        case Method.CLIENT_SECRET_POST:
            form |= {"client_id": held["client_id"], "client_secret": held["client_secret"]}
        case Method.CLIENT_SECRET_BASIC:
            basic = httpx.BasicAuth(held["client_id"], held["client_secret"])
        case Method.TLS_CLIENT_AUTH:
            form["client_id"] = held["client_id"]
        case Method.CLIENT_SECRET_JWT:
            assertion = jose.signed_by_secret(_claims(server, held), held["client_secret"])
        case Method.PRIVATE_KEY_JWT:
            assertion = jose.signed_by_key(_claims(server, held), held["private_key"])
        case Method.SERVICE_ACCOUNT_TOKEN:
            pass
    if assertion:
        form |= {"client_assertion_type": _BEARER, "client_assertion": assertion}
    if assertion and method is not Method.SERVICE_ACCOUNT_TOKEN:
        form["client_id"] = held["client_id"]
    with httpx.Client(verify=_context(server, held), trust_env=False, timeout=30) as client:
        return client.post(server.token_url, data=form, auth=basic)


def _claims(server: TokenServer, held: Mapping[str, str]) -> dict[str, object]:
    now = int(time.time())
    names = {"iss": held["client_id"], "sub": held["client_id"], "aud": server.audience}
    return {**names, "jti": str(uuid.uuid4()), "iat": now, "exp": now + 60}


def _context(server: TokenServer, held: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=server.ca_pem)
    if "certificate" in held:
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "client.pem"
            file.write_text(held["private_key"] + held["certificate"])
            context.load_cert_chain(file)
    return context

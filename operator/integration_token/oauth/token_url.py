"""The token URL: whether requests may go there, and by what its host is known. Pure."""

from functools import lru_cache

import httpx

from integration_token.api.condition import Reason
from integration_token.errors import UserActionRequired
from integration_token.oauth.address import Policy


@lru_cache(maxsize=1024)
def check_url(text: str, policy: Policy) -> httpx.URL:
    """The token URL, where the installation's settings admit it.

    :raises UserActionRequired: where they don't.
    """
    try:
        url = httpx.URL(text)
        host, port = url.host, url.port or 0  # a malformed xn-- name shows only when it is read
    except (httpx.InvalidURL, ValueError):
        raise UserActionRequired(Reason.INVALID_SPEC, "spec.tokenURL is no URL; mend it") from None
    if url.scheme not in {"http", "https"} or not host:
        raise UserActionRequired(Reason.INVALID_SPEC, "spec.tokenURL needs https and a host; mend it")
    if port > 65535:
        raise UserActionRequired(
            Reason.INVALID_SPEC, f"spec.tokenURL has port {port}, and there is none above 65535; mend it"
        )
    if url.userinfo:
        raise UserActionRequired(Reason.INVALID_SPEC, "spec.tokenURL may hold no user or password; remove them")
    if url.scheme == "http" and not policy.insecure:
        raise UserActionRequired(
            Reason.INSECURE_URL, "spec.tokenURL is http, which would show the client secret to the network; use https"
        )
    host = listed_as(url)
    if not policy.allows_host(host):
        raise UserActionRequired(
            Reason.HOST_NOT_ALLOWED,
            f"host {host} is not on this installation's list; ask its administrator for --allowed-host {host}",
        )
    return url


def listed_as(url: httpx.URL) -> str:
    """How a list of hosts names the URL's: lower-case ASCII, so an international name in its `xn--` form."""
    return url.raw_host.decode()


def host_of(url: str, policy: Policy) -> str:
    """Host and port of a token URL, as requests are counted by; empty where it will be refused before anything is
    sent."""
    try:
        checked = check_url(url, policy)
    except UserActionRequired:
        return ""
    return f"{listed_as(checked)}:{port_of(checked)}"


def host_for_people(url: str) -> str:
    """Host of a token URL, with its port where that isn't 443; empty where none can be read."""
    try:
        read = httpx.URL(url)
    except httpx.InvalidURL:
        return ""
    port = port_of(read)
    return read.host if port == 443 else f"{read.host}:{port}"


def port_of(url: httpx.URL) -> int:
    """The port, be it the scheme's own."""
    return url.port or (443 if url.scheme == "https" else 80)

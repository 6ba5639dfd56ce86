"""Checks whether requests may go to a token URL, and names its host. Pure."""

from functools import lru_cache

import httpx

from integration_token.api.condition import Reason
from integration_token.errors import UserActionRequired
from integration_token.oauth.address import Policy


@lru_cache(maxsize=1024)
def check_url(text: str, policy: Policy) -> httpx.URL:
    """The parsed token URL, if the installation's settings allow it.

    :raises UserActionRequired: if they do not.
    """
    try:
        url = httpx.URL(text)
        host, port = url.host, url.port or 0  # a malformed xn-- name fails only when it is read
    except (httpx.InvalidURL, ValueError):
        raise UserActionRequired(Reason.INVALID_SPEC, "spec.tokenURL is not a valid URL; fix it") from None
    if url.scheme not in {"http", "https"} or not host:
        raise UserActionRequired(Reason.INVALID_SPEC, "spec.tokenURL is not an https URL with a host; fix it")
    if port > 65535:
        raise UserActionRequired(
            Reason.INVALID_SPEC, f"spec.tokenURL has port {port}, but the highest port is 65535; fix it"
        )
    if url.userinfo:
        raise UserActionRequired(Reason.INVALID_SPEC, "spec.tokenURL must not contain a user or password; remove them")
    if url.scheme == "http" and not policy.insecure:
        raise UserActionRequired(
            Reason.INSECURE_URL, "spec.tokenURL is http, which would send the client secret unencrypted; use https"
        )
    host = listed_as(url)
    if not policy.allows_host(host):
        raise UserActionRequired(
            Reason.HOST_NOT_ALLOWED,
            f"host {host} is not allowed in this installation; ask its administrator to add --allowed-host {host}",
        )
    return url


def listed_as(url: httpx.URL) -> str:
    """The URL's host as lists of hosts contain it: lower-case ASCII, an international name in its `xn--` form."""
    return url.raw_host.decode()


def host_of(url: str, policy: Policy) -> str:
    """Host and port of a token URL, to count requests by; empty if it will be refused before anything is sent."""
    try:
        checked = check_url(url, policy)
    except UserActionRequired:
        return ""
    return f"{listed_as(checked)}:{port_of(checked)}"


def host_for_people(url: str) -> str:
    """Host of a token URL, with its port unless that is 443; empty if it cannot be parsed."""
    try:
        read = httpx.URL(url)
    except httpx.InvalidURL:
        return ""
    port = port_of(read)
    return read.host if port == 443 else f"{read.host}:{port}"


def port_of(url: httpx.URL) -> int:
    """The port, or the scheme's default."""
    return url.port or (443 if url.scheme == "https" else 80)

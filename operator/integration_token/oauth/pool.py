"""The connections that token requests use: kept for a moment, or used for one request only if the client presents a
certificate."""

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

import httpx

from integration_token.api.condition import Reason
from integration_token.errors import EndpointUnusable
from integration_token.oauth.client_certificate import certified_context
from integration_token.oauth.part import ClientCertificate
from integration_token.oauth.stream import BoundedBackend
from integration_token.oauth.token_url import listed_as
from integration_token.oauth.trust import MAX_KEPT, digest_of, tls_context
from integration_token.oauth.trusted_file import TrustedFile

_CONNECTIONS = 16
"""Connections to one host. More than the requests sent to one host at once, so that no request ever waits inside the
HTTP library, where a cancellation would leak the connection (encode/httpcore#1093)."""

_HOSTS = 64
"""Hosts whose connections are kept for the next request; the least recently used is dropped first."""

_KEEPALIVE = 2.0
"""Seconds that an idle connection is kept: long enough for a burst of first tokens. The next poll is minutes or hours
away."""

_Key = tuple[str, bytes, bytes]
"""Scheme, host and port; the digests of the endpoint's own authorities and of those trusted for all."""


@dataclass(slots=True, eq=False)
class Connections:
    """Connections to one host under one CA."""

    transport: httpx.AsyncHTTPTransport
    key: _Key | None
    """The key to find them by; None if they are for one request only."""
    size: int
    """Bytes of PEM text of its authorities: bounds the memory of TLS contexts that stay referenced."""
    proxied: bool
    """Whether they go through the proxy."""
    users: int = 0


class Pool:
    """Connections by host and CA. The HTTP library tells connections apart only by address, so they must not be shared
    further."""

    def __init__(self, proxy: httpx.Proxy | None, no_proxy: Collection[str], trusted: TrustedFile) -> None:
        """Arguments as in :class:`~integration_token.oauth.client.TokenClient`."""
        self._proxy = proxy
        self._no_proxy = no_proxy
        self._trusted = trusted
        self._kept: OrderedDict[_Key, Connections] = OrderedDict()

    async def take(self, url: httpx.URL, ca_bundle: str, certificate: ClientCertificate | None) -> Connections:
        """Connections for a request to that URL, to be given back afterwards.

        :param ca_bundle: PEM; empty for the system's roots.
        :param certificate: presented to the endpoint, never to a proxy.
        :raises UserActionRequired: if the CA bundle or the certificate cannot be used.
        :raises Transient: if the certificate cannot be used now.
        """
        added = self._trusted.bundle
        proxy = None if listed_as(url) in self._no_proxy else self._proxy
        if certificate is not None:
            return await self._make_certified(url, ca_bundle, certificate, proxy)
        key = f"{url.scheme}://{url.netloc.decode()}", digest_of(ca_bundle), added.digest
        text = added.text or ""
        verify = await tls_context(ca_bundle, added=text) if url.scheme == "https" or proxy else False
        if proxy is not None and key not in self._kept:
            proxy = await _trusting(proxy, text)
        connections = self._kept.get(key)
        if connections is None:
            limits = httpx.Limits(max_connections=_CONNECTIONS, keepalive_expiry=_KEEPALIVE)
            connections = Connections(_transport(verify, limits, proxy), key, len(ca_bundle), proxied=proxy is not None)
            self._kept[key] = connections
        # Counted before anything is awaited: another request must not close connections that are in use.
        connections.users += 1
        self._kept.move_to_end(key)
        await self._close_idle()
        return connections

    def drop(self, connections: Connections) -> None:
        """Makes the next request open new connections."""
        if connections.key is not None and self._kept.get(connections.key) is connections:
            del self._kept[connections.key]

    async def give_back(self, connections: Connections) -> None:
        """Ends the use of connections by one request."""
        connections.users -= 1
        if not connections.users and (connections.key is None or self._kept.get(connections.key) is not connections):
            await connections.transport.aclose()

    async def close(self) -> None:
        """Closes all kept connections."""
        for connections in self._kept.values():
            await connections.transport.aclose()
        self._kept.clear()

    async def _make_certified(
        self, url: httpx.URL, ca_bundle: str, certificate: ClientCertificate, proxy: httpx.Proxy | None
    ) -> Connections:
        if url.scheme != "https":
            raise EndpointUnusable(
                Reason.INSECURE_URL, "spec.tokenURL is http, but a client certificate requires https; use https"
            )
        added = self._trusted.bundle.text or ""
        context = await asyncio.to_thread(certified_context, certificate, ca_bundle, added=added)
        if proxy is not None:
            proxy = await _trusting(proxy, added)
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
        return Connections(_transport(context, limits, proxy), None, 0, proxied=proxy is not None, users=1)

    async def _close_idle(self) -> None:
        """Closes the least recently used connections while too many are kept."""
        idle = [key for key, other in self._kept.items() if not other.users]
        closing = []
        while idle and (len(self._kept) > _HOSTS or sum(other.size for other in self._kept.values()) > MAX_KEPT):
            closing.append(self._kept.pop(idle.pop(0)))
        for other in closing:
            await other.transport.aclose()


async def _trusting(proxy: httpx.Proxy, added: str) -> httpx.Proxy:
    """The proxy, never trusting the endpoint's own authorities: their owner may be a stranger."""
    if proxy.url.scheme != "https":
        return proxy
    return httpx.Proxy(proxy.url, auth=proxy.auth, ssl_context=await tls_context("", added=added))


def _transport(
    verify: ssl.SSLContext | bool, limits: httpx.Limits, proxy: httpx.Proxy | None
) -> httpx.AsyncHTTPTransport:
    transport = httpx.AsyncHTTPTransport(verify=verify, trust_env=False, limits=limits, proxy=proxy)
    # Bounds what its connections read: httpx accepts no backend for the pool that it creates.
    pool = transport._pool  # noqa: SLF001
    pool._network_backend = BoundedBackend(pool._network_backend)  # noqa: SLF001
    return transport

"""Sends token requests.

Uses httpx's transport without its client: the client would follow the environment's proxies, keep cookies from one
tenant's request to the next, and log every URL.
"""

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import httpx
import sniffio

from integration_token.api.condition import Reason
from integration_token.clock import Clock
from integration_token.errors import Failure, Transient, UserActionRequired
from integration_token.oauth.address import IPAddress, Policy, forbidden_address
from integration_token.oauth.content import MAX_BODY
from integration_token.oauth.exchange_failure import TOO_MUCH, Unconnected, exchange_failure, no_answer
from integration_token.oauth.lookup import look_up
from integration_token.oauth.pool import Connections, Pool
from integration_token.oauth.refusal import place_of
from integration_token.oauth.request import TokenRequest
from integration_token.oauth.response import Answer
from integration_token.oauth.stream import TooMuch
from integration_token.oauth.token_url import check_url, listed_as, port_of
from integration_token.oauth.trusted_file import TrustedFile
from integration_token.oauth.under_way import UnderWay

_PIECES = 1024
"""Maximum number of chunks in a body. Each costs as much as a hundred bytes; servers send a few kilobytes at a time."""

_GRACE = 1.0
"""Seconds after spec.timeout at which a request is cancelled. httpx's own timeouts never fire if bytes trickle in."""


@dataclass(frozen=True, slots=True)
class Route:
    """How to reach an endpoint, and how far its owner is trusted."""

    ca_bundle: str
    """PEM; empty for the system's roots."""
    timeout: float
    """Seconds for connecting, sending and receiving together."""
    private: bool
    """Whether private addresses may be connected to."""


class TokenClient:
    """Sends token requests, to checked addresses only.

    Guarantees: follows no redirect; keeps at most 64 KiB of a response; without a proxy, resolves the name once and
    connects to an address that was checked. Does not retry.
    """

    def __init__(
        self,
        clock: Clock,
        policy: Policy,
        proxy: str | None,
        check_leave: Callable[[], object] = lambda: None,
        *,
        no_proxy: Collection[str] = (),
        trusted: TrustedFile | None = None,
    ) -> None:
        """`check_leave` is called right before anything is sent, and raises if this process may not send.

        :param no_proxy: lower-case hosts that are reached without the proxy.
        :param trusted: authorities that the proxy and endpoints without a CA of their own trust, besides the system's
            roots.
        """
        self._clock = clock
        self._check_leave = check_leave
        self._policy = policy
        server = httpx.Proxy(proxy) if proxy else None
        self._proxied = _place(server.url) if server else ""
        self._pool = Pool(server, no_proxy, trusted or TrustedFile(None))

    async def send(self, request: TokenRequest, route: Route, *, ended: Callable[[], None] = lambda: None) -> Answer:
        """The endpoint's response, whatever its status.

        :param ended: called once, when no part of the request is running any more: a hanging look-up can outlive its
            caller.
        :raises UserActionRequired: if the URL, the CA bundle or the host's addresses are not allowed.
        :raises Transient: if no complete response arrived.
        :raises Fenced: if this process may no longer send requests.
        """
        under_way = UnderWay(ended)
        under_way.begin()
        try:
            return await self._send(request, route, under_way)
        except Failure as failure:
            failure.sent = under_way.sent
            raise
        finally:
            under_way.end()

    async def _send(self, request: TokenRequest, route: Route, under_way: UnderWay) -> Answer:
        url = check_url(request.url, self._policy)
        connections = await self._pool.take(url, route.ca_bundle, request.certificate)
        try:
            async with asyncio.timeout(route.timeout + _GRACE):
                return await self._answer(connections, url, request, route, under_way)
        except TimeoutError:
            # The cancellation may have confused the pool's count of this connection: start with a fresh one.
            self._pool.drop(connections)
            raise Transient(Reason.TIMEOUT, no_answer(_place(url), route.timeout)) from None
        finally:
            await self._pool.give_back(connections)

    async def close(self) -> None:
        """Closes all connections."""
        await self._pool.close()

    async def _answer(
        self, connections: Connections, url: httpx.URL, request: TokenRequest, route: Route, under_way: UnderWay
    ) -> Answer:
        if connections.proxied:
            return await self._post(connections, url, url, request, route, route.timeout, under_way)
        addresses = await _resolve(url, under_way)
        private = route.private or listed_as(url) in self._policy.private_hosts
        wrong = forbidden_address(addresses, private=private, insecure=self._policy.insecure)
        if wrong:
            raise UserActionRequired(
                Reason.ADDRESS_NOT_ALLOWED,
                f"credentials are never sent to {url.host}: {wrong}; set spec.tokenURL to a public host"
                + ("" if route.private else ", or ask this installation's administrator for --private-host"),
            )
        failures: list[Failure] = []
        for address in addresses:
            try:
                pinned = _pinned(url, address)
                # Each address gets its share of the time, so that one that does not answer leaves some for the others.
                return await self._post(
                    connections, url, pinned, request, route, route.timeout / len(addresses), under_way
                )
            except Unconnected as error:
                failures.append(error)
        if not failures:
            raise Transient(Reason.ENDPOINT_UNREACHABLE, f"{url.host} has no address")
        # Always the same failure, whatever order the name server returns the addresses in: a change would cost a status
        # write.
        raise min(failures, key=lambda failure: failure.message)

    async def _post(
        self,
        connections: Connections,
        url: httpx.URL,
        address: httpx.URL,
        request: TokenRequest,
        route: Route,
        connect: float,
        under_way: UnderWay,
    ) -> Answer:
        """Sends the request to `address`, which is `url` with the checked address as its host.

        :param connect: seconds allowed for connecting.
        """
        phases = {**dict.fromkeys(("read", "write", "pool"), route.timeout), "connect": connect}
        closing = {"Connection": "close"} if request.certificate is not None else {}
        # A pinned address needs the name for SNI; to a proxy, the library would send the endpoint's name.
        names = {"sni_hostname": url.raw_host.decode()} if not connections.proxied else {}
        outgoing = httpx.Request(
            "POST",
            address,
            # Ask for no compression: 64 KiB on the wire could be gigabytes in memory.
            headers={**request.headers, **closing, "Host": url.netloc.decode(), "Accept-Encoding": "identity"},
            content=request.body,
            extensions={"timeout": phases, "trace": under_way.trace, **names},
        )
        self._check_leave()
        # Otherwise the transport detects the async library again at every lock it takes, one system call each time.
        sniffio.current_async_library_cvar.set("asyncio")
        sent = self._clock.now().wall
        try:
            response = await connections.transport.handle_async_request(outgoing)
            try:
                body, pieces = bytearray(), 0
                response.extensions["network_stream"].allow(2 * MAX_BODY)
                async for chunk in response.stream:  # type: ignore[union-attr]  # async transports return async streams
                    body += chunk
                    pieces += 1
                    if len(body) > MAX_BODY or pieces > _PIECES:
                        break
            finally:
                await response.aclose()
        except (httpx.HTTPError, ssl.SSLError, TooMuch) as error:
            proxy = self._proxied if connections.proxied and not under_way.passed else ""
            certified = request.certificate is not None and under_way.in_tls
            raise exchange_failure(error, _place(url), route.timeout, proxy, certified=certified) from None
        if len(body) > MAX_BODY or pieces > _PIECES:
            if 200 <= response.status_code <= 299:
                raise Transient(Reason.INVALID_RESPONSE, TOO_MUCH if pieces > _PIECES else _TOO_LARGE)
            body.clear()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, bytes(body), sent)


_TOO_LARGE = f"the endpoint's response is larger than {MAX_BODY // 1024} KiB"


def _place(url: httpx.URL) -> str:
    """Host and port, for messages."""
    return place_of(urlsplit(str(url)))


@lru_cache(maxsize=1024)
def _pinned(url: httpx.URL, address: IPAddress) -> httpx.URL:
    """The URL with an address as its host."""
    return url.copy_with(host=str(address))


async def _resolve(url: httpx.URL, under_way: UnderWay) -> list[IPAddress]:
    """All addresses of the URL's host, in the order in which to try them."""
    try:
        return [ipaddress.ip_address(url.host)]
    except ValueError:
        pass
    under_way.begin()
    addresses = await look_up(url.raw_host.decode(), port_of(url), under_way.end)
    if isinstance(addresses, str):
        raise Transient(
            Reason.ENDPOINT_UNREACHABLE,
            f"cannot resolve the name {url.host}: {addresses}; check spec.tokenURL and the cluster's DNS",
        )
    return addresses

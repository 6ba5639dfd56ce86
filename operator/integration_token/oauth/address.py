"""Which hosts and addresses credentials may be sent to: pure judgments, made before a connection is.

Whoever may create a TokenEndpoint could otherwise make the operator talk to anything that it can reach: the cloud's
metadata service, the API server, a neighbour's database.
"""

import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import dataclass

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052, 2.1: the last four bytes are the IPv4 address that is really meant."""
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
"""RFC 8215: networks' own prefixes of any length that RFC 6052 has are in it, so the IPv4 address may stand wherever
2.2 puts it. Other prefixes of a network's own can't be known."""
_LAYOUTS = (((48, 64), (72, 88)), ((56, 64), (72, 96)), ((72, 104),), ((96, 128),))
"""RFC 6052, 2.2: the bits of the IPv4 address with prefixes of 48, 56, 64 and 96 bits."""
_PLATFORM = frozenset(
    map(ipaddress.ip_address, ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"))
)
"""Where clouds answer whoever asks from inside with identities and settings: Azure's, Alibaba's, Oracle's, and Amazon's
and Google's by IPv6. What others use is link-local."""
_COMPATIBLE = ipaddress.IPv6Network("::/96")
"""RFC 4291, 2.5.5.1: deprecated, but some stacks still route it as the IPv4 address in it."""
_SHARED = ipaddress.IPv4Network("100.64.0.0/10")
"""RFC 6598: inside a provider's, and many a cluster's, network."""
_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")
"""RFC 1122, 3.2.1.3: on Linux, 0.0.0.0 connects to the machine itself."""
_NOTHING = ipaddress.IPv4Address(0)
_SITE_LOCAL = ipaddress.IPv6Network("fec0::/10")
"""RFC 3879: deprecated, but routed inside sites as ever."""
_UNIQUE_LOCAL = ipaddress.IPv6Network("fc00::/7")


@dataclass(frozen=True, slots=True)
class Policy:
    """What an installation's settings allow."""

    insecure: bool
    """http and loopback addresses, for trials."""
    allowed_hosts: frozenset[str]
    """Lower-case hosts; empty: every host."""
    private_hosts: frozenset[str]
    """Lower-case hosts that a namespaced endpoint may use although their addresses are private."""

    def allows_host(self, host: str) -> bool:
        """Whether the installation's list, if there is one, has the host."""
        return not self.allowed_hosts or host in self.allowed_hosts


def forbidden_address(addresses: Sequence[IPAddress], *, private: bool, insecure: bool) -> str | None:
    """What is wrong with the first address that may not be connected to, such as "10.0.0.7 is private"; None where all
    may.

    Every one must pass: a name that resolves to a public and a loopback address would be connected to either.
    `private` admits private, unique-local and shared addresses, `insecure` loopback ones.
    """
    for address in addresses:
        for meant in _meanings(address):
            kind = _kind(meant)
            if kind is None or (kind == "private" and private) or (kind == "a loopback address" and insecure):
                continue
            shown = str(address) if meant == address else f"{address} (which means {meant})"
            return f"{shown} is {kind}"
    return None


def _meanings(address: IPAddress) -> Sequence[IPAddress]:
    """The IPv4 addresses that a mapped, translated, tunnelled or compatible IPv6 address may mean, else the address
    itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return (address.teredo[1],)
    if address in _LOCAL_NAT64:
        meanings = tuple(_embedded(address, layout) for layout in _LAYOUTS)
        # Where the bits of a layout are not used by another's address they are zeros, and no address to go to.
        used = tuple(meant for meant in meanings if meant not in _THIS_NETWORK)
        return (*used, meanings[-1]) if meanings[-1] != _NOTHING or not used else used
    compatible = address in _COMPATIBLE and int(address) > 1
    return (_embedded(address, _LAYOUTS[-1]),) if compatible or address in _NAT64 else (address,)


def _embedded(address: ipaddress.IPv6Address, layout: Sequence[tuple[int, int]]) -> ipaddress.IPv4Address:
    bits = f"{int(address):0128b}"
    return ipaddress.IPv4Address(int("".join(bits[start:end] for start, end in layout), 2))


def _kind(address: IPAddress) -> str | None:
    """What makes an address no ordinary public one; None for those that are."""
    if address in _PLATFORM:
        return "a cloud's platform address"
    if address.is_unspecified or (address.version == 4 and address in _THIS_NETWORK):
        return "an unspecified address"
    if address.is_loopback:
        return "a loopback address"
    if address.is_link_local:
        return "a link-local address"
    if address.is_multicast:
        return "a multicast address"
    if address in _UNIQUE_LOCAL or address in _SITE_LOCAL or address in _SHARED:
        return "private"
    if address.is_reserved:
        return "a reserved address"
    if address.is_private:
        return "private"
    return None


def listed_hosts(text: str) -> Collection[str]:
    """The hosts of a comma-separated list, as in the credentials Secret's annotation."""
    return frozenset(host.strip().lower() for host in text.split(",") if host.strip())

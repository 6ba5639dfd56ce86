"""Decides which hosts and addresses credentials may be sent to, before any connection is made. Pure.

Otherwise anyone who can create a TokenEndpoint could make the operator talk to everything it can reach: the cloud's
metadata service, the API server, a neighbour's database.
"""

import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import dataclass

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052, 2.1: the last four bytes are the IPv4 address that the packet goes to."""
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
"""RFC 8215: holds networks' own prefixes of every length in RFC 6052, so the IPv4 address may be at any position listed
in 2.2. A network's own prefixes outside this range cannot be known."""
_LAYOUTS = (((48, 64), (72, 88)), ((56, 64), (72, 96)), ((72, 104),), ((96, 128),))
"""RFC 6052, 2.2: the bits that hold the IPv4 address, for prefixes of 48, 56, 64 and 96 bits."""
_PLATFORM = frozenset(
    map(ipaddress.ip_address, ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"))
)
"""Where clouds hand out identities and settings to anything that asks from inside: Azure, Alibaba, Oracle, and Amazon
and Google over IPv6. The other clouds use link-local addresses."""
_COMPATIBLE = ipaddress.IPv6Network("::/96")
"""RFC 4291, 2.5.5.1: deprecated, but some stacks still route it to the IPv4 address in it."""
_SHARED = ipaddress.IPv4Network("100.64.0.0/10")
"""RFC 6598: used inside providers' networks and many clusters."""
_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")
"""RFC 1122, 3.2.1.3: on Linux, 0.0.0.0 connects to the machine itself."""
_NOTHING = ipaddress.IPv4Address(0)
_SITE_LOCAL = ipaddress.IPv6Network("fec0::/10")
"""RFC 3879: deprecated, but still routed inside sites."""
_UNIQUE_LOCAL = ipaddress.IPv6Network("fc00::/7")


@dataclass(frozen=True, slots=True)
class Policy:
    """What the installation's settings allow."""

    insecure: bool
    """Allow http and loopback addresses, for trials."""
    allowed_hosts: frozenset[str]
    """Lower-case hosts; empty allows every host."""
    private_hosts: frozenset[str]
    """Lower-case hosts that a namespaced endpoint may use even if their addresses are private."""

    def allows_host(self, host: str) -> bool:
        """Whether the installation allows this host; without a list it allows every host."""
        return not self.allowed_hosts or host in self.allowed_hosts


def forbidden_address(addresses: Sequence[IPAddress], *, private: bool, insecure: bool) -> str | None:
    """What is wrong with the first address that must not be connected to, such as "10.0.0.7 is private"; None if all
    are allowed.

    Every address must pass: if a name resolves to a public and a loopback address, either may be connected to.
    `private` allows private, unique-local and shared addresses, `insecure` allows loopback.
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
        # If another layout is in use, this layout's bits are zeros, which is not an address to connect to.
        used = tuple(meant for meant in meanings if meant not in _THIS_NETWORK)
        return (*used, meanings[-1]) if meanings[-1] != _NOTHING or not used else used
    compatible = address in _COMPATIBLE and int(address) > 1
    return (_embedded(address, _LAYOUTS[-1]),) if compatible or address in _NAT64 else (address,)


def _embedded(address: ipaddress.IPv6Address, layout: Sequence[tuple[int, int]]) -> ipaddress.IPv4Address:
    bits = f"{int(address):0128b}"
    return ipaddress.IPv4Address(int("".join(bits[start:end] for start, end in layout), 2))


def _kind(address: IPAddress) -> str | None:
    """Why an address is not an ordinary public one; None if it is."""
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

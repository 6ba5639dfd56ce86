"""Credentials are sent only to ordinary public addresses, unless the installation allows others."""

import ipaddress

import pytest
from integration_token.oauth.address import Policy, forbidden_address, listed_hosts

PUBLIC = ("8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450::1")

LOOPBACK = ("127.0.0.1", "127.255.255.254", "::1")

PRIVATE = (
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "100.64.0.0",
    "100.127.255.255",
    "fc00::1",
    "fd00:ec2::253",
    "fec0::1",
    "2001:db8::1",
)

NEVER = {
    "0.0.0.0": "an unspecified address",
    "0.1.2.3": "an unspecified address",
    "0.255.255.255": "an unspecified address",
    "::": "an unspecified address",
    "169.254.0.1": "a link-local address",
    "169.254.169.254": "a link-local address",
    "fe80::1": "a link-local address",
    "fe80::1%eth0": "a link-local address",
    "febf::1": "a link-local address",
    "168.63.129.16": "a cloud's platform address",
    "100.100.100.200": "a cloud's platform address",
    "fd00:ec2::254": "a cloud's platform address",
    "224.0.0.1": "a multicast address",
    "239.255.255.255": "a multicast address",
    "ff02::1": "a multicast address",
    "ff0e::1": "a multicast address",
    "240.0.0.1": "a reserved address",
    "255.255.255.255": "a reserved address",
    "100::1": "a reserved address",
    "::ffff:0:7f00:1": "a reserved address",
}

KINDS = {
    **dict.fromkeys(LOOPBACK, "a loopback address"),
    **dict.fromkeys(PRIVATE, "private"),
    **NEVER,
}


def judged(*addresses: str, private: bool = False, insecure: bool = False) -> str | None:
    """What is wrong with one of the addresses."""
    return forbidden_address([ipaddress.ip_address(each) for each in addresses], private=private, insecure=insecure)


def embedded(address: str) -> dict[str, str]:
    """The IPv6 addresses in which a stack, translator or tunnel reads the given IPv4 address."""
    number = int(ipaddress.IPv4Address(address))
    return {
        "mapped": str(ipaddress.IPv6Address(0xFFFF << 32 | number)),
        "NAT64": str(ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) | number)),
        "local NAT64": str(ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b:1::")) | number)),
        "local NAT64 of a network": str(ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b:1:aaaa::")) | number)),
        "6to4": str(ipaddress.IPv6Address(0x2002 << 112 | number << 80 | 1)),
        "Teredo": str(ipaddress.IPv6Address(0x20010000 << 96 | 0x08080808 << 64 | number ^ 0xFFFFFFFF)),
        "compatible": str(ipaddress.IPv6Address(number)),
    }


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_connected_to(address: str) -> None:
    """With any combination of switches."""
    for private in (False, True):
        for insecure in (False, True):
            assert judged(address, private=private, insecure=insecure) is None


@pytest.mark.parametrize(("address", "kind"), KINDS.items())
def test_any_other_address_is_refused_with_its_kind(address: str, kind: str) -> None:
    """Otherwise anybody who may create a TokenEndpoint could reach into the network."""
    assert judged(address) == f"{address} is {kind}"


@pytest.mark.parametrize(("address", "kind"), NEVER.items())
def test_some_addresses_are_refused_whatever_is_switched_on(address: str, kind: str) -> None:
    """These are never endpoints: the cloud's metadata service, the machine itself, broadcast and multicast."""
    assert judged(address, private=True, insecure=True) == f"{address} is {kind}"


@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback_is_for_trials_alone(address: str) -> None:
    """`--insecure-endpoints` allows loopback; trust in the endpoint's owner doesn't."""
    assert judged(address, insecure=True) is None
    assert judged(address, private=True) == f"{address} is a loopback address"


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_for_trusted_endpoints_alone(address: str) -> None:
    """Allowed for ClusterTokenEndpoints and hosts named by `--private-host`; `--insecure-endpoints` is not enough."""
    assert judged(address, private=True) is None
    assert judged(address, insecure=True) == f"{address} is private"


@pytest.mark.parametrize(("address", "kind"), [(each, kind) for each, kind in KINDS.items() if ":" not in each])
def test_an_ipv4_address_inside_an_ipv6_address_is_judged_as_itself(address: str, kind: str) -> None:
    """The message names both addresses."""
    for form, written in embedded(address).items():
        if address == "0.0.0.0" and form in {"compatible", "local NAT64 of a network"}:
            continue  # which is :: and judged as that, or holds an address elsewhere
        assert judged(written) == f"{written} (which means {address}) is {kind}"
        assert (judged(written, private=True) is None) == (kind == "private")
        assert (judged(written, insecure=True) is None) == (kind == "a loopback address")


@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1", "168.63.129.16", "8.8.8.8"])
@pytest.mark.parametrize(
    "written",
    [
        "64:ff9b:1:{0:02x}{1:02x}:00{2:02x}:{3:02x}00::",
        "64:ff9b:1:aa{0:02x}:00{1:02x}:{2:02x}{3:02x}::",
        "64:ff9b:1:aaaa:00{0:02x}:{1:02x}{2:02x}:{3:02x}00::",
        "64:ff9b:1:aaaa::{0:02x}{1:02x}:{2:02x}{3:02x}",
    ],
    ids=["48", "56", "64", "96"],
)
def test_an_address_is_judged_by_every_place_in_which_a_local_translator_may_look(address: str, written: str) -> None:
    """RFC 6052 defines a layout per prefix length, and the address doesn't say which one applies."""
    inside = written.format(*ipaddress.IPv4Address(address).packed)
    refused = judged(inside, private=True)
    if address == "8.8.8.8":
        assert refused is None
    else:
        assert refused is not None
        assert f"(which means {address})" in refused


@pytest.mark.parametrize("form", embedded("8.8.8.8"))
def test_a_public_ipv4_address_inside_an_ipv6_address_may_be_connected_to(form: str) -> None:
    """As on an IPv6-only network."""
    assert judged(embedded("8.8.8.8")[form]) is None


@pytest.mark.parametrize("refused", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::ffff:10.0.0.7", "fe80::1"])
def test_one_refused_address_of_a_name_is_enough(refused: str) -> None:
    """At any position in the answer: the connection could be made to any of them."""
    for addresses in (("8.8.8.8", refused), (refused, "8.8.8.8"), ("8.8.8.8", "2a00::1", refused, "1.1.1.1")):
        assert judged(*addresses) == judged(refused)


def test_a_switch_excuses_its_own_kind_and_no_other_of_the_same_name() -> None:
    """The message names the first address that is still refused."""
    assert judged("10.0.0.7", "127.0.0.1", private=True) == "127.0.0.1 is a loopback address"
    assert judged("127.0.0.1", "10.0.0.7", insecure=True) == "10.0.0.7 is private"
    assert judged("127.0.0.1", "10.0.0.7", private=True, insecure=True) is None
    assert (
        judged("10.0.0.7", "169.254.169.254", private=True, insecure=True) == "169.254.169.254 is a link-local address"
    )


def test_an_installation_without_a_list_of_hosts_admits_every_host() -> None:
    """With a list, only the listed hosts are allowed, each by its full name."""
    assert Policy(False, frozenset(), frozenset()).allows_host("login.example")
    policy = Policy(False, frozenset({"login.example", "::1"}), frozenset())
    hosts = ["login.example", "::1", "example", "a.login.example", "login.example.org", "xlogin.example", ""]
    assert [policy.allows_host(host) for host in hosts] == [True, True, False, False, False, False, False]


def test_the_hosts_of_a_secrets_annotation_are_separated_by_commas() -> None:
    """Case, spaces and empty entries don't matter."""
    assert set(listed_hosts(" Login.Example,api.example ,, ")) == {"login.example", "api.example"}
    assert not listed_hosts(" , ")

"""Which IP addresses are public: may be reached because somebody who is not the operator says so.

`ipaddress.is_global` is not enough: it calls multicast, 168.63.129.16 and the NAT64 and 6to4 forms of loopback global.
What no table can know: a NAT64 prefix of the network's own, and public addresses that are routed to an inner service.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# https://www.iana.org/assignments/iana-ipv4-special-registry/, with multicast, reserved space and Azure's own.
CLOSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network: Linux takes 0.0.0.0 for loopback
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host agent, from any of its machines
        "169.254.0.0/16",  # link-local; the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112: anycast, often a machine of one's own network
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved; broadcast
    )
)
# https://www.iana.org/assignments/iana-ipv6-unicast-address-assignments/: all global unicast that was ever given out.
# NAT64, IPv4-compatible, ULA, link-local, site-local and multicast lie outside it.
GLOBAL_V6 = IPv6Network("2000::/3")
CLOSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, AMT, AS112, ORCHID, DRIP
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # 6bone, given back
        "3fff::/20",  # documentation
    )
)


def is_public(text: str) -> bool:
    """Whether an address as text (`192.0.2.1`, `2001:db8::1`) is public; False also for what is no address."""
    address = parsed(text)
    if isinstance(address, IPv4Address):
        return not any(address in network for network in CLOSED_V4)
    return address is not None and address in GLOBAL_V6 and not any(address in network for network in CLOSED_V6)


def parsed(text: str) -> IPv4Address | IPv6Address | None:
    """The address, or the one within an IPv4-mapped one, to which packets go. None: no address, or one with a scope."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:  # means something on one link only
            return None
        return address.ipv4_mapped or address
    return address

"""Which IP addresses lie on the public internet, by the IANA special-purpose address registries.

The lists are our own because those of ``ipaddress`` differ between Python versions, and because an address that
embeds another one (NAT64, 6to4, Teredo, IPv4-mapped) leads to that one.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NOT_PUBLIC = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by a carrier's customers
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, and cloud metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)
_GLOBAL_UNICAST_IPV6 = IPv6Network("2000::/3")
"""All global unicast addresses; the rest is loopback, mapped, translated, local, multicast or reserved."""


def is_public(address: Address) -> bool:
    """Return whether an address is globally reachable."""
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST_IPV6:
        return False
    return not any(address in network for network in _NOT_PUBLIC)

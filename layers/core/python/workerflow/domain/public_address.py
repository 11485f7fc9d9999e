"""Which IP addresses belong to the public internet: what a call to somebody else's URL may reach."""

from __future__ import annotations

import ipaddress

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: IPv4 behind a translator. A network without IPv4 reaches all of it so: the inner address counts."""
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "168.63.129.16/32",  # Azure's platform channel, although a public number
        "192.88.99.0/24",  # 6to4 relays (RFC 7526, deprecated)
        "3fff::/20",  # documentation (RFC 9637)
    )
)


def is_public(text: str) -> bool:
    """Whether `text` is an address of the public internet.

    False for loopback, private, link-local (which the cloud's metadata services have), shared, multicast, reserved,
    documentation, benchmarking and unspecified addresses, for IPv6 forms that tunnel IPv4 (6to4, Teredo), and for
    what is no address. An IPv4 address inside of an IPv6 one (mapped, NAT64) is judged as itself.

    Source: IANA's special-purpose address registries (RFC 6890), as Python's `ipaddress` has them.
    """
    try:
        address = _inner(ipaddress.ip_address(text))
    except ValueError:
        return False
    special = (
        address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or address.is_loopback
        or address.is_link_local
        or (isinstance(address, ipaddress.IPv6Address) and address.is_site_local)
    )
    return address.is_global and not special and not any(address in network for network in _NOT_PUBLIC)


def _inner(address: Address) -> Address:
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else address

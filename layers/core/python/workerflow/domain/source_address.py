"""Whom a source address stands for: limits that are counted per client are counted by this.

Whoever has an IPv6 line has at least 2^64 addresses of it, and could be a new client with every call.

Source: RFC 6177 section 2: an end site is given a /64 at the least.
"""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network

CLIENT_PREFIX_BITS = 64


def client_of(source_address: str) -> str:
    """The client behind an address, as a text without `#`: an IPv4 address itself, of an IPv6 address its /64.

    Args:
        source_address: as the platform saw it; an IPv4 address in IPv6 clothes counts as the former. What is no address
            is taken as it is, so that nothing escapes a limit by being odd.
    """
    if ":" not in source_address:
        return source_address.replace("#", "")
    try:
        address = IPv6Address(source_address.partition("%")[0])
    except ValueError:
        return source_address.replace("#", "")
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, CLIENT_PREFIX_BITS), strict=False))

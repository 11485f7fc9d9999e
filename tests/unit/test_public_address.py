from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.public_address import is_public


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "140.82.112.3",
        "2606:4700:4700::1111",
        "2a00:1450:4001:800::200e",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("127.0.0.1", id="loopback"),
        pytest.param("127.255.255.254", id="loopback's end"),
        pytest.param("0.0.0.0", id="unspecified"),  # noqa: S104 - an address to refuse
        pytest.param("10.0.0.1", id="private 10"),
        pytest.param("172.16.0.1", id="private 172.16"),
        pytest.param("172.31.255.255", id="private 172.31"),
        pytest.param("192.168.1.1", id="private 192.168"),
        pytest.param("169.254.169.254", id="metadata service"),
        pytest.param("169.254.170.2", id="container credentials"),
        pytest.param("168.63.129.16", id="Azure's platform"),
        pytest.param("100.64.0.1", id="carrier's shared space"),
        pytest.param("100.100.100.200", id="Alibaba's metadata"),
        pytest.param("192.0.2.1", id="documentation"),
        pytest.param("198.18.0.1", id="benchmarking"),
        pytest.param("192.88.99.1", id="6to4 relay"),
        pytest.param("224.0.1.1", id="multicast"),
        pytest.param("239.255.255.250", id="multicast, administrative"),
        pytest.param("240.0.0.1", id="reserved"),
        pytest.param("255.255.255.255", id="broadcast"),
        pytest.param("::", id="unspecified, v6"),
        pytest.param("::1", id="loopback, v6"),
        pytest.param("fe80::1", id="link-local, v6"),
        pytest.param("fe80::1%eth0", id="link-local with a scope"),
        pytest.param("fc00::1", id="unique local"),
        pytest.param("fd00:ec2::254", id="metadata service, v6"),
        pytest.param("fec0::1", id="site-local"),
        pytest.param("ff02::1", id="multicast, v6"),
        pytest.param("ff0e::1", id="multicast, v6, global scope"),
        pytest.param("2001:db8::1", id="documentation, v6"),
        pytest.param("3fff::1", id="documentation, v6, new"),
        pytest.param("100::1", id="discard"),
        pytest.param("::ffff:127.0.0.1", id="mapped loopback"),
        pytest.param("::ffff:a9fe:a9fe", id="mapped metadata service"),
        pytest.param("::7f00:1", id="compatible loopback"),
        pytest.param("64:ff9b::7f00:1", id="NAT64 loopback"),
        pytest.param("64:ff9b::a9fe:a9fe", id="NAT64 metadata service"),
        pytest.param("64:ff9b:1::8.8.8.8", id="NAT64, local prefix"),
        pytest.param("2002:7f00:1::", id="6to4 loopback"),
        pytest.param("2002:808:808::1", id="6to4"),
        pytest.param("2001:0:808:808::1", id="Teredo"),
        pytest.param("", id="nothing"),
        pytest.param("localhost", id="a name"),
        pytest.param("8.8.8.8/32", id="a network"),
        pytest.param("010.8.8.8", id="ambiguous octal"),
    ],
)
def test_everything_else_is_not(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_an_inner_address_is_judged_like_the_same_address_alone(address: ipaddress.IPv4Address) -> None:
    assert is_public(f"::ffff:{address}") == is_public(str(address))
    assert is_public(f"64:ff9b::{address}") == is_public(str(address))


@given(st.ip_addresses().filter(lambda address: not address.is_global))
def test_what_the_registries_do_not_call_global_is_never_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    assert mapped or not is_public(str(address))

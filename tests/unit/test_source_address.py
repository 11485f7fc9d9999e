"""Limits per client are counted by whom an address stands for, not by the address."""

from __future__ import annotations

import pytest

from workerflow.domain.source_address import client_of


@pytest.mark.parametrize("address", ["203.0.113.7", "", "not an address"])
def test_an_ipv4_address_and_what_is_none_stand_for_themselves(address: str) -> None:
    assert client_of(address) == address


def test_all_addresses_of_one_ipv6_line_are_one_client() -> None:
    first, second = client_of("2001:db8:1:2::1"), client_of("2001:0DB8:1:2:ffff:ffff:ffff:ffff")
    assert first == second == "2001:db8:1:2::/64"


def test_another_line_is_another_client() -> None:
    assert client_of("2001:db8:1:3::1") != client_of("2001:db8:1:2::1")


def test_an_ipv4_address_in_ipv6_clothes_is_the_ipv4_address() -> None:
    assert client_of("::ffff:203.0.113.7") == client_of("203.0.113.7")


def test_a_zone_makes_no_other_client() -> None:
    assert client_of("fe80::1%eth0") == client_of("fe80::1%eth1")


@pytest.mark.parametrize("odd", ["1.2.3.4#x", "::#", ":::::"])
def test_what_is_odd_is_some_client_and_never_breaks_the_name_of_a_bucket(odd: str) -> None:
    assert "#" not in client_of(odd)

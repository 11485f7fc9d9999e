from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.errors import ManifestError
from workerflow.domain.manifest import Manifest
from workerflow.domain.retry import RetryPolicy
from workerflow.domain.route import RESERVED_NAMES, Route
from workerflow.domain.route_rules import route_faults

ORDERS = Route(
    name="orders",
    module="functions.workflow.handlers.orders",
    function="handle",
    mode="async",
    schema={"type": "object"},
)
HASH = Route(
    name="hash", module="functions.workflow.handlers.hash", function="handle", mode="sync", secrets=("one", "two")
)

names = st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True).filter(lambda name: name not in RESERVED_NAMES)
delays = st.floats(min_value=0.001, max_value=43_200)
policies = st.tuples(st.integers(1, 25), delays, delays).map(
    lambda drawn: RetryPolicy(drawn[0], min(drawn[1:]), max(drawn[1:]))
)
schemas = st.none() | st.dictionaries(st.text(), st.none() | st.booleans() | st.text() | st.integers(), max_size=3)
routes = st.builds(
    Route,
    name=names,
    module=st.just("extra_handlers.some"),
    function=st.just("handle"),
    mode=st.sampled_from(["async", "sync"]),
    authentication=st.sampled_from(["any", "signature", "token"]),
    timeout_seconds=st.integers(1, 240),
    retry=policies,
    schema=schemas,
    enabled=st.booleans(),
    disabled_reason=st.text(max_size=200),
    description=st.text(),
    secrets=st.lists(st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True), unique=True, max_size=3).map(tuple),
)


def untyped(route: Route, changes: dict[str, Any]) -> Route:
    """A route as a decorator or a file may give it, whatever the types say."""
    return replace(route, **changes)


@given(st.lists(routes, max_size=4, unique_by=lambda route: route.name))
def test_a_manifest_survives_its_json_and_is_the_same_whatever_the_order(found: list[Route]) -> None:
    manifest = Manifest.build(found)
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert Manifest.build(reversed(found)).to_json() == manifest.to_json()


def test_the_digest_names_the_routes() -> None:
    assert Manifest.build([ORDERS]).digest == Manifest.build([replace(ORDERS)]).digest
    assert Manifest.build([ORDERS]).digest != Manifest.build([replace(ORDERS, timeout_seconds=31)]).digest


def test_the_json_is_canonical() -> None:
    text = Manifest.build([ORDERS, HASH]).to_json()
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")) + "\n"


def test_a_route_is_found_by_its_source() -> None:
    manifest = Manifest.build([ORDERS])
    assert manifest.find("route:orders") == ORDERS
    assert manifest.find("route:other") is None
    assert manifest.find("schedule:orders") is None
    assert manifest.find("orders") is None


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("name", "Orders", "not [a-z]"),
        ("name", "1orders", "not [a-z]"),
        ("name", "orders\n", "not [a-z]"),
        ("name", "örders", "not [a-z]"),
        ("name", "__class__", "not [a-z]"),
        ("name", "a" * 64, "not [a-z]"),
        ("name", "", "not [a-z]"),
        ("name", 7, "not [a-z]"),
        ("name", "runs", "reserved"),
        ("name", "health", "reserved"),
        ("name", "t", "reserved"),
        ("module", "os; import sys", "not importable"),
        ("function", "", "not importable"),
        ("mode", "later", "none of async, sync"),
        ("mode", ["async"], "none of async, sync"),
        ("authentication", "none", "none of signature, token, any"),
        ("timeout_seconds", 0, "1 to 240"),
        ("timeout_seconds", 241, "1 to 240"),
        ("timeout_seconds", 1.5, "1 to 240"),
        ("timeout_seconds", True, "1 to 240"),
        ("timeout_seconds", "30", "1 to 240"),
        ("retry", RetryPolicy(max_attempts=0), "1 to 25"),
        ("retry", RetryPolicy(max_attempts=26), "1 to 25"),
        ("retry", RetryPolicy(max_attempts=True), "1 to 25"),
        ("retry", RetryPolicy(base_seconds=0), "above 0"),
        ("retry", RetryPolicy(base_seconds=float("nan")), "above 0"),
        ("retry", RetryPolicy(base_seconds=10, cap_seconds=9), "below base_seconds"),
        ("retry", RetryPolicy(cap_seconds=43_201), "12 hours"),
        ("retry", RetryPolicy(cap_seconds=float("inf")), "12 hours"),
        ("retry", {"max_attempts": 3}, "RetryPolicy, not dict"),
        ("schema", True, "dict or None"),
        ("schema", {"const": float("nan")}, "not JSON"),
        ("schema", {"enum": (1, 2)}, "not JSON"),
        ("schema", {"properties": {1: {}}}, "not JSON"),
        ("schema", {"default": object()}, "not JSON"),
        ("enabled", "yes", "True or False"),
        ("disabled_reason", "x" * 201, "at most 200"),
        ("disabled_reason", None, "at most 200"),
        ("description", None, "not text"),
        ("secrets", "forward-url", "tuple of names"),
        ("secrets", ("Forward",), "not [a-z0-9]"),
        ("secrets", ("a/b",), "not [a-z0-9]"),
        ("secrets", (1,), "not [a-z0-9]"),
        ("secrets", ("a", "a"), "twice"),
    ],
)
def test_each_rule_of_a_route_has_its_words(field: str, value: object, fault: str) -> None:
    faults = route_faults(untyped(ORDERS, {field: value}))
    assert len(faults) == 1
    assert fault in faults[0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a" * 63),
        ("timeout_seconds", 1),
        ("timeout_seconds", 240),
        ("retry", RetryPolicy(25, 43_200, 43_200)),
        ("retry", RetryPolicy(1, 0.1, 0.1)),
        ("schema", {}),
    ],
)
def test_the_bounds_themselves_are_allowed(field: str, value: object) -> None:
    assert route_faults(untyped(ORDERS, {field: value})) == []


def test_all_faults_of_all_routes_are_reported_at_once() -> None:
    bad = replace(ORDERS, name="Bad", timeout_seconds=0, secrets=("A",))
    with pytest.raises(ManifestError) as raised:
        Manifest.build([bad, HASH, untyped(HASH, {"mode": "never"})])
    assert len(raised.value.faults) == 5
    assert [fault.partition(":")[0] for fault in raised.value.faults].count("route 'Bad'") == 3
    assert "route 'hash': declared more than once" in raised.value.faults


def stored(**changes: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Manifest.build([ORDERS]).to_json())
    return document | changes


def changed_route(**changes: object) -> dict[str, Any]:
    document = stored()
    document["routes"]["orders"] |= changes
    return document


@pytest.mark.parametrize(
    ("document", "faults"),
    [
        ([], ["the manifest is no object"]),
        ({}, [f"the manifest lacks {name}" for name in ("digest", "routes", "schedules", "version")]),
        (stored(version=1), ["the manifest's version is 1, this code reads 2"]),
        (stored(more=1), ["the manifest has an unknown field 'more'"]),
        (stored(routes=[]), ["the manifest's routes are no object"]),
        (stored(routes={"a": 1}), ["route 'a' is no object"]),
        (stored(digest="0"), ["the digest is not that of the routes and schedules"]),
        (changed_route(timeout_seconds=31), ["the digest is not that of the routes and schedules"]),
        (changed_route(color="red"), ["route 'orders' has an unknown field 'color'"]),
        (changed_route(secrets="ab"), ["route 'orders': secrets are no list"]),
        (changed_route(retry={"max_attempts": 1}), [
            "route 'orders': retry lacks base_seconds",
            "route 'orders': retry lacks cap_seconds",
        ]),
        (changed_route(mode="no", timeout_seconds=0), [
            "route 'orders': timeout_seconds 0 is not a whole number from 1 to 240",
            "route 'orders': mode 'no' is none of async, sync",
        ]),
    ],
)  # fmt: skip
def test_a_file_that_is_no_manifest_is_reported_whole(document: object, faults: list[str]) -> None:
    with pytest.raises(ManifestError) as raised:
        Manifest.from_json(json.dumps(document))
    assert list(raised.value.faults) == faults


@pytest.mark.parametrize("text", ["", "{", '{"version":1,"version":1}', "[" * 100_000])
def test_a_file_that_is_no_json_is_a_manifest_error(text: str) -> None:
    with pytest.raises(ManifestError, match="not JSON"):
        Manifest.from_json(text)

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.errors import ManifestError
from workerflow.domain.manifest import Manifest
from workerflow.domain.retry import RetryPolicy
from workerflow.domain.route import RESERVED_NAMES, Authentication, Route
from workerflow.domain.route_rules import route_faults
from workerflow.domain.schedule import EVERY_TENANT, CatchUp, Schedule
from workerflow.domain.source import Source

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
REPORT = Schedule(name="report", module="functions.workflow.handlers.report", function="handle", cron="@hourly")

names = st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True).filter(lambda name: name not in RESERVED_NAMES)
delays = st.floats(min_value=0.001, max_value=43_200)
policies = st.tuples(st.integers(1, 25), delays, delays).map(
    lambda drawn: RetryPolicy(drawn[0], min(drawn[1:]), max(drawn[1:]))
)
schemas = st.none() | st.dictionaries(st.text(), st.none() | st.booleans() | st.text() | st.integers(), max_size=3)
ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
common: dict[str, Any] = {
    "name": names,
    "module": st.just("extra_handlers.some"),
    "function": st.just("handle"),
    "timeout_seconds": st.integers(1, 240),
    "retry": policies,
    "enabled": st.booleans(),
    "disabled_reason": st.text(max_size=200),
    "description": st.text(),
    "secrets": st.lists(ids, unique=True, max_size=3).map(tuple),
}
routes = st.builds(
    Route,
    **common,
    mode=st.sampled_from(["async", "sync"]),
    authentication=st.sampled_from(get_args(Authentication)),
    schema=schemas,
)
schedules = st.builds(
    Schedule,
    **common,
    cron=st.sampled_from(["@hourly", "*/15 * * * *", "0 6 * * mon-fri", " 0  0 1 1 * "]),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
    catch_up=st.builds(
        CatchUp, st.sampled_from(["skip", "latest", "all"]), st.integers(1, 100), st.integers(1, 604_800)
    ),
    overlap=st.sampled_from(["allow", "skip"]),
    tenants=st.just((EVERY_TENANT,)) | st.lists(ids, unique=True, min_size=1, max_size=3).map(tuple),
).filter(lambda one: (one.catch_up.policy, one.overlap) != ("all", "skip"))


def untyped[S: Source](source: S, changes: dict[str, Any]) -> S:
    """A route or schedule as a decorator or a file may give it, whatever the types say."""
    return replace(source, **changes)


@given(
    st.lists(routes, max_size=3, unique_by=lambda one: one.name),
    st.lists(schedules, max_size=3, unique_by=lambda one: one.name),
)
def test_a_manifest_survives_its_json_and_is_the_same_whatever_the_order(
    found: list[Route], timed: list[Schedule]
) -> None:
    manifest = Manifest.build(found, timed)
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert Manifest.build(reversed(found), reversed(timed)).to_json() == manifest.to_json()


@pytest.mark.parametrize(
    "changed",
    [
        ([replace(ORDERS, timeout_seconds=31)], [REPORT]),
        ([ORDERS], [replace(REPORT, cron="0 * * * *")]),
        ([ORDERS], [replace(REPORT, zone="Europe/Berlin")]),
        ([ORDERS], [replace(REPORT, catch_up=CatchUp("skip"))]),
        ([ORDERS], [replace(REPORT, tenants=("acme",))]),
        ([ORDERS], []),
    ],
)
def test_the_digest_names_the_routes_and_schedules(changed: tuple[list[Route], list[Schedule]]) -> None:
    assert Manifest.build([ORDERS], [REPORT]).digest == Manifest.build([replace(ORDERS)], [replace(REPORT)]).digest
    assert Manifest.build([ORDERS], [REPORT]).digest != Manifest.build(*changed).digest


def test_the_json_is_canonical() -> None:
    text = Manifest.build([ORDERS, HASH], [REPORT]).to_json()
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")) + "\n"


def test_what_is_behind_a_source_is_found_by_its_kind_and_name() -> None:
    same_name = replace(REPORT, name="orders")
    manifest = Manifest.build([ORDERS, HASH], [REPORT, same_name])
    assert manifest.find("route:orders") == ORDERS
    assert manifest.find("schedule:orders") == same_name
    assert manifest.find("schedule:report") == REPORT
    for unknown in ("route:other", "route:report", "schedule:hash", "orders", "report", "manual:report", ""):
        assert manifest.find(unknown) is None


def test_to_read_a_manifest_with_schedules_takes_neither_croniter_nor_time_zones(tmp_path: Path) -> None:
    """Only the tick pays for them: ingress, consumer and workflow read the manifest at every cold start."""
    (tmp_path / "manifest.json").write_text(Manifest.build([ORDERS], [REPORT]).to_json())
    program = (
        "import sys\nfrom pathlib import Path\nfrom workerflow.domain.manifest import Manifest\n"
        "assert Manifest.from_json(Path('manifest.json').read_text()).schedules\n"
        "print(sorted({'croniter', 'dateutil', 'tzdata', 'zoneinfo'} & set(sys.modules)))\n"
    )
    path = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=path, capture_output=True, check=True)
    assert done.stdout == b"[]\n"


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
    timed = [untyped(REPORT, {"cron": "never", "overlap": "x"}), replace(REPORT, timeout_seconds=0)]
    with pytest.raises(ManifestError) as raised:
        Manifest.build([bad, HASH, untyped(HASH, {"mode": "never"})], timed)
    counted = Counter(fault.partition(":")[0] for fault in raised.value.faults)
    assert counted == {"route 'Bad'": 3, "route 'hash'": 2, "schedule 'report'": 4}
    assert "route 'hash': declared more than once" in raised.value.faults
    assert "schedule 'report': declared more than once" in raised.value.faults


def stored(**changes: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Manifest.build([ORDERS], [REPORT]).to_json())
    return document | changes


def changed_route(**changes: object) -> dict[str, Any]:
    document = stored()
    document["routes"]["orders"] |= changes
    return document


def changed_schedule(**changes: object) -> dict[str, Any]:
    document = stored()
    document["schedules"]["report"] |= changes
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
        (stored(schedules=[]), ["the manifest's schedules are no object"]),
        (stored(schedules={"a": 1}), ["schedule 'a' is no object"]),
        (changed_schedule(timeout_seconds=31), ["the digest is not that of the routes and schedules"]),
        (changed_schedule(mode="sync"), ["schedule 'report' has an unknown field 'mode'"]),
        (changed_schedule(tenants="default"), ["schedule 'report': tenants are no list"]),
        (changed_schedule(catch_up={"policy": "skip"}), [
            "schedule 'report': catch_up lacks max_fires",
            "schedule 'report': catch_up lacks window_seconds",
        ]),
        (changed_schedule(overlap="no", timeout_seconds=0), [
            "schedule 'report': timeout_seconds 0 is not a whole number from 1 to 240",
            "schedule 'report': overlap 'no' is none of allow, skip",
        ]),
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

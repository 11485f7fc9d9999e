"""What a schedule may be: each rule in words, its bounds themselves allowed, and no type trusted."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.schedule import EVERY_TENANT, CatchUp, Schedule
from workerflow.domain.schedule_rules import schedule_faults

REPORT = Schedule(
    name="report",
    module="functions.workflow.handlers.report",
    function="handle",
    cron="0 5 * * *",
    zone="Europe/Berlin",
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


def untyped(field: str, value: object) -> Schedule:
    """A schedule as a decorator or a file may give it, whatever the types say."""
    changes: dict[str, Any] = {field: value}
    return replace(REPORT, **changes)


def untyped_catch_up(field: str, value: object) -> CatchUp:
    changes: dict[str, Any] = {field: value}
    return replace(CatchUp(), **changes)


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("name", "Report", "the name 'Report' is not [a-z][a-z0-9_]{0,62}"),
        ("timeout_seconds", 241, "timeout_seconds 241 is not a whole number from 1 to 240"),
        ("cron", "30 2 30 2 *", "the day of month '30' never comes in feb"),
        ("cron", None, "cron is text, as in '0 5 * * *', not NoneType"),
        ("catch_up", "latest", "catch_up is a CatchUp, not str"),
        ("catch_up", {"policy": "latest"}, "catch_up is a CatchUp, not dict"),
        ("catch_up", untyped_catch_up("policy", "some"), "catch_up: policy 'some' is none of skip, latest, all"),
        ("catch_up", untyped_catch_up("policy", None), "catch_up: policy None is none of skip, latest, all"),
        ("catch_up", CatchUp(max_fires=0), "catch_up: max_fires 0 is not a whole number from 1 to 100"),
        ("catch_up", CatchUp(max_fires=101), "catch_up: max_fires 101 is not a whole number from 1 to 100"),
        ("catch_up", CatchUp(max_fires=True), "catch_up: max_fires True is not a whole number from 1 to 100"),
        ("catch_up", untyped_catch_up("max_fires", 1.5), "catch_up: max_fires 1.5 is not a whole number from 1 to 100"),
        ("catch_up", CatchUp(window_seconds=0), "catch_up: window_seconds 0 is not a whole number from 1 to 604800"),
        (
            "catch_up",
            CatchUp(window_seconds=604_801),
            "catch_up: window_seconds 604801 is not a whole number from 1 to 604800",
        ),
        (
            "catch_up",
            untyped_catch_up("window_seconds", "60"),
            "catch_up: window_seconds '60' is not a whole number from 1 to 604800",
        ),
        ("overlap", "queue", "overlap 'queue' is none of allow, skip"),
        ("overlap", ["skip"], "overlap ['skip'] is none of allow, skip"),
        ("tenants", "default", 'tenants is a tuple of tenants, as in ("default",), not str'),
        ("tenants", {"default"}, 'tenants is a tuple of tenants, as in ("default",), not set'),
        ("tenants", None, 'tenants is a tuple of tenants, as in ("default",), not NoneType'),
        ("tenants", (), "tenants is empty: nobody would have the schedule"),
        ("tenants", ("default", "default"), "tenants names one of them twice"),
        ("tenants", ("default", EVERY_TENANT), "'*' in tenants stands for all of them, and alone"),
        ("tenants", ("Acme",), "the tenant 'Acme' is not [a-z0-9][a-z0-9-]{0,62}"),
        ("tenants", ("a#b",), "the tenant 'a#b' is not [a-z0-9][a-z0-9-]{0,62}"),
        ("tenants", ("",), "the tenant '' is not [a-z0-9][a-z0-9-]{0,62}"),
        ("tenants", ("a" * 64,), f"the tenant '{'a' * 64}' is not [a-z0-9][a-z0-9-]{{0,62}}"),
        ("tenants", (1,), "the tenant 1 is not [a-z0-9][a-z0-9-]{0,62}"),
        ("tenants", (["default"],), "the tenant ['default'] is not [a-z0-9][a-z0-9-]{0,62}"),
    ],
)
def test_each_rule_of_a_schedule_has_its_words(field: str, value: object, fault: str) -> None:
    assert schedule_faults(untyped(field, value)) == [fault]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cron", "@hourly"),
        ("catch_up", CatchUp("skip", 1, 1)),
        ("catch_up", CatchUp("latest", 100, 604_800)),
        ("catch_up", CatchUp("all", 100, 604_800)),
        ("overlap", "skip"),
        ("tenants", (EVERY_TENANT,)),
        ("tenants", ("a",)),
        ("tenants", ("a" * 63, "0-", "default")),
    ],
)
def test_the_bounds_themselves_are_allowed(field: str, value: object) -> None:
    assert schedule_faults(untyped(field, value)) == []


def test_fires_that_are_caught_up_with_may_not_skip_one_another() -> None:
    both = replace(REPORT, catch_up=CatchUp("all"), overlap="skip")
    assert schedule_faults(both) == [
        "catch_up 'all' with overlap 'skip': fires that are caught up with would skip one another"
    ]
    assert schedule_faults(replace(both, overlap="allow")) == []
    assert schedule_faults(replace(both, catch_up=CatchUp("latest"))) == []


def test_all_faults_of_a_schedule_are_told_at_once() -> None:
    bad = replace(
        REPORT, name="R", cron="60 24 * * *", catch_up=CatchUp(max_fires=0, window_seconds=0), tenants=("A", "B")
    )
    assert len(schedule_faults(bad)) == 7


@given(st.sampled_from([one.name for one in fields(Schedule)]), ANYTHING)
def test_no_value_of_any_type_makes_the_rules_raise(field: str, value: object) -> None:
    assert all(schedule_faults(untyped(field, value)))


@given(st.sampled_from([one.name for one in fields(CatchUp)]), ANYTHING)
def test_no_value_of_catch_up_makes_the_rules_raise(field: str, value: object) -> None:
    assert all(schedule_faults(untyped("catch_up", untyped_catch_up(field, value))))

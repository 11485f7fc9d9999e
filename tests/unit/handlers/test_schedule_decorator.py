from __future__ import annotations

from typing import Any

import pytest

from workerflow.domain.retry import RetryPolicy
from workerflow.domain.route import Route
from workerflow.domain.schedule import Schedule
from workerflow.handlers import CatchUp, Context, route, schedule
from workerflow.handlers.declaration import collecting, declarations_of


def declared(**arguments: Any) -> Schedule:
    """The schedule that a handler with these arguments declares."""

    def report(payload: object, context: Context) -> None:
        """Tell of yesterday.

        More text.
        """

    (found,) = declarations_of(schedule(**{"cron": "@daily"} | arguments)(report))
    assert isinstance(found, Schedule)
    return found


def test_a_decorated_function_is_the_same_function() -> None:
    def report(payload: dict[str, Any], context: Context) -> dict[str, Any]:
        return {"due": payload["dueAt"], "at": context.due_at_ms, "source": context.source}

    payload = {"schedule": "report", "dueAt": "2026-11-23T05:00:00.000Z"}
    assert schedule("0 6 * * *")(report) is report
    assert report(payload, Context.for_test(payload, source="schedule:report")) == {
        "due": "2026-11-23T05:00:00.000Z",
        "at": 1_795_410_000_000,
        "source": "schedule:report",
    }


def test_it_knows_where_the_function_is_and_what_it_says_of_itself() -> None:
    found = declared()
    assert (found.name, found.function, found.module) == ("report", "report", __name__)
    assert (found.source, found.description) == ("schedule:report", "Tell of yesterday.")


def test_what_is_declared_stands_on_the_function_unjudged() -> None:
    policy = RetryPolicy(max_attempts=99)
    found = declared(cron="never", name="Bad Name", zone="Mars", overlap="never", tenants=("A B",), retry=policy)
    assert (found.cron, found.name, found.zone) == ("never", "Bad Name", "Mars")
    assert (found.overlap, found.tenants, found.retry) == ("never", ("A B",), policy)
    assert declared(catch_up=None, timeout_seconds=-1, secrets="key").catch_up is None


@pytest.mark.parametrize(
    ("written", "means"),
    [("skip", CatchUp("skip")), ("all", CatchUp("all")), (CatchUp("all", 3, 60), CatchUp("all", 3, 60))],
)
def test_a_catch_up_is_its_policys_name_or_has_bounds_too(written: object, means: CatchUp) -> None:
    assert declared(catch_up=written).catch_up == means


def test_a_list_of_names_is_as_good_as_a_tuple() -> None:
    found = declared(tenants=["acme", "default"], secrets=["key"])
    assert (found.tenants, found.secrets) == (("acme", "default"), ("key",))


def test_parentheses_are_required() -> None:
    def report(payload: object, context: Context) -> None: ...

    with pytest.raises(TypeError, match="with parentheses"):
        schedule(report)  # type: ignore[arg-type]


def test_a_function_carries_routes_and_schedules_in_the_order_in_which_they_were_applied() -> None:
    def handle(payload: object, context: Context) -> None: ...

    with collecting() as collected:
        schedule("@hourly", name="b")(route("a")(schedule("@daily", name="a")(handle)))
    assert [(type(one), one.name) for one in declarations_of(handle)] == [
        (Schedule, "a"),
        (Route, "a"),
        (Schedule, "b"),
    ]
    assert collected == [handle]

"""Schedules on the emulator's own minute, and the built-in ones with the rights that they were given, and no others."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.backstage import ACTOR, Backstage
from tests.e2e.calls import Api, eventually
from tests.e2e.planner import Planner, due_times
from tests.e2e.slow import Slow
from tests.unit.handlers.local_server import LocalServer
from workerflow.domain.dead_letter import LetterState
from workerflow.domain.enablement import Enablement
from workerflow.domain.identity import acceptance_hash
from workerflow.domain.objects import DAY_MS, payload_pointer
from workerflow.domain.rollup import ALL_SOURCES, Span
from workerflow.domain.schedule_cursor import Missed
from workerflow.domain.task import Acceptance
from workerflow.domain.timestamp import timestamp
from workerflow.services.run_schedule import NotRunnable, RunStarted
from workerflow.tables import ROLLUPS

BUILT_INS = (
    "heartbeat_hourly",
    "retry_dead_letters_hourly",
    "usage_rollup_15m",
    "digest_daily",
    "cleanup_daily",
    "config_snapshot_daily",
)
TWO_MINUTES = 130
HOUR_SECONDS = 3600


# Fires.


def test_each_due_time_is_one_run_however_many_ticks_come_at_the_same_time(
    slow: Slow, api: Api, planner: Planner
) -> None:
    slow.crowd.result()
    shown = [timestamp(due_ms) for due_ms in slow.shown]
    due = due_times(eventually(lambda: planner.fires("e2e_minutely"), lambda fires: len(fires) >= 2, TWO_MINUTES))

    assert due[: len(shown)] == shown[: len(due)]  # what was shown is what fired, each once, and nothing else
    fires = planner.fires("e2e_minutely")[:2]
    for fire in fires:
        run = api.ended(fire.trace_id)
        assert (run["state"], run["kind"], run["source"]) == ("succeeded", "scheduled_job", "schedule:e2e_minutely")
        payload = {"schedule": "e2e_minutely", "dueAt": fire.key}
        assert run["output"]["document"] == {"payload": payload, "dueAt": fire.key, "attempt": 1}
    executed = [line.split()[0] for line in (api.folder / "e2e_minutely").read_text().splitlines()]
    assert [executed.count(fire.trace_id) for fire in fires] == [1, 1]
    view = planner.view("e2e_minutely")
    assert (view.missed, view.last_due_ms is not None) == ({}, True)


def test_the_minute_tick_is_the_emulators_own(backstage: Backstage) -> None:
    ticks = [line for function, line in backstage.log_lines() if function == "scheduler" and '"tick"' in line]

    assert len(ticks) > len(backstage.own_ticks)


def test_a_paused_schedule_misses_its_fires_and_says_why(slow: Slow, planner: Planner) -> None:
    slow.crowd.result()
    view = planner.view("e2e_paused_minutely")

    assert (view.state, view.reason) == (Enablement.PAUSED, "the warehouse is closed")
    assert (view.next_fires_ms, view.last_trace_id) == ((), None)
    assert view.missed is not None
    assert (view.missed[Missed.PAUSED] >= 1, view.last_missed_reason) == (True, Missed.PAUSED)
    assert planner.fires("e2e_paused_minutely") == []


def test_a_fire_that_meets_the_one_before_it_is_recorded_as_skipped(api: Api, planner: Planner) -> None:
    fires = eventually(lambda: planner.fires("e2e_long_minutely"), lambda fires: len(fires) >= 2, TWO_MINUTES)
    (api.folder / "enough").touch()

    assert api.run(fires[1].trace_id)["state"] == "skipped"
    assert api.ended(fires[0].trace_id)["state"] == "succeeded"
    view = planner.view("e2e_long_minutely")
    assert view.missed is not None
    assert (view.missed[Missed.OVERLAP] >= 1, view.last_missed_reason) == (True, Missed.OVERLAP)
    assert view.last_trace_id != fires[1].trace_id


# Running now.


def test_a_schedule_is_run_now_once_for_each_key_with_its_reason(
    api: Api, backstage: Backstage, planner: Planner
) -> None:
    first = planner.run_now("e2e_leap_day", "monday", "the report was lost")
    again = planner.run_now("e2e_leap_day", "monday", "the report was lost")
    other = planner.run_now("e2e_leap_day", "monday", "another reason")

    assert isinstance(first, RunStarted)
    assert isinstance(other, NotRunnable)
    assert (first.created, again, other.code) == (True, RunStarted(first.trace_id, created=False), "key_reused")
    run = api.ended(first.trace_id)
    assert (run["state"], run["kind"]) == ("succeeded", "scheduled_job")
    assert run["output"]["document"]["payload"] == {
        "schedule": "e2e_leap_day",
        "manual": True,
        "reason": "the report was lost",
    }
    assert len((api.folder / "e2e_leap_day").read_text().splitlines()) == 1
    [row] = [row for row in backstage.audit("schedule.run") if row["target"] == "schedule:e2e_leap_day"]
    assert (row["actor"], row["reason"], row["details"]) == (ACTOR, "the report was lost", {"run": first.trace_id})
    assert [one.manual for one in backstage.accepted("schedule:e2e_leap_day")] == [True]
    assert planner.view("e2e_leap_day").last_trace_id is None  # a fire it was not


def test_what_is_no_schedule_of_the_tenant_is_not_run(planner: Planner) -> None:
    refused = planner.run_now("e2e_minutely", "key", "curiosity", tenant="acme")

    assert isinstance(refused, NotRunnable)
    assert refused.code == "not_found"


# The built-in ones.


@dataclass(frozen=True, slots=True)
class BuiltInRuns:
    """The runs of all built-in schedules, and what was laid out for them.

    Attributes:
        failed: a task that failed an hour ago by the platform's fault.
        orphan: an object that nothing points to.
    """

    runs: Mapping[str, Mapping[str, Any]]
    failed: Acceptance
    orphan: str

    def output(self, schedule: str) -> Mapping[str, Any]:
        document: Mapping[str, Any] = self.runs[schedule]["output"]["document"]
        return document


@pytest.fixture(scope="module")
def built_in(api: Api, backstage: Backstage, planner: Planner) -> BuiltInRuns:
    """All of them run now, at the same time."""
    failed = backstage.fail_long_ago("e2e_async", "failed", api.payload("failed"), seconds_ago=HOUR_SECONDS)
    body = b"nobody's"
    long_ago_ms = failed.accepted_at_ms - 3 * DAY_MS
    owner = acceptance_hash("default", "route:gone", "gone")
    orphan = payload_pointer("default", owner, hashlib.sha256(body).hexdigest(), long_ago_ms)
    backstage.leave_behind(orphan, body)
    backstage.fail_long_ago("e2e_unfit", "counted", api.payload("counted"), seconds_ago=_since_the_last_quarter())
    started = {name: planner.run_now(name, "e2e", "does it work?") for name in BUILT_INS}
    runs = {name: api.ended(one.trace_id) for name, one in started.items() if isinstance(one, RunStarted)}
    return BuiltInRuns(runs, failed, orphan)


def _since_the_last_quarter() -> float:
    """Back to the end of the quarter that is over and, as long as another one lasts, still counted."""
    return time.time() % (Span.QUARTER.ms / 1000) + 1


@pytest.mark.parametrize("name", BUILT_INS)
def test_a_built_in_schedule_does_its_work_with_the_rights_it_has(built_in: BuiltInRuns, name: str) -> None:
    run = built_in.runs[name]

    assert (run["state"], run["failure"], run["attempt"]) == ("succeeded", None, 1)


def test_the_heartbeat_is_a_metric(built_in: BuiltInRuns, backstage: Backstage) -> None:
    assert built_in.output("heartbeat_hourly")["lateSeconds"] >= 0

    beats = [line for function, line in backstage.log_lines() if function == "workflow" and '"Heartbeat"' in line]
    assert len(beats) >= 1


def test_a_letter_of_the_platforms_fault_is_replayed(built_in: BuiltInRuns, api: Api, backstage: Backstage) -> None:
    assert built_in.output("retry_dead_letters_hourly")["replayed"] >= 1

    letter = backstage.letter(built_in.failed.trace_id)
    assert letter is not None
    assert letter.child is not None
    assert api.ended(letter.child)["state"] == "succeeded"
    resolved = backstage.letter(built_in.failed.trace_id)
    assert resolved is not None
    assert resolved.state is LetterState.RESOLVED
    actors = {row["target"]: row["actor"] for row in backstage.audit("run.replayed")}
    assert actors[built_in.failed.trace_id] == "schedule:retry_dead_letters_hourly"


def test_tasks_are_counted(built_in: BuiltInRuns, api: Api, backstage: Backstage, planner: Planner) -> None:
    assert built_in.output("usage_rollup_15m")["quarters"] >= 1

    def count_again() -> set[tuple[str, str]]:
        """A fire at the same moment may have counted before the task had failed, and written later."""
        run = planner.run_now("usage_rollup_15m", uuid.uuid4().hex, "did it work?")
        assert isinstance(run, RunStarted)
        api.ended(run.trace_id)
        return {
            (row["pk"], row["sk"].partition("#")[2])
            for row in backstage.items(ROLLUPS)
            if row.get("counts", {}).get("failed", 0) >= 1
        }

    spans = [f"default#{span}" for span in ("15m", "1h", "1d")]
    wanted = {(span, source) for span in spans for source in ("route:e2e_unfit", ALL_SOURCES)}
    eventually(count_again, lambda counted: wanted <= counted, 30)


def test_the_digest_is_posted_where_the_tenant_wants_it(
    built_in: BuiltInRuns, planner: Planner, backstage: Backstage, digests: LocalServer
) -> None:
    output = built_in.output("digest_daily")

    assert output["delivered"] == "delivered"
    assert json.loads(digests.last_body) == {name: value for name, value in output.items() if name != "delivered"}
    elsewhere = planner.run_now("digest_daily", "e2e", "does it work?", tenant="acme")
    assert isinstance(elsewhere, RunStarted)
    eventually(
        lambda: backstage.run(elsewhere.trace_id, tenant="acme"), lambda run: run is not None and run.is_terminal
    )
    run = backstage.run(elsewhere.trace_id, tenant="acme")
    assert run is not None
    assert run.output is not None
    assert json.loads(run.output)["document"]["delivered"] == "not_configured"
    assert json.loads(digests.last_body)["tenant"] == "default"


def test_what_nothing_points_to_is_cleaned_up(built_in: BuiltInRuns, backstage: Backstage) -> None:
    assert built_in.output("cleanup_daily")["deleted"] == 1

    assert built_in.orphan not in backstage.objects()


def test_the_configuration_is_kept(built_in: BuiltInRuns, backstage: Backstage) -> None:
    pointer = built_in.output("config_snapshot_daily")["snapshot"]

    assert pointer == f"default/snapshots/{time.strftime('%Y-%m-%d', time.gmtime())}.json"
    assert pointer in backstage.objects("default/snapshots/")

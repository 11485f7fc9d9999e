"""Schedules as deployed: the tick's event, the real wiring and adapters, the fire's task to its end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions.scheduler import handler as scheduler_handler
from tests.integration.functions_world import Context, FunctionsWorld, functions_world
from tests.integration.scripted_handlers import manifest
from tests.support.schedules import a_cursor
from workerflow.domain.identity import TraceId
from workerflow.domain.manifest import Manifest
from workerflow.domain.run import RunState
from workerflow.domain.schedule_cursor import ScheduleCursor
from workerflow.domain.task import Acceptance
from workerflow.domain.timestamp import timestamp
from workerflow.ports.stores import Written
from workerflow.services.tick import MAX_AHEAD_SECONDS

MINUTELY = replace(manifest().schedules["report"], cron="* * * * *", function="succeed", secrets=())
PLACEHOLDER = "<aws.scheduler.scheduled-time>"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FunctionsWorld]:
    with functions_world(monkeypatch, tmp_path) as found:
        made = Manifest.build(manifest().routes.values(), [MINUTELY])
        (tmp_path / "manifest.json").write_text(made.to_json())
        yield found


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def tick(scheduled_time: object = PLACEHOLDER) -> dict[str, Any]:
    return scheduler_handler.lambda_handler({"kind": "tick", "scheduledTime": scheduled_time}, Context())


def due(world: FunctionsWorld) -> ScheduleCursor:
    """A cursor whose next fire is that of this minute."""
    minute_ms = now_ms() // 60_000 * 60_000
    cursor = a_cursor("report", timing=MINUTELY.timing, since_ms=minute_ms - 1, next_due_ms=minute_ms)
    assert world.aws.schedules.write_cursor(cursor) == Written()
    return cursor


def cursor_of(world: FunctionsWorld) -> ScheduleCursor:
    [cursor] = world.aws.schedules.list_cursors("default").readable
    return cursor


def fire_of(world: FunctionsWorld, cursor: ScheduleCursor) -> Acceptance:
    fire = world.aws.acceptances.get("default", TraceId(cursor.last_trace_id or "").key_hash)
    assert fire is not None
    return fire


def test_the_first_tick_of_a_new_schedule_gives_it_a_cursor_and_fires_nothing(world: FunctionsWorld) -> None:
    before_ms = now_ms()
    assert tick()["failedParts"] == []
    cursor = cursor_of(world)
    assert before_ms <= cursor.since_ms < (cursor.next_due_ms or 0) <= cursor.since_ms + 60_000
    assert world.sent() == []


def test_what_is_due_is_accepted_sent_and_runs_to_its_end(world: FunctionsWorld) -> None:
    before = due(world)
    assert tick()["failedParts"] == []
    after = cursor_of(world)
    fire = fire_of(world, after)
    assert (after.next_due_ms or 0) > (before.next_due_ms or 0)
    assert (fire.key, fire.kind) == (timestamp(after.last_due_ms or 0), "scheduled_job")
    assert fire.trace_id in {message.trace_id for message in world.sent() if message is not None}
    world.execute(fire)
    assert world.run(fire).state is RunState.SUCCEEDED


def test_a_second_tick_makes_no_second_fire(world: FunctionsWorld) -> None:
    due(world)
    tick()
    first = cursor_of(world)
    sent = world.sent()
    tick()
    assert [message for message in world.sent() if message in sent] == []
    assert cursor_of(world).version <= first.version + 1, "a minute may have passed"


@pytest.mark.parametrize("ahead_seconds", [MAX_AHEAD_SECONDS + 5, 24 * 3600])
def test_a_tick_far_ahead_of_its_event_does_nothing(
    world: FunctionsWorld, capsys: pytest.CaptureFixture[str], ahead_seconds: int
) -> None:
    due(world)
    capsys.readouterr()
    answer = tick(timestamp(now_ms() - ahead_seconds * 1000))
    assert answer == {"failedParts": [], "refused": True}
    assert cursor_of(world).version == 1
    out = capsys.readouterr().out
    assert "the clock is ahead" in out
    [metrics] = [line for line in map(json.loads, out.splitlines()) if "_aws" in line]
    assert (metrics["TickAhead"], metrics["TickCompleted"]) == ([1.0], [0.0])


@pytest.mark.parametrize(
    "scheduled_time", [PLACEHOLDER, None, 0, "", "yesterday", "2020-01-01T00:00:00", timestamp(0)[:10]]
)
def test_a_time_that_cannot_be_read_is_held_against_nobody(world: FunctionsWorld, scheduled_time: object) -> None:
    due(world)
    assert tick(scheduled_time) == {"failedParts": [], "refused": False}
    assert cursor_of(world).last_trace_id is not None


def test_the_time_as_the_scheduler_of_aws_writes_it_is_read(world: FunctionsWorld) -> None:
    due(world)
    assert not tick(timestamp(now_ms())[:19] + "Z")["refused"]
    assert tick("2025-11-23T05:00:00Z")["refused"]

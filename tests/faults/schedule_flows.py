"""Stories of schedules: each due fire becomes one task or one recorded skip, and the cursor moves past it.

The cron expressions fire on one day of a year, so that a story has an end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.faults.flow import SUCCEEDED, Flow
from tests.support.schedules import a_cursor
from tests.support.tasks import a_route, a_schedule, an_acceptance
from tests.support.world import MINUTE_MS, START_MS, World
from workerflow.domain.enablement import Enablement
from workerflow.domain.fire import fire_key, fire_payload
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.manifest import Manifest
from workerflow.domain.run import RunState
from workerflow.domain.schedule import CatchUp, Schedule
from workerflow.domain.schedule_cursor import Missed, ScheduleCursor, due_shard
from workerflow.domain.task import Acceptance
from workerflow.domain.timestamp import timestamp

NAME = "nightly"
SOURCE = f"schedule:{NAME}"
SHARD = due_shard(DEFAULT_TENANT, NAME)
SWITCH_S = 11
"""After this a switch holds everywhere."""


def _at(minute: int) -> int:
    """A minute of the story: it begins at 16:00 UTC on 24 November 2025."""
    return START_MS + minute * MINUTE_MS


def _on(minutes: str, **changes: Any) -> Schedule:
    """The schedule, firing at these minutes of the story."""
    return a_schedule(NAME, cron=f"{minutes} 16 24 11 *", **changes)


def _manifest(*schedules: Schedule) -> Manifest:
    return Manifest.build([a_route("work")], schedules)


ONCE = _manifest(_on("1"))
LATER = _manifest(_on("3"))
TWICE = _manifest(_on("1,30"))
EACH_OF_FOUR = _manifest(_on("1-4", catch_up=CatchUp("all")))
NEWEST_OF_FOUR = _manifest(_on("1-4"))
NOT_TOGETHER = _manifest(_on("1,2", overlap="skip"))


def _seeded(world: World, *, next_due_ms: int = _at(1), **changes: Any) -> None:
    """A tick of before the story has made the cursor."""
    timing = world.manifest.schedules[NAME].timing
    fields: dict[str, Any] = {"timing": timing, "since_ms": START_MS - 1, "next_due_ms": next_due_ms} | changes
    world.kept.seed(a_cursor(NAME, **fields))


def _tick_at(world: World, minute: int) -> None:
    world.clock.ms = max(world.clock.ms, _at(minute))
    world.tick()


# What must be there at the end.


def _fires(world: World) -> list[Acceptance]:
    """Tasks that fires became, oldest first."""
    found = (one for one in world.kept.acceptances() if one.source == SOURCE and not one.manual)
    return sorted(found, key=lambda one: one.key)


def _fired(
    *minutes: int, missed: Mapping[Missed, int] | None = None, skipped: int = 0
) -> Callable[[World], Iterator[str]]:
    """These fires were made, once each, in order; so many were missed; and nothing is due any more."""

    def check(world: World) -> Iterator[str]:
        keys = [fire.key for fire in _fires(world)]
        if keys != [fire_key(_at(minute)) for minute in minutes]:
            yield f"fired {keys}"
        runs = world.kept.runs()
        states = [run.state for run in runs.values()]
        if states.count(RunState.SKIPPED) != skipped:
            yield f"skipped: {states}"
        cursor = world.kept.cursors()[DEFAULT_TENANT, NAME]
        if cursor.missed != (missed or {}):
            yield f"missed {cursor.missed}"
        yield from _moved_past(cursor, world)

    return check


def _moved_past(cursor: ScheduleCursor, world: World) -> Iterator[str]:
    if cursor.next_due_ms is not None and cursor.next_due_ms <= world.clock.ms:
        yield f"the cursor stays at {cursor}"
    tasks = {fire.trace_id for fire in _fires(world)}
    if tasks and cursor.last_trace_id not in tasks:
        yield f"the cursor does not know its newest fire: {cursor}"


def _started_in_order(*minutes: int) -> Callable[[World], Iterator[str]]:
    def check(world: World) -> Iterator[str]:
        yield from _fired(*minutes)(world)
        accepted = [fire.accepted_at_ms for fire in _fires(world)]
        if accepted != sorted(accepted):
            yield f"accepted out of order: {accepted}"

    return check


def _retired(world: World) -> Iterator[str]:
    cursor = world.kept.cursors()[DEFAULT_TENANT, NAME]
    if cursor.next_due_ms is not None or cursor.missed != {Missed.DISABLED: 1} or _fires(world):
        yield f"a removed schedule stands at {cursor}"


def _ran_by_hand_once(world: World) -> Iterator[str]:
    found = [one for one in world.kept.acceptances() if one.manual]
    if len(found) != 1 or world.kept.audited("schedule.run") != 1:
        yield f"run by hand {len(found)} times, audited {world.kept.audited('schedule.run')} times"


# What happens.


def _deployed(world: World) -> None:
    """The first tick after the first deploy."""
    world.tick()


def _due(world: World) -> None:
    _seeded(world)
    _tick_at(world, 1)


def _outage(world: World) -> None:
    """No tick comes for an hour."""
    _seeded(world)
    _tick_at(world, 60)


def _still_running(world: World) -> None:
    """The message of the first fire is lost, so that its task is still queued when the second one is due."""
    _seeded(world)
    _tick_at(world, 1)
    world.lose_messages()
    _tick_at(world, 2)
    world.lose_messages()


def _paused_and_resumed(world: World) -> None:
    _seeded(world)
    world.set_switch(Enablement.PAUSED, source=SOURCE)
    _tick_at(world, 1)
    world.go_on(120)
    world.set_switch(Enablement.ENABLED, source=SOURCE)
    world.clock.advance(SWITCH_S)


def _two_ticks(adapter: str) -> Callable[[World], None]:
    def play(world: World) -> None:
        _seeded(world)
        world.another_tick_before(adapter)
        _tick_at(world, 1)

    return play


def _edited(world: World) -> None:
    """A schedule with a fire pending is edited: what was pending is not made."""
    _seeded(world, timing="f" * 16, next_due_ms=_at(-5))
    world.tick()


def _edited_after_its_fire(world: World) -> None:
    """A fire was made by a tick that died before it moved the cursor; then its schedule is edited."""
    due = timestamp(_at(-5))
    body = fire_payload(NAME, _at(-5))
    made = an_acceptance(due, body=body, source=SOURCE, kind="scheduled_job", accepted_at_ms=_at(-4))
    world.kept.leave_acceptance(made)
    _seeded(world, timing="f" * 16, next_due_ms=_at(-5), since_ms=_at(-60))
    world.tick()


def _removed(world: World) -> None:
    """A deploy without the schedule, while a fire of it is pending."""
    _seeded(world, next_due_ms=_at(-5))
    world.deploy(_manifest(a_schedule("another", cron="1 16 24 11 *")))
    world.tick()


def _due_beside_an_unreadable_cursor(world: World) -> None:
    """Both stand on one page of the tick."""
    broken = next(name for name in ("broken", "worn", "torn", "rotten") if due_shard(DEFAULT_TENANT, name) == SHARD)
    world.kept.spoil_cursor(a_cursor(broken, next_due_ms=_at(0)))
    _due(world)


def _run_by_hand(world: World) -> None:
    _seeded(world, next_due_ms=_at(60 * 24 * 300))
    if world.run_schedule(NAME, "click-1") != world.run_schedule(NAME, "click-1"):
        world.broken.append("two clicks made two runs")
    [view] = world.look(lambda: world.processes.read_schedules(DEFAULT_TENANT))
    if (view.name, len(view.next_fires_ms)) != (NAME, 10):
        world.broken.append(f"the schedule is shown as {view}")


def _run_by_hand_and_lose_the_message(world: World) -> None:
    _run_by_hand(world)
    world.lose_messages()


ITS_OWN = "Schedule"
"""Callers that deal with schedules: what else a tick does fails in the other stories."""

SCHEDULE_FLOWS = (
    Flow("schedule_deployed", _deployed, check=_fired(3), manifest=LATER),
    Flow("fire", _due, check=_fired(1), lasts_seconds=(60, 62), manifest=ONCE),
    Flow(
        "fire_beside_an_unreadable_cursor",
        _due_beside_an_unreadable_cursor,
        check=_fired(1),
        manifest=ONCE,
        strikes=ITS_OWN,
    ),
    Flow("fires_after_an_outage", _outage, check=_started_in_order(1, 2, 3, 4), manifest=EACH_OF_FOUR),
    Flow(
        "newest_fire_after_an_outage",
        _outage,
        check=_fired(4, missed={Missed.LATE: 3}),
        manifest=NEWEST_OF_FOUR,
        strikes=ITS_OWN,
    ),
    Flow(
        "fire_that_overlaps",
        _still_running,
        ends=SUCCEEDED | {RunState.SKIPPED},
        check=_fired(1, 2, missed={Missed.OVERLAP: 1}, skipped=1),
        manifest=NOT_TOGETHER,
    ),
    Flow(
        "fire_while_paused",
        _paused_and_resumed,
        check=_fired(30, missed={Missed.PAUSED: 1}),
        manifest=TWICE,
        strikes=ITS_OWN,
    ),
    Flow(
        "two_ticks_accept_a_fire", _two_ticks("DynamoAcceptances.put"), check=_fired(1), manifest=ONCE, strikes=ITS_OWN
    ),
    Flow(
        "two_ticks_move_a_cursor",
        _two_ticks("DynamoSchedules.write_cursor"),
        check=_fired(1),
        manifest=ONCE,
        strikes=ITS_OWN,
    ),
    Flow(
        "two_ticks_leave_a_mark",
        _two_ticks("DynamoSchedules.write_mark"),
        check=_fired(1),
        manifest=ONCE,
        strikes=ITS_OWN,
    ),
    Flow("schedule_edited", _edited, check=_fired(3, missed={Missed.LATE: 1}), manifest=LATER, strikes=ITS_OWN),
    Flow(
        "schedule_edited_after_its_fire", _edited_after_its_fire, check=_fired(-5, 3), manifest=LATER, strikes=ITS_OWN
    ),
    Flow("schedule_removed", _removed, check=_retired, manifest=ONCE, strikes=ITS_OWN),
    Flow("schedule_run_by_hand", _run_by_hand, check=_ran_by_hand_once, manifest=ONCE),
    Flow(
        "schedule_run_by_hand_whose_send_is_lost",
        _run_by_hand_and_lose_the_message,
        check=_ran_by_hand_once,
        manifest=ONCE,
    ),
)

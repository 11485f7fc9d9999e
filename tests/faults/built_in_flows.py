"""Stories of the built-in schedules: what they do is done once, however often it is begun."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.faults.flow import Flow
from tests.support.schedules import a_cursor
from tests.support.script import FailsForGood, Script
from tests.support.tasks import a_schedule
from tests.support.world import MANIFEST, MINUTE_MS, START_MS, World
from workerflow.domain.dead_letter import letter_position
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.identity import DEFAULT_TENANT, TraceId
from workerflow.domain.manifest import Manifest
from workerflow.domain.objects import DAY_MS, output_pointer, payload_pointer, snapshot_pointer
from workerflow.domain.rollup import ALL_SOURCES, Span
from workerflow.domain.run import LetterClass, RunState
from workerflow.ports.cleanup import CleanupMark
from workerflow.ports.stores import Cursor

GONE = "schedule:gone"
LONG_AGO_MS = START_MS - 40 * DAY_MS
PAYLOAD = payload_pointer(DEFAULT_TENANT, "a" * 32, "b" * 64, LONG_AGO_MS)
OUTPUT = output_pointer(DEFAULT_TENANT, TraceId.mint(LONG_AGO_MS, "c" * 32).value, 1)
YESTERDAYS = snapshot_pointer(DEFAULT_TENANT, "2025-11-23")


def _manifest(name: str, minute: int) -> Manifest:
    schedule = a_schedule(name, cron=f"{minute} 16 24 11 *")
    return Manifest.build(list(MANIFEST.routes.values()), [schedule])


def _comes_due(minute: int, before: Callable[[World], None] = lambda _world: None) -> Callable[[World], None]:
    """Something happens, and then the schedule's minute comes."""

    def play(world: World) -> None:
        [schedule] = world.manifest.schedules.values()
        due_ms = START_MS + minute * MINUTE_MS
        world.kept.seed(a_cursor(schedule.name, timing=schedule.timing, since_ms=START_MS - 1, next_due_ms=due_ms))
        before(world)
        world.clock.ms = max(world.clock.ms, due_ms)
        world.tick()

    return play


# Rollups.


def _call_and_go_on(world: World) -> None:
    world.call()
    world.go_on(600)


def _counted_once(world: World) -> Iterator[str]:
    rollups = {(one.span, one.start_ms, one.source): one for one in world.kept.rollups()}
    for span in Span:
        for source in ("route:work", ALL_SOURCES):
            found = rollups.get((span, span.start_of(START_MS), source))
            if found is None or found.counts.get(RunState.SUCCEEDED.value) != 1:
                yield f"{source} in {span}: {found}"


# Dead letters.


def _fail(world: World) -> None:
    world.kept.leave_retry_cursor(Cursor(DEFAULT_TENANT, 0, letter_position(START_MS - DAY_MS), 1, "1" * 16))
    world.call()
    world.go_on(600)


def _replayed_once(world: World) -> Iterator[str]:
    entries = world.kept.lineage()
    if len(entries) != 1:
        yield f"the lineage is {entries}"
    states = [run.state for run in world.kept.runs().values() if run.source == "route:work"]
    if sorted(states) != [RunState.FAILED, RunState.SUCCEEDED]:
        yield f"the tasks are {states}"


# Cleaning up.


def _leave_rubbish(world: World) -> None:
    for name in (PAYLOAD, OUTPUT, snapshot_pointer(DEFAULT_TENANT, "2025-11-01")):
        world.kept.leave_object(name, written_ms=LONG_AGO_MS)
    world.kept.leave_switch(Switch(DEFAULT_TENANT, GONE, Enablement.PAUSED, "why", "ops", LONG_AGO_MS, 1, "1" * 16))
    world.kept.seed(a_cursor("gone", next_due_ms=None))
    world.kept.leave_cleanup_mark(CleanupMark(DEFAULT_TENANT, "", 1, "1" * 16, {GONE: LONG_AGO_MS}))


def _clean(world: World) -> Iterator[str]:
    left = world.kept.objects()
    if left != [snapshot_pointer(DEFAULT_TENANT, "2025-11-01")]:
        yield f"the bucket holds {left}"
    if (DEFAULT_TENANT, "gone") in world.kept.cursors() or world.kept.switches():
        yield "the state of a source that is gone was left"
    if world.kept.audited("switch.removed") != 1:
        yield f"{world.kept.audited('switch.removed')} audit events"


# Digest and snapshot.


def _snapshot_of_before(world: World) -> None:
    empty: dict[str, Any] = {"manifest": {"routes": {}, "schedules": {}}, "switches": {}, "policy": None}
    world.kept.leave_object(YESTERDAYS, body=json.dumps(empty).encode(), written_ms=START_MS - DAY_MS)


def _one_more_snapshot(world: World) -> Iterator[str]:
    if world.kept.objects() != [YESTERDAYS, snapshot_pointer(DEFAULT_TENANT, "2025-11-24")]:
        yield f"the bucket holds {world.kept.objects()}"


BUILT_IN_FLOWS = (
    Flow(
        "rollup",
        _comes_due(15, _call_and_go_on),
        check=_counted_once,
        manifest=_manifest("roll_up", 15),
        strikes="RollUp",
    ),
    Flow(
        "retry_of_dead_letters",
        _comes_due(45, _fail),
        Script((FailsForGood(),)),
        frozenset({RunState.SUCCEEDED, RunState.FAILED}),
        (LetterClass.HANDLER_ERROR,),
        _replayed_once,
        manifest=_manifest("retry_letters", 45),
        strikes="RetryLetters",
    ),
    Flow("cleanup", _comes_due(1, _leave_rubbish), check=_clean, manifest=_manifest("clean_up", 1), strikes="CleanUp"),
    Flow("digest", _comes_due(1), manifest=_manifest("write_digest", 1), strikes="WriteDigest"),
    Flow(
        "snapshot",
        _comes_due(1, _snapshot_of_before),
        check=_one_more_snapshot,
        manifest=_manifest("snapshot_config", 1),
        strikes="SnapshotConfig",
    ),
)

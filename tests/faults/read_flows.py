"""Stories of somebody who looks: whatever call fails meanwhile, in the end they see what is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from tests.faults.flow import FAILED, HANDLER_ERROR, Flow
from tests.support.script import Fails, FailsForGood, Script, filling
from tests.support.world import World
from workerflow.domain.bulk import LetterFilter
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.rollup import ALL_SOURCES, Rollup, Span
from workerflow.domain.run import RunState
from workerflow.services.list_tasks import TaskFilter

LARGE = json.dumps({"filling": filling(30_000)}).encode()
HOUR_MS = 3_600_000
SCRIPT = Script((Fails(), FailsForGood()))


def _after_a_failure(look: Callable[[World, str], None]) -> Callable[[World], None]:
    """A task fails for good at its second attempt, and then somebody looks."""

    def play(world: World) -> None:
        world.call(body=LARGE)
        world.go_on(60)
        [run] = world.kept.runs().values()
        look(world, run.trace_id)

    return play


def _tasks(world: World, trace_id: str) -> None:
    page = world.look(lambda: world.processes.list_tasks(DEFAULT_TENANT, TaskFilter(state=RunState.FAILED)))
    assert [run.trace_id for run in page.runs] == [trace_id]


def _letters(world: World, trace_id: str) -> None:
    page = world.look(lambda: world.processes.list_letters(DEFAULT_TENANT, LetterFilter(), open_only=False))
    assert [entry.trace_id for entry in page.letters] == [trace_id]


def _detail(world: World, trace_id: str) -> None:
    detail = world.look(lambda: world.processes.read_run_detail(DEFAULT_TENANT, trace_id))
    assert detail is not None
    assert (detail.letter is not None, len(detail.attempts), detail.faults) == (True, 2, ())
    assert detail.payload in {LARGE, None}  # told, if the bucket does not answer
    assert (detail.payload is None) == bool(detail.payload_fault)


def _lineage(world: World, trace_id: str) -> None:
    """Of a task whose key is forgotten: it is found by its row and its letter."""
    [acceptance] = world.kept.acceptances()
    world.kept.leave_acceptance(replace(acceptance, expires_at_s=world.clock.ms // 1000))
    tree = world.look(lambda: world.processes.read_lineage(DEFAULT_TENANT, trace_id))
    assert tree is not None
    assert (tree.root.trace_id, tree.root.state) == (trace_id, RunState.FAILED)


def _summary(world: World, trace_id: str) -> None:
    """Of an hour that is over, so that what waits now is looked for by itself."""
    del trace_id
    now_ms = world.clock.ms
    told = world.look(lambda: world.processes.read_summary(DEFAULT_TENANT, now_ms - HOUR_MS, now_ms))
    assert told.counts == {RunState.FAILED: 1}
    assert told.open_letters == 1
    world.look(lambda: world.processes.read_summary(DEFAULT_TENANT, now_ms - 3 * HOUR_MS, now_ms - 2 * HOUR_MS))


def _summary_before_counting(world: World, trace_id: str) -> None:
    """Of a window of which a stretch was never counted, because there was no task in it."""
    del trace_id
    now_ms = world.clock.ms
    counted_ms = Span.QUARTER.start_of(now_ms) - 2 * HOUR_MS
    world.kept.leave_rollup(Rollup(DEFAULT_TENANT, Span.QUARTER, counted_ms, ALL_SOURCES, counted_ms + HOUR_MS))
    told = world.look(lambda: world.processes.read_summary(DEFAULT_TENANT, now_ms - 3 * HOUR_MS, now_ms))
    assert (told.counts, told.is_exact) == ({RunState.FAILED: 1}, True)


def _routes(world: World, trace_id: str) -> None:
    del trace_id
    views = world.look(lambda: world.processes.read_routes(DEFAULT_TENANT))
    assert {view.route.name: view.counts for view in views}["work"] == {RunState.FAILED: 1}


def _flow(name: str, look: Callable[[World, str], None], strikes: str) -> Flow:
    return Flow(name, _after_a_failure(look), SCRIPT, FAILED, HANDLER_ERROR, strikes=strikes)


READ_FLOWS = (
    _flow("looking_at_tasks", _tasks, "ListTasks"),
    _flow("looking_at_letters", _letters, "ListLetters"),
    _flow("looking_at_a_run", _detail, "ReadRunDetail"),
    _flow("looking_at_a_lineage", _lineage, "ReadLineage"),
    _flow("looking_at_a_summary", _summary, "FindOldestQueued"),
    _flow("looking_at_what_was_never_counted", _summary_before_counting, "any_accepted"),
    _flow("looking_at_routes", _routes, "CountTasks"),
)

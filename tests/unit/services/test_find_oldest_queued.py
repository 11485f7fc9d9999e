"""The task that waits longest for its first attempt is found by few reads, or it is said that there may be an older."""

from __future__ import annotations

import pytest

from tests.support.runs import a_run
from tests.unit.services.reading import Reading
from tests.unit.services.wired import TENANT, Wired
from workerflow.domain.errors import IntegrityError
from workerflow.domain.identity import SHARDS, first_trace_id_at, shard_of
from workerflow.domain.rollup import Span
from workerflow.domain.run import RunState
from workerflow.domain.task import Acceptance
from workerflow.ports.stores import Cursor
from workerflow.services.find_oldest_queued import ENTRIES_A_SHARD, OldestQueued
from workerflow.services.newest_first import ENTRIES_READ

NOON = 1_760_000_000_000 // Span.DAY.ms * Span.DAY.ms + Span.DAY.ms // 2
MINUTE = 60_000


@pytest.fixture(autouse=True)
def at_noon(wired: Wired) -> None:
    wired.clock.ms = NOON


def find(wired: Wired, *, until_ms: int = NOON) -> OldestQueued:
    reading = Reading(wired)
    counts = reading.count_tasks(TENANT, until_ms - 60 * MINUTE, until_ms)
    wired.memory.calls.clear()
    return reading.find_oldest_queued(TENANT, counts)


def take(wired: Wired, number: int, at_ms: int) -> list[Acceptance]:
    return [wired.take(f"key-{at_ms + n}", accepted_at_ms=at_ms + n) for n in range(number)]


def sweep_to(wired: Wired, position: str) -> None:
    for shard in range(SHARDS):
        wired.memory.cursors[TENANT, shard] = Cursor(TENANT, shard, position, 1, "1" * 16)


def in_one_shard(tasks: list[Acceptance]) -> list[Acceptance]:
    return [task for task in tasks if shard_of(task.trace_id) == 0]


def test_nothing_waits(wired: Wired) -> None:
    [task] = take(wired, 1, NOON - MINUTE)
    wired.keep(a_run(task))
    assert find(wired) == OldestQueued(None, is_exact=True)


def test_a_task_without_row_waits(wired: Wired) -> None:
    oldest, _, claimed = take(wired, 3, NOON - MINUTE)
    wired.keep(a_run(claimed))
    assert find(wired) == OldestQueued(oldest.accepted_at_ms, is_exact=True)


def test_the_rows_that_were_counted_are_not_read_again(wired: Wired) -> None:
    take(wired, 3, NOON - MINUTE)
    find(wired)
    assert set(wired.memory.calls) == {"cursors.get_cursor", "acceptances.list_accepted", "runs.due"}


def test_a_task_that_the_tick_sends_again_waits(wired: Wired) -> None:
    [swept] = take(wired, 1, NOON - 600 * MINUTE)
    wired.queued(swept, due_in_seconds=600)
    take(wired, 1, NOON - MINUTE)
    assert find(wired) == OldestQueued(swept.accepted_at_ms, is_exact=True)


def test_one_that_waits_for_its_next_attempt_does_not(wired: Wired) -> None:
    [task] = take(wired, 1, NOON - 600 * MINUTE)
    wired.keep(a_run(task, state=RunState.WAITING, due_at_ms=NOON))
    assert find(wired) == OldestQueued(None, is_exact=True)


def test_one_that_is_sent_again_for_a_later_attempt_does_not(wired: Wired) -> None:
    [task] = take(wired, 1, NOON - 600 * MINUTE)
    wired.keep(a_run(task, state=RunState.QUEUED, attempt=1, due_at_ms=NOON))
    assert find(wired) == OldestQueued(None, is_exact=True)


@pytest.mark.parametrize("held", ["paused", "capped"])
def test_one_that_waits_on_purpose_does_not(wired: Wired, held: str) -> None:
    [task] = take(wired, 1, NOON - 600 * MINUTE)
    wired.keep(a_run(task, state=RunState.PARKED, attempt=0, due_at_ms=NOON, **{held: True}))
    assert find(wired) == OldestQueued(None, is_exact=True)


def test_one_that_the_sweeper_has_not_come_to_waits_however_old(wired: Wired) -> None:
    ended, waits = take(wired, 2, NOON - 600 * MINUTE)
    wired.keep(a_run(ended))
    take(wired, 1, NOON - MINUTE)
    sweep_to(wired, first_trace_id_at(NOON - 601 * MINUTE))
    assert find(wired) == OldestQueued(waits.accepted_at_ms, is_exact=True)


def test_what_the_sweeper_has_passed_is_not_looked_at_again(wired: Wired) -> None:
    ended = take(wired, 8 * ENTRIES_A_SHARD, NOON - 600 * MINUTE)
    for task in ended:
        wired.keep(a_run(task))
    assert not find(wired).is_exact
    sweep_to(wired, ended[-1].trace_id)
    assert find(wired) == OldestQueued(None, is_exact=True)


@pytest.mark.parametrize("is_swept", [False, True])
def test_a_row_that_cannot_be_read_leaves_it_open(wired: Wired, *, is_swept: bool) -> None:
    [task] = take(wired, 1, NOON - 600 * MINUTE)
    if is_swept:
        wired.queued(task, due_in_seconds=600)
        sweep_to(wired, task.trace_id)
    wired.memory.spoilt.add(("runs", TENANT, task.trace_id))
    assert find(wired) == OldestQueued(None, is_exact=False)


def test_so_does_an_entry_of_a_task(wired: Wired) -> None:
    spoilt, waits = take(wired, 2, NOON - 600 * MINUTE)
    wired.memory.spoilt.add(("acceptances", TENANT, spoilt.key_hash))
    assert find(wired) == OldestQueued(waits.accepted_at_ms, is_exact=False)


def test_as_many_open_ones_as_are_looked_at_hide_none(wired: Wired) -> None:
    tasks = in_one_shard(take(wired, 8 * ENTRIES_A_SHARD, NOON - 600 * MINUTE))[:ENTRIES_A_SHARD]
    assert len(tasks) == ENTRIES_A_SHARD
    wired.memory.acceptances.clear()
    for task in tasks:
        wired.memory.acceptances[TENANT, task.key_hash] = task
        wired.queued(task, due_in_seconds=600)
    assert find(wired) == OldestQueued(tasks[0].accepted_at_ms, is_exact=True)


def test_very_many_that_are_open_may_hide_an_older_one(wired: Wired) -> None:
    for task in take(wired, 8 * ENTRIES_A_SHARD, NOON - 600 * MINUTE):
        wired.queued(task, due_in_seconds=task.accepted_at_ms % 97)
    found = find(wired)
    assert found.accepted_at_ms is not None
    assert not found.is_exact


def test_of_more_tasks_than_are_counted_the_oldest_that_are_not_swept_are_looked_at(wired: Wired) -> None:
    tasks = take(wired, ENTRIES_READ + 100, NOON - 4 * MINUTE)
    assert find(wired) == OldestQueued(tasks[0].accepted_at_ms, is_exact=True)
    for task in tasks[:-1]:
        wired.keep(a_run(task))
    assert find(wired) == OldestQueued(None, is_exact=False)


def test_a_window_of_the_past_tells_of_now(wired: Wired) -> None:
    [task] = take(wired, 1, NOON - MINUTE)
    assert find(wired, until_ms=NOON - 60 * MINUTE) == OldestQueued(task.accepted_at_ms, is_exact=True)


@pytest.mark.parametrize("name", ["runs.due", "cursors.get_cursor"])
def test_an_entry_that_cannot_be_read_leaves_it_open_whether_an_older_one_waits(wired: Wired, name: str) -> None:
    take(wired, 1, NOON - MINUTE)
    counts = Reading(wired).count_tasks(TENANT, NOON - 120 * MINUTE, NOON - 60 * MINUTE)
    wired.refuse(name, error=IntegrityError)
    assert not Reading(wired).find_oldest_queued(TENANT, counts).is_exact

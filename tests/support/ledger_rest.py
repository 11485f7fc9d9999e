"""What a ledger has beside its tasks, and little of: rollups, error groups, replays, switches, cursors."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.support.ledger_tasks import (
    FAILS_EVERY,
    FAILURE,
    GROUPS,
    NOW_MS,
    SOURCES,
    STEP_MS,
    TENANT,
    LedgerTasks,
    duration_ms,
)
from tests.support.tasks import DAY_MS
from workerflow.adapters.dynamodb.attributes import Item
from workerflow.adapters.dynamodb.items import error_group as group_codec
from workerflow.adapters.dynamodb.items import lineage as lineage_codec
from workerflow.adapters.dynamodb.items import rollup as rollup_codec
from workerflow.adapters.dynamodb.items import schedule as schedule_codec
from workerflow.adapters.dynamodb.items import state as state_codec
from workerflow.domain.dead_letter import letter_position
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.error_group import ErrorGroup
from workerflow.domain.identity import SHARDS, first_trace_id_at
from workerflow.domain.replay import LineageEntry
from workerflow.domain.rollup import ALL_SOURCES, Rollup, Span, bucket_of
from workerflow.domain.run import LetterClass, Run, RunState
from workerflow.domain.schedule_cursor import ScheduleCursor
from workerflow.ports.stores import Cursor
from workerflow.services.sweep import GRACE_S
from workerflow.tables import CURSOR_STATE, REPLAY_LINEAGE, ROLLUPS, Table


def small_items(tasks: LedgerTasks) -> Iterator[tuple[Table, Item]]:
    """Everything that does not grow with the number of tasks, or not without end."""
    yield from ((REPLAY_LINEAGE, lineage_codec.to_item(entry)) for entry in _replays(tasks))
    yield from ((ROLLUPS, rollup_codec.to_item(rollup)) for rollup in _rollups(tasks))
    yield from ((ROLLUPS, group_codec.to_item(group)) for group in _groups(tasks))
    walk = Cursor(TENANT, 0, letter_position(NOW_MS - 60_000), 1, "1" * 16)
    yield CURSOR_STATE, state_codec.cursor_to_item(walk, group_codec.WALK)
    for shard in range(SHARDS):
        swept = Cursor(TENANT, shard, first_trace_id_at(NOW_MS - (GRACE_S + 60) * 1000), 1, "1" * 16)
        yield CURSOR_STATE, state_codec.cursor_to_item(swept)
    switch = Switch(TENANT, "route:ask", Enablement.PAUSED, "the provider is down", "ops", NOW_MS, 1, "1" * 16)
    yield CURSOR_STATE, state_codec.switch_to_item(switch)
    cursor = ScheduleCursor(TENANT, "report", "0" * 16, NOW_MS - DAY_MS, NOW_MS + 60_000, 1, "1" * 16)
    yield CURSOR_STATE, schedule_codec.to_item(cursor)


def _replays(tasks: LedgerTasks) -> Iterator[LineageEntry]:
    for generation, number in enumerate(tasks.tree[1:], 1):
        child = tasks.acceptance(number)
        yield LineageEntry(
            tenant=TENANT,
            root=tasks.trace_id(tasks.root),
            parent=tasks.trace_id(number - FAILS_EVERY),
            generation=generation,
            child=child.trace_id,
            actor="on call (wfd_abcdefghijkl)",
            reason="the provider is back",
            edited=False,
            at_ms=child.accepted_at_ms,
            nonce=child.nonce,
            expires_at_s=Run.of_task(child).expires_at_s,
        )


def _groups(tasks: LedgerTasks) -> Iterator[ErrorGroup]:
    newest = (tasks.number - 100) // FAILS_EVERY * FAILS_EVERY
    for number in range(newest, max(0, newest - GROUPS * FAILS_EVERY), -FAILS_EVERY):
        yield ErrorGroup(
            tenant=TENANT,
            fingerprint=f"{number // FAILS_EVERY % GROUPS:016x}",
            source=SOURCES[number % 10],
            letter_class=LetterClass.EXHAUSTED,
            error_class=FAILURE.error_class,
            message=FAILURE.message,
            sample=tasks.trace_id(number),
            count=tasks.number // FAILS_EVERY // GROUPS,
            first_seen_ms=tasks.failed_at_ms(0),
            last_seen_ms=tasks.failed_at_ms(number),
            expires_at_s=NOW_MS // 1000 + 30 * 24 * 3600,
        )


def _rollups(tasks: LedgerTasks) -> Iterator[Rollup]:
    """As the tick has counted them: empty ones, too, from before the first task on. Older ones nobody asks for."""
    quarter_ms = Span.QUARTER.start_of(NOW_MS)
    for span, kept_ms in ((Span.QUARTER, 3 * DAY_MS), (Span.HOUR, 4 * DAY_MS), (Span.DAY, 40 * DAY_MS)):
        for start_ms in range(span.start_of(NOW_MS - kept_ms) + span.ms, quarter_ms, span.ms):
            yield from _counted(tasks, span, start_ms, min(start_ms + span.ms, quarter_ms))


def _counted(tasks: LedgerTasks, span: Span, start_ms: int, until_ms: int) -> Iterator[Rollup]:
    counted_at_ms = until_ms + (20 if until_ms + 20 * 60_000 < NOW_MS else 1) * 60_000
    numbers = range(_first_at(tasks, start_ms), _first_at(tasks, until_ms))
    counts: dict[str, Counter[str]] = {ALL_SOURCES: Counter()}
    durations: dict[str, Counter[int]] = defaultdict(Counter)
    for (source, state, bucket), times in _by_kind(numbers):
        for one in (source, ALL_SOURCES):
            counts.setdefault(one, Counter())[state] += times
            durations[one][bucket] += times
    for source, found in counts.items():
        yield Rollup(TENANT, span, start_ms, source, counted_at_ms, dict(found), dict(durations[source]))


def _first_at(tasks: LedgerTasks, time_ms: int) -> int:
    """The first task that was accepted then or later."""
    steps = (NOW_MS - time_ms) // STEP_MS
    return min(tasks.number, max(0, tasks.number - steps))


KINDS = [
    (
        SOURCES[number % 10],
        RunState.SUCCEEDED.value if number % FAILS_EVERY else RunState.FAILED.value,
        bucket_of(duration_ms(number)),
    )
    for number in range(10 * FAILS_EVERY)
]
"""What an ended task is follows from its number modulo 10 and modulo 17."""


def _by_kind(numbers: range) -> Iterator[tuple[tuple[str, str, int], int]]:
    """Each kind of task, with how many there are of it."""
    for first in numbers[: len(KINDS)]:
        yield KINDS[first % len(KINDS)], len(range(first, numbers.stop, len(KINDS)))

"""A ledger of any size that takes no room: every item follows from its number, and is made when somebody reads it.

    number <-> trace id      times are even steps, the hash is a multiplication modulo 2**128, which can be undone
    number --> items         by the real codecs: acceptance, row, attempts, dead letter

One task every STEP_MS up to the present. Every 17th has failed, the newest of those are open, and one was replayed
three times; the newest tasks of all are queued or running, and a few wait for their next attempt.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from tests.support.billing import entry_of
from tests.support.tasks import DAY_MS
from workerflow.adapters.dynamodb.attributes import Item
from workerflow.adapters.dynamodb.items import acceptance as acceptance_codec
from workerflow.adapters.dynamodb.items import attempt as attempt_codec
from workerflow.adapters.dynamodb.items import audit as audit_codec
from workerflow.adapters.dynamodb.items import error_group as group_codec
from workerflow.adapters.dynamodb.items import letter as letter_codec
from workerflow.adapters.dynamodb.items import lineage as lineage_codec
from workerflow.adapters.dynamodb.items import rollup as rollup_codec
from workerflow.adapters.dynamodb.items import run as run_codec
from workerflow.adapters.dynamodb.items import schedule as schedule_codec
from workerflow.adapters.dynamodb.items import state as state_codec
from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import DeadLetter, LetterState, letter_position
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.error_group import ErrorGroup
from workerflow.domain.failure import Failure
from workerflow.domain.identity import SHARDS, TraceId
from workerflow.domain.output import HandlerOutput
from workerflow.domain.replay import LineageEntry
from workerflow.domain.rollup import ALL_SOURCES, Rollup, Span, bucket_of
from workerflow.domain.run import Attempt, AttemptResult, LetterClass, Run, RunState
from workerflow.domain.schedule_cursor import ScheduleCursor
from workerflow.domain.stored import StoredBytes
from workerflow.domain.task import Acceptance, Lineage
from workerflow.ports.stores import AttemptRecord, Cursor
from workerflow.tables import (
    AUDIT_EVENTS,
    CURSOR_STATE,
    DEAD_LETTERS,
    IDEMPOTENCY_KEYS,
    LETTERS_BY_TIME,
    LETTERS_OPEN,
    REPLAY_LINEAGE,
    ROLLUPS,
    RUNS,
    RUNS_OPEN,
    TASKS_BY_TIME,
    Index,
    Table,
)

TENANT = "default"
STEP_MS = 2_592
"""A million tasks in thirty days."""
NOW_MS = 1_760_000_400_000 + 7 * 60_000
"""Seven minutes into a quarter of an hour: the one before it was counted once and is not settled."""
FAILS_EVERY = 17
QUEUED, RUNNING, RECENT = 20, 10, 200
OPEN_LETTERS = 60
GROUPS = 40
TASKS_AN_AUDIT_EVENT = 10
FAILURE = Failure("retryable", "requests.exceptions.Timeout", "no answer in 3 s", "Traceback …\n" * 40, frame="f.py:g")
OUTPUT = HandlerOutput("document", b'{"done":true,"order":4711}').encode()
SOURCES = ("route:echo",) * 7 + ("route:ask",) * 2 + ("schedule:report",)

_FACTOR = 0x9E3779B97F4A7C15F39CC0605CEDC835
"""1 modulo 4, so that a number's shard is that of the number after it."""
_MODULUS = 1 << 128
_BACK = pow(_FACTOR, -1, _MODULUS)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The items of one partition, in order of their sort keys, by number."""

    numbers: Sequence[int]
    key: Callable[[int], str]
    make: Callable[[int], Item]

    def between(self, low: str, high: str) -> Sequence[int]:
        """The numbers of the items within two sort keys, both included."""
        return self.numbers[
            bisect_left(self.numbers, low, key=self.key) : bisect_right(self.numbers, high, key=self.key)
        ]


NOTHING = Shelf((), lambda _number: "", lambda _number: {})


class Ledger:
    """`number` tasks of one tenant, with all that belongs to them.

    Attributes:
        all_open: every dead letter is open, instead of the newest OPEN_LETTERS.
    """

    def __init__(self, number: int, *, all_open: bool = False) -> None:
        self.number = number
        self.all_open = all_open
        self.root = (number - 300) // FAILS_EVERY * FAILS_EVERY
        self.tree = [self.root + generation * FAILS_EVERY for generation in range(4)]

    # Names.

    def accepted_at_ms(self, number: int) -> int:
        return NOW_MS - (self.number - number) * STEP_MS

    def trace_id(self, number: int) -> str:
        return TraceId.mint(self.accepted_at_ms(number), self.key_hash(number)).value

    @staticmethod
    def key_hash(number: int) -> str:
        return f"{(number + 1) * _FACTOR % _MODULUS:032x}"

    def number_of(self, key_hash: str) -> int | None:
        """The task whose acceptance has that key; None if there is none."""
        number = int(key_hash, 16) * _BACK % _MODULUS - 1
        return number if 0 <= number < self.number else None

    def number_of_task(self, trace_id: str) -> int | None:
        """The task of that name; None if there is none."""
        number = self.number_of(trace_id[-32:])
        return number if number is not None and self.trace_id(number) == trace_id else None

    def position(self, number: int) -> str:
        """Where its letter stands in order of time."""
        return letter_position(self.failed_at_ms(number), self.trace_id(number))

    def failed_at_ms(self, number: int) -> int:
        return self.accepted_at_ms(number) + 1_500

    # What a task is.

    def state(self, number: int) -> RunState:
        if number >= self.number - QUEUED:
            return RunState.QUEUED
        if number >= self.number - QUEUED - RUNNING:
            return RunState.RUNNING
        if number >= self.number - RECENT and number % FAILS_EVERY == 5:
            return RunState.WAITING
        return RunState.FAILED if number % FAILS_EVERY == 0 else RunState.SUCCEEDED

    def acceptance(self, number: int) -> Acceptance:
        accepted_at_ms = self.accepted_at_ms(number)
        source = SOURCES[number % 10]
        return Acceptance(
            tenant=TENANT,
            key_hash=self.key_hash(number),
            trace_id=self.trace_id(number),
            source=source,
            kind="scheduled_job" if source.startswith("schedule") else "http_route",
            mode="async",
            key=f"order-{number}",
            nonce=f"{number:016x}",
            accepted_at_ms=accepted_at_ms,
            not_before_ms=accepted_at_ms,
            deadline_ms=accepted_at_ms + DAY_MS,
            expires_at_s=(accepted_at_ms + 31 * DAY_MS) // 1000,
            payload=StoredBytes.inlined(b'{"order":%d,"customer":"c-0815"}' % number),
            content_type="application/json",
            lineage=self._lineage(number),
        )

    def _lineage(self, number: int) -> Lineage | None:
        if number not in self.tree[1:]:
            return None
        generation = self.tree.index(number)
        root = self.trace_id(self.root)
        return Lineage(root, self.trace_id(number - FAILS_EVERY), generation, root, edited=False)

    def run(self, number: int) -> Run | None:
        """The row; None for a queued task, which has none."""
        state = self.state(number)
        if state is RunState.QUEUED:
            return None
        begun_ms = self.accepted_at_ms(number) + 40
        attempts = 2 if state is RunState.FAILED or number % FAILS_EVERY == 1 else 1
        run = Run.of_task(self.acceptance(number)).change(
            nonce=f"{number:016x}",
            now_ms=begun_ms,
            state=state,
            attempt=attempts,
            owner=f"{number:016x}",
            claim=f"{number:016x}",
            claimed_at_ms=begun_ms,
        )
        return replace(run, **self._end(number, state, attempts))  # type: ignore[arg-type]

    def _end(self, number: int, state: RunState, attempts: int) -> Mapping[str, object]:
        if state is RunState.RUNNING:
            return {"lease_until_ms": NOW_MS + 60_000}
        history = self._history(number, state, attempts)
        if state is RunState.WAITING:
            return {"history": history, "due_at_ms": NOW_MS + number % 600 * 1000, "error": "no answer in 3 s"}
        if state is RunState.FAILED:
            why = {"letter_class": LetterClass.EXHAUSTED, "error": "requests.exceptions.Timeout: no answer in 3 s"}
            return {"history": history, "finished_at_ms": self.failed_at_ms(number), **why}
        return {"history": history, "finished_at_ms": history[-1].ended_at_ms, "output": OUTPUT}

    def _history(self, number: int, state: RunState, attempts: int) -> tuple[Attempt, ...]:
        begun_ms = self.accepted_at_ms(number) + 40
        last = AttemptResult.SUCCEEDED if state is RunState.SUCCEEDED else AttemptResult.RETRYABLE
        results = [AttemptResult.RETRYABLE] * (attempts - 1) + [last]
        return tuple(
            Attempt(at + 1, begun_ms + at * 700, begun_ms + at * 700 + duration_ms(number), result)
            for at, result in enumerate(results)
        )

    def attempts(self, number: int) -> Iterator[AttemptRecord]:
        """What attempts left behind: the failed ones."""
        run = self.run(number)
        for attempt in run.history if run else ():
            if attempt.result is AttemptResult.RETRYABLE:
                expires_at_s = run.expires_at_s if run else 0
                yield AttemptRecord(
                    TENANT, self.trace_id(number), attempt.number, attempt.ended_at_ms, expires_at_s, failure=FAILURE
                )

    def letter(self, number: int) -> DeadLetter | None:
        run = self.run(number)
        if run is None or run.state is not RunState.FAILED:
            return None
        letter = DeadLetter.of_failed_run(run, FAILURE, self.acceptance(number))
        letter = replace(letter, fingerprint=f"{number // FAILS_EVERY % GROUPS:016x}")
        return letter if self.is_open(number) else replace(letter, state=LetterState.RESOLVED)

    def is_open(self, number: int) -> bool:
        return self.all_open or number >= self.number - OPEN_LETTERS * FAILS_EVERY

    # Where it stands.

    def get(self, table: Table, key: Item) -> Item | None:
        """The item of a key."""
        shelf = self.shelf(table, None, key["pk"])
        sort = key.get("sk", "")
        found = shelf.between(sort, sort)
        return shelf.make(found[0]) if found else None

    def shelf(self, table: Table, index: Index | None, partition: str) -> Shelf:
        """The items of a partition, of the table or of an index."""
        if index is not None:
            return self._index(table, index, partition)
        tenant, _, name = partition.partition("#")
        if tenant == TENANT and table is IDEMPOTENCY_KEYS:
            return _alone(self.number_of(name), lambda number: acceptance_codec.to_item(self.acceptance(number)))
        if tenant == TENANT and table is RUNS:
            return _of_items(self._run_items(self.number_of_task(name)), "sk")
        if tenant == TENANT and table is DEAD_LETTERS:
            return self._letter_shelf(self.number_of_task(name))
        if partition == TENANT and table is AUDIT_EVENTS:
            numbers = range(0, self.number, TASKS_AN_AUDIT_EVENT)
            return Shelf(numbers, self._audit_key, lambda number: audit_codec.to_item(self.audit_event(number)))
        return self._small.get((table.name, partition), NOTHING)

    def _letter_shelf(self, number: int | None) -> Shelf:
        letter = self.letter(number) if number is not None else None
        return _alone(number, lambda _number: letter_codec.to_item(letter)) if letter else NOTHING

    def _run_items(self, number: int | None) -> Iterator[Item]:
        if number is not None:
            yield from (attempt_codec.to_item(record) for record in self.attempts(number))
            run = self.run(number)
            if run is not None:
                yield run_codec.to_item(run)

    def _index(self, table: Table, index: Index, partition: str) -> Shelf:
        tenant, _, shard = partition.rpartition("#")
        if tenant != TENANT or int(shard, 16) >= SHARDS:
            return NOTHING
        numbers = range((int(shard, 16) - 1) % SHARDS, self.number, SHARDS)
        if index is TASKS_BY_TIME:
            return Shelf(numbers, self.trace_id, self._entries(table, index, self._acceptance_item))
        if index is RUNS_OPEN:
            recent = [n for n in numbers[-RECENT:] if self.state(n) is RunState.WAITING]
            return _of_items((self._entries(table, index, self._run_item)(n) for n in recent), index.sort_key)
        if index in {LETTERS_BY_TIME, LETTERS_OPEN}:
            failed = self._failed(numbers)
            if index is LETTERS_OPEN and not self.all_open:
                failed = [n for n in failed[-OPEN_LETTERS:] if self.is_open(n)]
            return Shelf(failed, self.position, self._entries(table, index, self._letter_item))
        return NOTHING

    def _failed(self, numbers: range) -> Sequence[int]:
        first = next((n for n in numbers[: 4 * FAILS_EVERY] if n % FAILS_EVERY == 0), self.number)
        ended = self.number - QUEUED - RUNNING
        return range(first, ended, SHARDS * FAILS_EVERY)

    def _acceptance_item(self, number: int) -> Item:
        return acceptance_codec.to_item(self.acceptance(number))

    def _run_item(self, number: int) -> Item:
        run = self.run(number)
        return run_codec.to_item(run) if run else {}

    def _letter_item(self, number: int) -> Item:
        letter = self.letter(number)
        return letter_codec.to_item(letter) if letter else {}

    @staticmethod
    def _entries(table: Table, index: Index, make: Callable[[int], Item]) -> Callable[[int], Item]:
        return lambda number: entry_of(table, index, make(number)) or {}

    # What there is little of.

    @cached_property
    def _small(self) -> Mapping[tuple[str, str], Shelf]:
        found: dict[tuple[str, str], list[Item]] = defaultdict(list)
        for table, item in self.small_items():
            found[table.name, item["pk"]].append(item)
        return {name: _of_items(items, "sk") for name, items in found.items()}

    def small_items(self) -> Iterator[tuple[Table, Item]]:
        """Everything that does not grow with the number of tasks, or not without end."""
        yield from ((REPLAY_LINEAGE, lineage_codec.to_item(entry)) for entry in self._replays())
        yield from ((ROLLUPS, rollup_codec.to_item(rollup)) for rollup in self.rollups())
        yield from ((ROLLUPS, group_codec.to_item(group)) for group in self._groups())
        walk = Cursor(TENANT, 0, letter_position(NOW_MS - 60_000), 1, "1" * 16)
        yield CURSOR_STATE, state_codec.cursor_to_item(walk, group_codec.WALK)
        switch = Switch(TENANT, "route:ask", Enablement.PAUSED, "the provider is down", "ops", NOW_MS, 1, "1" * 16)
        yield CURSOR_STATE, state_codec.switch_to_item(switch)
        cursor = ScheduleCursor(TENANT, "report", "0" * 16, NOW_MS - DAY_MS, NOW_MS + 60_000, 1, "1" * 16)
        yield CURSOR_STATE, schedule_codec.to_item(cursor)

    def _replays(self) -> Iterator[LineageEntry]:
        for generation, number in enumerate(self.tree[1:], 1):
            child = self.acceptance(number)
            yield LineageEntry(
                tenant=TENANT,
                root=self.trace_id(self.root),
                parent=self.trace_id(number - FAILS_EVERY),
                generation=generation,
                child=child.trace_id,
                actor="on call (wfd_abcdefghijkl)",
                reason="the provider is back",
                edited=False,
                at_ms=child.accepted_at_ms,
                nonce=child.nonce,
                expires_at_s=Run.of_task(child).expires_at_s,
            )

    def _groups(self) -> Iterator[ErrorGroup]:
        newest = (self.number - 100) // FAILS_EVERY * FAILS_EVERY
        for number in range(newest, max(0, newest - GROUPS * FAILS_EVERY), -FAILS_EVERY):
            yield ErrorGroup(
                tenant=TENANT,
                fingerprint=f"{number // FAILS_EVERY % GROUPS:016x}",
                source=SOURCES[number % 10],
                letter_class=LetterClass.EXHAUSTED,
                error_class=FAILURE.error_class,
                message=FAILURE.message,
                sample=self.trace_id(number),
                count=self.number // FAILS_EVERY // GROUPS,
                first_seen_ms=self.failed_at_ms(0),
                last_seen_ms=self.failed_at_ms(number),
                expires_at_s=NOW_MS // 1000 + 30 * 24 * 3600,
            )

    def audit_event(self, number: int) -> AuditEvent:
        return AuditEvent(
            tenant=TENANT,
            at_ms=self.accepted_at_ms(number),
            nonce=f"{number:016x}",
            actor="on call (wfd_abcdefghijkl)",
            action="run.replayed",
            target=self.trace_id(number),
            reason="the provider is back",
            details={"child": self.trace_id(number), "generation": "1", "edited": "false", "newEffects": "false"},
            address="203.0.113.7",
        )

    def _audit_key(self, number: int) -> str:
        return self.audit_event(number).position

    def rollups(self) -> Iterator[Rollup]:
        """As the tick has counted them: empty ones, too, from before the first task on. Older ones nobody asks for."""
        quarter_ms = Span.QUARTER.start_of(NOW_MS)
        for span, kept_ms in ((Span.QUARTER, 3 * DAY_MS), (Span.HOUR, 4 * DAY_MS), (Span.DAY, 40 * DAY_MS)):
            for start_ms in range(span.start_of(NOW_MS - kept_ms) + span.ms, quarter_ms, span.ms):
                yield from self._counted(span, start_ms, min(start_ms + span.ms, quarter_ms))

    def _counted(self, span: Span, start_ms: int, until_ms: int) -> Iterator[Rollup]:
        counted_at_ms = until_ms + (20 if until_ms + 20 * 60_000 < NOW_MS else 1) * 60_000
        numbers = range(self._first_at(start_ms), self._first_at(until_ms))
        counts: dict[str, Counter[str]] = {ALL_SOURCES: Counter()}
        durations: dict[str, Counter[int]] = defaultdict(Counter)
        for (source, state, bucket), times in _by_kind(numbers):
            for one in (source, ALL_SOURCES):
                counts.setdefault(one, Counter())[state] += times
                durations[one][bucket] += times
        for source, found in counts.items():
            yield Rollup(TENANT, span, start_ms, source, counted_at_ms, dict(found), dict(durations[source]))

    def _first_at(self, time_ms: int) -> int:
        """The first task that was accepted then or later."""
        steps = (NOW_MS - time_ms) // STEP_MS
        return min(self.number, max(0, self.number - steps))


def duration_ms(number: int) -> int:
    """How long its attempts take."""
    return 80 + 40 * (number % FAILS_EVERY)


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


def _alone(number: int | None, make: Callable[[int], Item]) -> Shelf:
    return NOTHING if number is None else Shelf((number,), lambda _number: "", make)


def _of_items(items: Iterable[Item], sort_key: str) -> Shelf:
    in_order = sorted(items, key=lambda item: str(item[sort_key]))
    return Shelf(range(len(in_order)), lambda at: str(in_order[at][sort_key]), lambda at: in_order[at])

"""Count what became of a window's tasks: from rollups, and at the present end from the rows themselves.

    days | hours | quarters |  rows
         |       |          |<- tail: not counted yet, or so lately that counting again may give something else
    ------- settled --------|-------------- now

What was counted stands for the longest spans that lie wholly before the tail, so that a window costs the same however
many tasks are in it. The tail is read newest first and only so far: beyond that, what was counted counts, and what
was not is missing. Wherever the numbers may therefore be wrong, a doubt says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from operator import attrgetter

from workerflow.domain.identity import TraceId, first_trace_id_at
from workerflow.domain.rollup import ALL_SOURCES, Rollup, Span, Tally, merge
from workerflow.domain.run import Run
from workerflow.domain.task import AcceptedTask
from workerflow.ports.rollups import RollupStore
from workerflow.ports.stores import AcceptanceStore, RunStore
from workerflow.ports.world import Clock
from workerflow.services.any_accepted import any_accepted
from workerflow.services.newest_first import ENTRIES_READ, NewestFirst

QUARTERS_UP_TO_MS = 6 * Span.HOUR.ms
HOURS_UP_TO_MS = 3 * Span.DAY.ms
MAX_WINDOW_MS = 400 * Span.DAY.ms
"""Days are kept so long."""
COUNTED_ANEW_MS = Span.HOUR.ms
"""Rollups count a quarter again until it is settled: which of the last hour's are not is looked up in the rows."""

_QUARTERS_KEPT_MS = 70 * Span.HOUR.ms
_HOURS_KEPT_MS = 39 * Span.DAY.ms
_ROWS_AT_ONCE = 100
_PART = ENTRIES_READ // 4


@dataclass(frozen=True, slots=True)
class Doubt:
    """A stretch of time within which numbers may be wrong: too low, or of a state that has changed since."""

    from_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """The tasks that were accepted in a window.

    Attributes:
        span: how finely the window is divided: its ends are those of such spans.
        until_ms: the end, exclusive; it may lie ahead.
        rollups: of all sources and of each, without overlap, in no order; none is longer than `span`.
        doubts: where the numbers may be wrong.
        fresh: the tasks that were counted by their rows, newest first.
        fresh_from_ms: all tasks accepted from then on are in `fresh`, unless there is a doubt.
    """

    span: Span
    from_ms: int
    until_ms: int
    rollups: Sequence[Rollup]
    doubts: Sequence[Doubt]
    fresh: Sequence[Run]
    fresh_from_ms: int

    def total(self, source: str = ALL_SOURCES) -> Rollup:
        """All numbers of a source together. Its time and span mean nothing."""
        found = [one for one in self.rollups if one.source == source]
        return merge(found, self.span, self.from_ms, 0)[0] if found else Rollup("", self.span, self.from_ms, source, 0)

    def is_exact(self, from_ms: int | None = None, until_ms: int | None = None) -> bool:
        """Whether there is no doubt, in the whole window or in a part of it."""
        start = self.from_ms if from_ms is None else from_ms
        end = self.until_ms if until_ms is None else until_ms
        return not any(doubt.from_ms < end and start < doubt.until_ms for doubt in self.doubts)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of time that is told by rollups of one span, with all of them that are kept."""

    span: Span
    from_ms: int
    until_ms: int
    rollups: Sequence[Rollup]
    unreadable: int = 0

    @property
    def totals(self) -> Mapping[int, Rollup]:
        """Those of all sources, by start. Every span that was counted has one."""
        return {one.start_ms: one for one in self.rollups if one.source == ALL_SOURCES}


@dataclass(slots=True)
class _Tail:
    """What is read from the rows, and up to where it could be."""

    from_ms: int
    runs: Sequence[Run] = ()
    doubts: list[Doubt] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTasks:
    """Counts a window: one query for each span, four for the tail, and the tail's rows."""

    acceptances: AcceptanceStore
    runs: RunStore
    rollups: RollupStore
    clock: Clock

    def __call__(self, tenant: str, from_ms: int, until_ms: int) -> TaskCounts:
        """Count the tasks of a window, which is widened to whole spans.

        Args:
            tenant: whose.
            from_ms: of the window's beginning; no more than MAX_WINDOW_MS before its end.
            until_ms: of its end, exclusive.

        Raises:
            StoreUnavailableError: ask again.
        """
        from_ms = max(0, from_ms, until_ms - MAX_WINDOW_MS)
        span = span_of(from_ms, until_ms, self.clock.now_ms())
        start_ms, end_ms = span.start_of(from_ms), -span.start_of(-max(until_ms, from_ms + 1))
        pieces = self._pieces(tenant, span, start_ms, end_ms)
        tail = self._tail(tenant, pieces, start_ms, end_ms)
        counted = [one for piece in pieces for one in piece.rollups if one.start_ms < tail.from_ms]
        return TaskCounts(
            span=span,
            from_ms=start_ms,
            until_ms=end_ms,
            rollups=[*counted, *_rollups_of(tenant, tail.runs, self.clock.now_ms())],
            doubts=[*tail.doubts, *_doubts_of(pieces, tail.from_ms), *self._never_counted(tenant, pieces, tail)],
            fresh=tail.runs,
            fresh_from_ms=tail.from_ms,
        )

    def _pieces(self, tenant: str, span: Span, start_ms: int, end_ms: int) -> Sequence[_Piece]:
        """The window in rollups: as long ones as lie before what is counted anew, and quarters from there on."""
        settled_ms = max(start_ms, min(end_ms, self._counted_anew_from()))
        bounds = {
            Span.QUARTER: end_ms,
            Span.HOUR: Span.HOUR.start_of(settled_ms),
            Span.DAY: Span.DAY.start_of(settled_ms),
        }
        pieces = []
        for one in (Span.DAY, Span.HOUR, Span.QUARTER):
            if one.ms <= span.ms:
                seen = self.rollups.view_rollups(tenant, one, from_ms=start_ms, until_ms=bounds[one])
                pieces.append(_Piece(one, start_ms, bounds[one], seen.readable, seen.unreadable))
                start_ms = max(start_ms, bounds[one])
        return pieces

    def _counted_anew_from(self) -> int:
        return Span.QUARTER.start_of(self.clock.now_ms()) - COUNTED_ANEW_MS

    def _tail(self, tenant: str, pieces: Sequence[_Piece], start_ms: int, end_ms: int) -> _Tail:
        counted_ms = max((one.end_ms for piece in pieces for one in piece.rollups), default=start_ms)
        tail_ms = min(counted_ms, self._first_unsettled(pieces[-1], max(start_ms, self._counted_anew_from())))
        walk = self._walk(tenant, tail_ms, end_ms)
        tasks = list(walk)
        doubts = [Doubt(tail_ms, end_ms)] if walk.unreadable else []
        if walk.is_over:
            return self._read(tenant, tasks, _Tail(tail_ms, doubts=doubts))
        kept = [task for task in tasks if task.accepted_at_ms >= counted_ms]
        searched_ms = TraceId(walk.position).accepted_at_ms + 1
        doubts.append(Doubt(tail_ms, max(searched_ms, counted_ms)))
        return self._read(tenant, kept, _Tail(counted_ms, doubts=doubts))

    @staticmethod
    def _first_unsettled(quarters: _Piece, from_ms: int) -> int:
        """Where the rows begin to tell: at the first quarter from then on that is not counted for good."""
        totals = quarters.totals
        for start_ms in range(from_ms, quarters.until_ms, Span.QUARTER.ms):
            if start_ms not in totals or not totals[start_ms].is_settled:
                return start_ms
        return quarters.until_ms

    def _walk(self, tenant: str, from_ms: int, until_ms: int) -> NewestFirst[AcceptedTask]:
        """The newest tasks of a stretch of time."""
        since = first_trace_id_at(from_ms)
        return NewestFirst(
            lambda shard, before, limit: self.acceptances.view_accepted(
                tenant, shard, since=since, before=before, limit=limit
            ),
            attrgetter("trace_id"),
            before=first_trace_id_at(until_ms),
            part=_PART,
        )

    def _never_counted(self, tenant: str, pieces: Sequence[_Piece], tail: _Tail) -> Iterable[Doubt]:
        """The time before all that was counted, unless there was no task: counting began, or began again, after it."""
        start_ms, first_ms = pieces[0].from_ms, _first_counted(pieces, tail.from_ms)
        if start_ms < first_ms and any_accepted(self.acceptances, tenant, start_ms, first_ms):
            yield Doubt(start_ms, first_ms)

    def _read(self, tenant: str, tasks: Iterable[AcceptedTask], tail: _Tail) -> _Tail:
        """The tail with the rows of its tasks; one that cannot be read counts as queued, and is a doubt."""
        runs: list[Run] = []
        for some in batched(tasks, _ROWS_AT_ONCE, strict=False):
            rows = self.runs.view_many(tenant, [task.trace_id for task in some])
            runs += [rows.readable.get(task.trace_id) or Run.of_task(task) for task in some]
            tail.doubts += [_moment(TraceId(trace_id).accepted_at_ms) for trace_id in rows.unreadable]
        tail.runs = runs
        return tail


def span_of(from_ms: int, until_ms: int, now_ms: int) -> Span:
    """How finely a window is told: as its length asks for, and as what is kept of that time allows."""
    length_ms, age_ms = until_ms - from_ms, now_ms - from_ms
    if length_ms <= QUARTERS_UP_TO_MS and age_ms <= _QUARTERS_KEPT_MS:
        return Span.QUARTER
    return Span.HOUR if length_ms <= HOURS_UP_TO_MS and age_ms <= _HOURS_KEPT_MS else Span.DAY


def _rollups_of(tenant: str, runs: Iterable[Run], now_ms: int) -> Iterable[Rollup]:
    """What the rows tell, by the quarters in which the tasks were accepted."""
    tallies: dict[int, Tally] = defaultdict(Tally)
    for run in runs:
        tallies[Span.QUARTER.start_of(TraceId(run.trace_id).accepted_at_ms)].add(run)
    return [one for start_ms, tally in tallies.items() for one in tally.rollups(tenant, start_ms, now_ms)]


def _doubts_of(pieces: Sequence[_Piece], until_ms: int) -> Iterable[Doubt]:
    """Where what was counted may be wrong: left out, unreadable, or not settled."""
    totals = [one for piece in pieces for one in piece.totals.values() if one.start_ms < until_ms]
    first_ms = _first_counted(pieces, until_ms)
    found = [Doubt(one.start_ms, one.end_ms) for one in totals if not one.is_settled]
    found += [Doubt(piece.from_ms, piece.until_ms) for piece in pieces if piece.unreadable]
    for piece in pieces:
        starts = range(max(piece.from_ms, first_ms), min(piece.until_ms, until_ms), piece.span.ms)
        found += [Doubt(start, start + piece.span.ms) for start in starts if start not in piece.totals]
    return found


def _first_counted(pieces: Iterable[_Piece], until_ms: int) -> int:
    """Where what was counted begins, if anything was before `until_ms`."""
    return min((start_ms for piece in pieces for start_ms in piece.totals if start_ms < until_ms), default=until_ms)


def _moment(time_ms: int) -> Doubt:
    return Doubt(time_ms, time_ms + 1)

"""Rollups: counts what became of tasks, by the quarter of an hour in which they were accepted.

    quarter ends        +15 min            +30 min
    |---- count -------- count again ------ settled: counted late enough, and every task of it has ended
          the index may lag

A quarter is counted until it is settled: usually twice. One that holds a task that waits for hours, or one that an
outage left out, is found again for three days, by the rollup of all sources that each counted quarter has. Hours are
then made from their quarters and days from their hours, always whole; those of which tasks are not counted yet are not
settled.

A count that takes longer than an attempt is broken off, and the next attempt or fire goes on where it stopped: position
and numbers are kept as one item, so that a task is in the numbers if and only if it is before the position.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workerflow.domain.errors import RetryableError
from workerflow.domain.identity import SHARDS, first_trace_id_at
from workerflow.domain.rollup import ALL_SOURCES, PartialCount, Rollup, Span, Tally, merge
from workerflow.domain.run import Run
from workerflow.domain.task import AcceptedTask
from workerflow.domain.timestamp import timestamp
from workerflow.ports.rollups import RollupStore
from workerflow.ports.stores import AcceptanceStore, Oldest, RunStore
from workerflow.ports.world import Clock
from workerflow.services.any_accepted import any_accepted
from workerflow.services.readable_rows import readable_rows

LOOK_BACK_MS = 70 * Span.HOUR.ms
"""Quarters are kept for 72 hours; an hour must not be made from what is left of its quarters."""
QUARTERS_A_RUN = 96
PAGE = 100
"""Rows of one BatchGetItem (AWS limit)."""
PAGES_A_KEEP = 200
"""20,000 tasks, a few seconds: a crash loses no more than that."""


@dataclass(frozen=True, slots=True)
class _Quarter:
    """A quarter that is not settled.

    Attributes:
        total: its rollup of all sources, if it was counted.
        begun: how far a count of it has come that was broken off.
    """

    start_ms: int
    total: Rollup | None
    begun: PartialCount | None

    def urgency(self, end_ms: int) -> tuple[bool, bool, int, int]:
        """The last hour first, and in it the newest; of the rest those that were counted longest ago, or never.

        What is begun goes before its like: else a tenant so busy that no attempt counts a whole quarter would begin
        many and end none.
        """
        is_older = self.start_ms < end_ms - Span.HOUR.ms
        counted_at_ms = self.total.counted_at_ms if is_older and self.total else 0
        return (is_older, self.begun is None, counted_at_ms, -self.start_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class RollUp:
    """Counts one tenant's tasks; how far a count has come is kept every `pages_a_keep` pages."""

    acceptances: AcceptanceStore
    runs: RunStore
    rollups: RollupStore
    clock: Clock
    pages_a_keep: int = PAGES_A_KEEP

    def __call__(self, tenant: str, *, due_at_ms: int, until_ms: int) -> dict[str, Any]:
        """Count the quarters that ended by `due_at_ms` and are not settled: the newest first, then the longest waiting.

        Args:
            tenant: whose tasks.
            due_at_ms: when the fire was due; the quarter in which it lies is not over and is left alone. In the first
                quarter of an hour all that is kept is looked at, else the last hour.
            until_ms: read no further page of tasks after this time.

        Returns:
            `quarters` that were counted, with the `tasks` in them, and how many were `left` for the next run.

        Raises:
            RetryableError: the time was too short for the last hour; what was counted is kept, and the next attempt or
                fire goes on there.
        """
        end_ms = Span.QUARTER.start_of(due_at_ms)
        waiting = self._unsettled(tenant, self._begin_ms(end_ms), end_ms)
        counted = self._count_quarters(tenant, waiting[:QUARTERS_A_RUN], until_ms)
        self._merge(tenant, counted, Span.QUARTER, Span.HOUR)
        self._merge(tenant, counted, Span.HOUR, Span.DAY)
        left = [quarter.start_ms for quarter in waiting if quarter.start_ms not in counted]
        late = [start_ms for start_ms in left if start_ms >= end_ms - Span.HOUR.ms]
        if late:
            raise RetryableError(f"{len(late)} quarters of the last hour are not counted yet")
        return {
            "until": timestamp(end_ms),
            "quarters": len(counted),
            "tasks": sum(counted.values()),
            "left": len(left),
        }

    def _begin_ms(self, end_ms: int) -> int:
        is_first = end_ms == Span.HOUR.start_of(end_ms)
        begin_ms = Span.HOUR.start_of(end_ms - (LOOK_BACK_MS if is_first else Span.HOUR.ms))
        oldest_ms = Span.HOUR.start_of(self.clock.now_ms() - LOOK_BACK_MS)
        return max(begin_ms, oldest_ms)

    def _unsettled(self, tenant: str, begin_ms: int, end_ms: int) -> list[_Quarter]:
        """The quarters to count, in the order in which they are."""
        found = self.rollups.list_rollups(tenant, Span.QUARTER, from_ms=begin_ms, until_ms=end_ms)
        totals = {rollup.start_ms: rollup for rollup in found if rollup.source == ALL_SOURCES}
        partials = self.rollups.list_partials(tenant, from_ms=begin_ms, until_ms=end_ms)
        begun = {one.start_ms: one for one in partials if one.is_newer_than(totals.get(one.start_ms))}
        quarters = (
            _Quarter(start, totals.get(start), begun.get(start)) for start in range(begin_ms, end_ms, Span.QUARTER.ms)
        )
        waiting = (one for one in quarters if one.total is None or not one.total.is_settled)
        return sorted(waiting, key=lambda quarter: quarter.urgency(end_ms))

    def _count_quarters(self, tenant: str, quarters: Sequence[_Quarter], until_ms: int) -> Mapping[int, int]:
        """Count quarters until the time is over; the number of tasks by start."""
        counted: dict[int, int] = {}
        for quarter in quarters:
            tasks = None if self.clock.now_ms() >= until_ms else self._count(tenant, quarter, until_ms)
            if tasks is None:
                break
            counted[quarter.start_ms] = tasks
        return counted

    def _count(self, tenant: str, quarter: _Quarter, until_ms: int) -> int | None:
        """Count a quarter, from where its count was broken off; the number of tasks, None if it is broken off again."""
        so_far = quarter.begun or PartialCount(tenant, quarter.start_ms, begun_at_ms=self.clock.now_ms())
        tally = Tally.of(so_far.rollups)
        for number, (shard, page) in enumerate(self._pages(so_far), 1):
            rows = readable_rows(self.runs, tenant, [task.trace_id for task in page.entries]).readable
            for task in page.entries:
                tally.add(rows.get(task.trace_id) or Run.of_task(task))
            is_over = self.clock.now_ms() >= until_ms
            if is_over or number % self.pages_a_keep == 0:
                self._keep(so_far, tally, shard, page.position)
            if is_over:
                return None
        rollups = tally.rollups(tenant, so_far.start_ms, so_far.begun_at_ms)
        of_all = [rollup for rollup in rollups if rollup.source == ALL_SOURCES]
        self.rollups.put_many([rollup for rollup in rollups if rollup.source != ALL_SOURCES])
        self.rollups.put_many(of_all)  # last: it says that the quarter was counted
        return sum(rollup.tasks for rollup in of_all)

    def _keep(self, so_far: PartialCount, tally: Tally, shard: int, position: str) -> None:
        rollups = tuple(tally.rollups(so_far.tenant, so_far.start_ms, so_far.begun_at_ms))
        self.rollups.keep_partial(replace(so_far, shard=shard, position=position, rollups=rollups))

    def _pages(self, so_far: PartialCount) -> Iterator[tuple[int, Oldest[AcceptedTask]]]:
        """The tasks that are not counted yet, a page of a shard at a time. Of one unreadable the sweeper has told."""
        until = first_trace_id_at(so_far.start_ms + Span.QUARTER.ms)
        after = so_far.position or first_trace_id_at(so_far.start_ms)
        for shard in range(so_far.shard, SHARDS):
            is_over = False
            while not is_over:
                page = self.acceptances.list_accepted(so_far.tenant, shard, after=after, until=until, limit=PAGE)
                if page.entries:
                    yield shard, page
                after, is_over = page.position, page.is_over
            after = first_trace_id_at(so_far.start_ms)

    def _merge(self, tenant: str, counted: Iterable[int], part: Span, whole: Span) -> None:
        """Make the longer buckets anew in which something was counted."""
        for start_ms in sorted({whole.start_of(start) for start in counted}):
            parts = self.rollups.list_rollups(tenant, part, from_ms=start_ms, until_ms=start_ms + whole.ms)
            self.rollups.put_many(merge(parts, whole, start_ms, self._counted_at(tenant, parts, part, whole, start_ms)))

    def _counted_at(self, tenant: str, parts: Sequence[Rollup], part: Span, whole: Span, start_ms: int) -> int:
        """Now; or the span's end, by which nothing is settled, where its parts do not tell of all its tasks yet."""
        end_ms, now_ms = start_ms + whole.ms, self.clock.now_ms()
        totals = {one.start_ms: one for one in parts if one.source == ALL_SOURCES}
        if now_ms <= end_ms:
            return now_ms
        if not all(one.was_counted_late for one in totals.values()):
            return end_ms
        left_out = _stretches((start for start in range(start_ms, end_ms, part.ms) if start not in totals), part)
        return end_ms if any(any_accepted(self.acceptances, tenant, *stretch) for stretch in left_out) else now_ms


def _stretches(starts: Iterable[int], span: Span) -> Sequence[tuple[int, int]]:
    """Spans as stretches of time, neighbours as one."""
    found: list[tuple[int, int]] = []
    for start_ms in starts:
        from_ms = found.pop()[0] if found and found[-1][1] == start_ms else start_ms
        found.append((from_ms, start_ms + span.ms))
    return found

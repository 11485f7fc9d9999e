"""Rollups: counts what became of tasks, by the quarter of an hour in which they were accepted.

    quarter ends        +15 min            +30 min
    |---- count -------- count again ------ settled: counted late enough, and every task of it has ended
          the index may lag

A quarter is counted until it is settled: usually twice. One that holds a task that waits for hours, or one that an
outage left out, is found again for three days, by the rollup of all sources that each counted quarter has. Hours are
then made from their quarters and days from their hours, always whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workerflow.domain.errors import RetryableError
from workerflow.domain.identity import SHARDS, first_trace_id_at
from workerflow.domain.rollup import ALL_SOURCES, Rollup, Span, Tally, merge
from workerflow.domain.run import Run
from workerflow.domain.task import AcceptedTask
from workerflow.domain.timestamp import timestamp
from workerflow.ports.rollups import RollupStore
from workerflow.ports.stores import AcceptanceStore, RunStore
from workerflow.ports.world import Clock
from workerflow.services.readable_rows import readable_rows

LOOK_BACK_MS = 70 * Span.HOUR.ms
"""Quarters are kept for 72 hours; an hour must not be made from what is left of its quarters."""
QUARTERS_A_RUN = 96
PAGE = 100
"""Rows of one BatchGetItem (AWS limit)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollUp:
    """Counts one tenant's tasks."""

    acceptances: AcceptanceStore
    runs: RunStore
    rollups: RollupStore
    clock: Clock

    def __call__(self, tenant: str, *, due_at_ms: int, until_ms: int) -> dict[str, Any]:
        """Count the quarters that ended by `due_at_ms` and are not settled: the newest first, then the longest waiting.

        Args:
            tenant: whose tasks.
            due_at_ms: when the fire was due; the quarter in which it lies is not over and is left alone. In the first
                quarter of an hour all that is kept is looked at, else the last hour.
            until_ms: begin with no further quarter after this time.

        Returns:
            `quarters` that were counted, with the `tasks` in them, and how many were `left` for the next run.

        Raises:
            RetryableError: the time was too short for the last hour; what was counted is kept.
        """
        end_ms = Span.QUARTER.start_of(due_at_ms)
        waiting = self._unsettled(tenant, self._begin_ms(end_ms), end_ms)
        counted = self._count_quarters(tenant, waiting[:QUARTERS_A_RUN], until_ms)
        self._merge(tenant, counted, Span.QUARTER, Span.HOUR)
        self._merge(tenant, counted, Span.HOUR, Span.DAY)
        late = [start for start in waiting if start >= end_ms - Span.HOUR.ms and start not in counted]
        if late:
            raise RetryableError(f"{len(late)} quarters of the last hour are not counted yet")
        return {
            "until": timestamp(end_ms),
            "quarters": len(counted),
            "tasks": sum(counted.values()),
            "left": len(waiting) - len(counted),
        }

    def _begin_ms(self, end_ms: int) -> int:
        is_first = end_ms == Span.HOUR.start_of(end_ms)
        begin_ms = Span.HOUR.start_of(end_ms - (LOOK_BACK_MS if is_first else Span.HOUR.ms))
        oldest_ms = Span.HOUR.start_of(self.clock.now_ms() - LOOK_BACK_MS)
        return max(begin_ms, oldest_ms)

    def _unsettled(self, tenant: str, begin_ms: int, end_ms: int) -> list[int]:
        """Starts of the quarters to count, in the order in which they are."""
        found = self.rollups.list_rollups(tenant, Span.QUARTER, from_ms=begin_ms, until_ms=end_ms)
        totals = {rollup.start_ms: rollup for rollup in found if rollup.source == ALL_SOURCES}
        starts = (start for start in range(begin_ms, end_ms, Span.QUARTER.ms) if not _is_settled(totals.get(start)))
        return sorted(starts, key=lambda start: _urgency(start, totals.get(start), end_ms))

    def _count_quarters(self, tenant: str, starts: Iterable[int], until_ms: int) -> Mapping[int, int]:
        """Count quarters until the time is over; the number of tasks by start."""
        counted: dict[int, int] = {}
        for start_ms in starts:
            if self.clock.now_ms() >= until_ms:
                break
            counted[start_ms] = self._count(tenant, start_ms)
        return counted

    def _count(self, tenant: str, start_ms: int) -> int:
        counted_at_ms, tally, tasks = self.clock.now_ms(), Tally(), 0
        for shard in range(SHARDS):
            for page in self._pages(tenant, shard, start_ms):
                rows = readable_rows(self.runs, tenant, [task.trace_id for task in page])
                for task in page:
                    tally.add(rows.get(task.trace_id) or Run.of_task(task))
                tasks += len(page)
        self.rollups.put_many(tally.rollups(tenant, start_ms, counted_at_ms))
        return tasks

    def _pages(self, tenant: str, shard: int, start_ms: int) -> Iterable[list[AcceptedTask]]:
        after, until = first_trace_id_at(start_ms), first_trace_id_at(start_ms + Span.QUARTER.ms)
        while page := list(self.acceptances.list_accepted(tenant, shard, after=after, until=until, limit=PAGE)):
            yield page
            if len(page) < PAGE:
                return
            after = page[-1].trace_id

    def _merge(self, tenant: str, counted: Iterable[int], part: Span, whole: Span) -> None:
        """Make the longer buckets anew in which something was counted."""
        for start_ms in sorted({whole.start_of(start) for start in counted}):
            parts = self.rollups.list_rollups(tenant, part, from_ms=start_ms, until_ms=start_ms + whole.ms)
            self.rollups.put_many(merge(parts, whole, start_ms, self.clock.now_ms()))


def _is_settled(total: Rollup | None) -> bool:
    return total is not None and total.is_settled


def _urgency(start_ms: int, total: Rollup | None, end_ms: int) -> tuple[bool, int, int]:
    """The last hour first, and in it the newest; of the rest those that were counted longest ago, or never."""
    is_older = start_ms < end_ms - Span.HOUR.ms
    return (is_older, total.counted_at_ms if is_older and total else 0, -start_ms)

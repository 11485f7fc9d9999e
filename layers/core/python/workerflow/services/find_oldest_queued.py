"""Find the task that has waited longest for its first attempt, by a bounded number of reads.

    ---- swept ----------| sweeper's cursor --------------------------------- now
    with a due time, in    in the index of acceptances only: the first ones there,
    that index; or ended   and those that were counted by their rows

A task that waits for its source to be resumed, or for a place among its tenant's tasks in flight, waits on purpose: it
is parked, and not meant. Once it is released it waits, like any other, since it was accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workerflow.domain.errors import IntegrityError
from workerflow.domain.identity import SHARDS, TraceId, first_trace_id_at
from workerflow.domain.run import Run, RunState, due_partition
from workerflow.domain.task import AcceptedTask
from workerflow.ports.stores import AcceptanceStore, CursorStore, Oldest, RunStore, Seen
from workerflow.ports.world import Clock
from workerflow.services.count_tasks import TaskCounts

ENTRIES_A_SHARD = 10
"""Of each index: 80 rows at most, 40 read units."""

_END_OF_TIME_MS = 9_999_999_999_999


@dataclass(frozen=True, slots=True)
class OldestQueued:
    """The oldest task that is known to wait for its first attempt. `is_exact`: there is none that is older."""

    accepted_at_ms: int | None
    is_exact: bool


@dataclass(frozen=True, slots=True)
class _Looked:
    """Tasks that were looked at. `is_all`: there are no others where they were looked for."""

    runs: Sequence[Run]
    is_all: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FindOldestQueued:
    """Looks for it among the swept tasks and among those that are not swept yet. `cursors` are the sweeper's."""

    acceptances: AcceptanceStore
    runs: RunStore
    cursors: CursorStore
    clock: Clock

    def __call__(self, tenant: str, counts: TaskCounts) -> OldestQueued:
        """The oldest queued task of a tenant.

        Args:
            tenant: whose.
            counts: of a window: where it reaches to the present, its rows need not be read again.

        Raises:
            StoreUnavailableError: ask again.
        """
        now_ms = self.clock.now_ms()
        is_counted = counts.until_ms >= now_ms and counts.is_exact(counts.fresh_from_ms, now_ms)
        until = first_trace_id_at(counts.fresh_from_ms if is_counted else now_ms + 1)
        counted = _Looked(counts.fresh if is_counted else (), is_all=True)
        # In this order: what is swept in between is seen twice, and not never.
        looked = [counted, _readable(lambda: self._unswept(tenant, until)), _readable(lambda: self._swept(tenant))]
        times = [_accepted_at(run) for one in looked for run in one.runs if _is_new(run)]
        return OldestQueued(min(times, default=None), all(one.is_all for one in looked))

    def _unswept(self, tenant: str, until: str) -> _Looked:
        """The oldest tasks of each shard that the sweeper has not come to: if one is queued, no later one is older."""
        pages = [self._first_ones(tenant, shard, until) for shard in range(SHARDS)]
        rows = self._rows(tenant, [task.trace_id for page in pages for task in page.entries])
        found: list[Run] = []
        is_all = not rows.unreadable
        for page in pages:
            runs = [rows.readable.get(one.trace_id) or Run.of_task(one) for one in page.entries]
            found += (run for run in runs if run.trace_id not in rows.unreadable)
            is_all = is_all and not page.unreadable and (page.is_over or any(map(_is_new, runs)))
        return _Looked(found, is_all)

    def _first_ones(self, tenant: str, shard: int, until: str) -> Oldest[AcceptedTask]:
        cursor = self.cursors.get_cursor(tenant, shard)
        after = cursor.position if cursor else first_trace_id_at(0)
        return self.acceptances.list_accepted(tenant, shard, after=after, until=until, limit=ENTRIES_A_SHARD)

    def _swept(self, tenant: str) -> _Looked:
        entries: list[str] = []
        is_all = True
        for shard in range(SHARDS):
            limit = ENTRIES_A_SHARD
            due = self.runs.due(due_partition(tenant, shard), until_ms=_END_OF_TIME_MS, limit=limit + 1)
            entries += [entry.trace_id for entry in due[:limit]]
            is_all = is_all and len(due) <= limit
        rows = self._rows(tenant, entries)
        return _Looked(tuple(rows.readable.values()), is_all and not rows.unreadable)

    def _rows(self, tenant: str, trace_ids: Sequence[str]) -> Seen[str, Run]:
        return self.runs.view_many(tenant, trace_ids) if trace_ids else Seen({}, {})


def _readable(look: Callable[[], _Looked]) -> _Looked:
    """What was looked at; nothing, where an entry that no code of ours wrote stands in the way."""
    try:
        return look()
    except IntegrityError:
        return _Looked((), is_all=False)


def _is_new(run: Run) -> bool:
    """Whether it waits for its first attempt; one that is sent again for a later one waited on purpose."""
    return run.state is RunState.QUEUED and run.attempt == 0


def _accepted_at(run: Run) -> int:
    return TraceId(run.trace_id).accepted_at_ms

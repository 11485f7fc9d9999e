"""Find the task that has waited longest for its first attempt, by a bounded number of reads.

swept long ago      in the index of open runs, with a due time: the tick sends it again
not swept yet       in the index of acceptances only: the first ones after the sweeper's grace
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from workerflow.domain.errors import IntegrityError
from workerflow.domain.identity import SHARDS, TraceId, first_trace_id_at
from workerflow.domain.run import Run, RunState, due_partition
from workerflow.ports.stores import AcceptanceStore, RunStore
from workerflow.ports.world import Clock
from workerflow.services.count_tasks import TaskCounts
from workerflow.services.sweep import GRACE_S

ENTRIES_A_SHARD = 10
"""Of each index: 40 rows at most, 20 read units."""

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
    """Looks for it among the swept tasks and among those that are not swept yet."""

    acceptances: AcceptanceStore
    runs: RunStore
    clock: Clock

    def __call__(self, tenant: str, counts: TaskCounts) -> OldestQueued:
        """The oldest queued task of a tenant.

        Args:
            tenant: whose.
            counts: of a window: where it reaches to the present, its rows need not be read again.

        Raises:
            StoreUnavailableError: ask again.
        """
        looked = [_readable(lambda: self._swept(tenant)), _readable(lambda: self._unswept(tenant, counts))]
        times = [_accepted_at(run) for one in looked for run in one.runs if _is_new(run)]
        return OldestQueued(min(times, default=None), all(one.is_all for one in looked))

    def _swept(self, tenant: str) -> _Looked:
        entries: list[str] = []
        is_all = True
        for shard in range(SHARDS):
            limit = ENTRIES_A_SHARD
            due = self.runs.due(due_partition(tenant, shard), until_ms=_END_OF_TIME_MS, limit=limit)
            entries += [entry.trace_id for entry in due]
            is_all = is_all and len(due) < limit
        return _Looked(tuple(self._rows(tenant, entries).values()), is_all)

    def _unswept(self, tenant: str, counts: TaskCounts) -> _Looked:
        now_ms = self.clock.now_ms()
        unswept_ms = now_ms - GRACE_S * 1000
        if (
            counts.fresh_from_ms <= unswept_ms
            and counts.is_exact(counts.fresh_from_ms, now_ms)
            and counts.until_ms >= now_ms
        ):
            return _Looked(counts.fresh, is_all=True)
        return self._first_ones(tenant, first_trace_id_at(unswept_ms), first_trace_id_at(now_ms + 1))

    def _first_ones(self, tenant: str, after: str, until: str) -> _Looked:
        """The oldest tasks of each shard: if one of them is queued, no later one is older."""
        found: list[Run] = []
        is_all = True
        for shard in range(SHARDS):
            page = self.acceptances.list_accepted(tenant, shard, after=after, until=until, limit=ENTRIES_A_SHARD)
            tasks = page.entries
            rows = self._rows(tenant, [task.trace_id for task in tasks])
            runs = [rows.get(task.trace_id) or Run.of_task(task) for task in tasks]
            found += runs
            is_all = is_all and (page.is_over or any(map(_is_new, runs)))
        return _Looked(found, is_all)

    def _rows(self, tenant: str, trace_ids: Sequence[str]) -> Mapping[str, Run]:
        return self.runs.view_many(tenant, trace_ids).readable if trace_ids else {}


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

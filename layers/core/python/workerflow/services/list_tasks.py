"""List a tenant's tasks, newest first, queued ones included.

The order is that of the index of acceptances, the states are read for the page alone: a page costs the same however
many tasks there are. What the index tells (source, kind) is filtered there; a state is in the rows, so that a page of
one state reads rows that it then leaves out, within bounds: it may be short, and says how far it searched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from operator import attrgetter

from workerflow.domain.identity import TraceId, first_trace_id_at
from workerflow.domain.run import Run, RunState
from workerflow.domain.task import AcceptedTask, Kind
from workerflow.ports.stores import AcceptanceStore, RunStore
from workerflow.ports.world import Clock
from workerflow.services.newest_first import ENTRIES_READ, NewestFirst, part_of

ROWS_AT_ONCE = 100
"""Rows of one BatchGetItem (AWS limit)."""

_BEFORE_ALL = first_trace_id_at(0)
_AFTER_ALL = "g"
"""After every trace id, which is hexadecimal."""


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks: all that fit every condition that is set.

    Attributes:
        state: of the run; `queued` also where there is no row yet.
        source: `route:<name>` or `schedule:<name>`.
        from_ms, until_ms: accepted at or after, and before.
    """

    state: RunState | None = None
    source: str | None = None
    kind: Kind | None = None
    from_ms: int | None = None
    until_ms: int | None = None

    @property
    def since(self) -> str:
        """The smallest trace id that fits the time."""
        return _BEFORE_ALL if self.from_ms is None else first_trace_id_at(max(0, self.from_ms))

    @property
    def before(self) -> str:
        """What all trace ids that fit the time are before."""
        return _AFTER_ALL if self.until_ms is None else first_trace_id_at(max(0, self.until_ms))

    @property
    def leaves_out(self) -> bool:
        """Whether tasks within the time are left out."""
        return (self.state, self.source, self.kind) != (None, None, None)

    def fits_index(self, task: AcceptedTask) -> bool:
        """Whether a task fits, as far as its index entry tells."""
        return self.source in {None, task.source} and self.kind in {None, task.kind}


@dataclass(frozen=True, slots=True)
class TaskPage:
    """A page of tasks.

    Attributes:
        runs: newest first; a task that has no row yet is told as the queued row that it does not have.
        next_before: where the next page begins; None at the end.
        searched_back_to_ms: everything accepted later than that was looked at; None: everything was, to the end.
        unreadable: why the rows of some of `runs` cannot be read, by trace id; they are told as if they had none.
    """

    runs: Sequence[Run]
    next_before: str | None
    searched_back_to_ms: int | None
    unreadable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTasks:
    """Reads a page: about half a read unit for each task on it, and two or three for the index."""

    acceptances: AcceptanceStore
    runs: RunStore
    clock: Clock

    def __call__(self, tenant: str, wanted: TaskFilter, *, before: str | None = None, limit: int = 50) -> TaskPage:
        """A page of a tenant's tasks.

        Args:
            tenant: whose.
            wanted: which.
            before: `next_before` of the page before; None for the first page.
            limit: 1 to 100; a page with a filter may hold fewer although there are more.

        Raises:
            StoreUnavailableError: ask again.
        """
        walk = self._walk(tenant, wanted, before, limit)
        now_s = self.clock.now_ms() // 1000
        tasks = (task for task in walk if task.expires_at_s > now_s and wanted.fits_index(task))
        page = TaskPage((), None, None)
        while len(page.runs) < limit:
            some = list(islice(tasks, limit - len(page.runs) if wanted.state is None else ROWS_AT_ONCE))
            if not some:
                return page if walk.is_over else _until(page, walk.position)
            page = self._with(page, tenant, some, wanted.state)
            if len(page.runs) > limit:
                runs = page.runs[:limit]
                return _until(replace(page, runs=runs), runs[-1].trace_id)
        last = walk.position
        is_all = next(tasks, None) is None and walk.is_over
        return page if is_all else _until(page, last)

    def _walk(self, tenant: str, wanted: TaskFilter, before: str | None, limit: int) -> NewestFirst[AcceptedTask]:
        return NewestFirst(
            lambda shard, before, limit: self.acceptances.view_accepted(
                tenant, shard, since=wanted.since, before=before, limit=limit
            ),
            attrgetter("trace_id"),
            before=min(wanted.before, before or _AFTER_ALL),
            part=ENTRIES_READ // 8 if wanted.leaves_out else part_of(limit),
        )

    def _with(self, page: TaskPage, tenant: str, tasks: Sequence[AcceptedTask], state: RunState | None) -> TaskPage:
        """The page with those of `tasks` that are in `state`."""
        rows = self.runs.view_many(tenant, [task.trace_id for task in tasks])
        runs = (rows.readable.get(task.trace_id) or Run.of_task(task) for task in tasks)
        fitting = [run for run in runs if state in {None, run.state}]
        return replace(page, runs=(*page.runs, *fitting), unreadable={**page.unreadable, **rows.unreadable})


def _until(page: TaskPage, position: str) -> TaskPage:
    """The page, of which it is known that there may be more before `position`."""
    return replace(page, next_before=position, searched_back_to_ms=TraceId(position).accepted_at_ms)

"""The sweeper: reads each task once, a few minutes after its acceptance, and makes sure that it is on its way.

    cursor ----- tasks of the shard, in order of acceptance -----> now - GRACE
                 terminal, or due anyway: pass
                 anything else: gets a due time, and its message once more
    the cursor moves, conditionally, after the work

A backlog never becomes a storm: resends are bounded per tick, and each task's distance doubles. Two ticks at the
same time do the same work twice, harmlessly: every write is conditional.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workerflow.domain.errors import IntegrityError
from workerflow.domain.identity import first_trace_id_at, shards_at
from workerflow.domain.manifest import Manifest
from workerflow.domain.run import Run
from workerflow.domain.task import AcceptedTask, TaskMessage
from workerflow.domain.transitions import DueDecision, Now, Resend, decide_sweep
from workerflow.ports.stores import AcceptanceStore, Cursor, CursorStore, Oldest, RunStore, Written
from workerflow.ports.world import Clock, Ids, Signals
from workerflow.services.fair_share import visit_in_turn
from workerflow.services.ledger import Ledger
from workerflow.services.readable_rows import readable_rows, tell_unreadable, tell_unreadable_one
from workerflow.services.resend import Resender, TickBudget

GRACE_S = 300
"""A task is looked at this long after its acceptance: later than any first lease, and later than an index lags."""

PAGE = 100
"""Rows of one BatchGetItem (AWS limit)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Visits every task of a tenant once."""

    acceptances: AcceptanceStore
    runs: RunStore
    cursors: CursorStore
    ledger: Ledger
    manifest: Manifest
    resender: Resender
    clock: Clock
    ids: Ids
    signals: Signals

    def __call__(self, tenants: Sequence[str], budget: TickBudget) -> None:
        """Sweep all shards of `tenants` as far as the budget lets it, each as far as its share lets it.

        Raises:
            PlatformError: some tenant's page was not finished; its cursor did not move, the next tick goes on there.
        """
        visit_in_turn(tenants, budget, self.clock, self._sweep_tenant)

    def _sweep_tenant(self, tenant: str, budget: TickBudget) -> None:
        for shard in shards_at(self.clock.now_ms()):
            self._sweep_shard(tenant, shard, budget)

    def _sweep_shard(self, tenant: str, shard: int, budget: TickBudget) -> None:
        cursor = self.cursors.get_cursor(tenant, shard)
        until = first_trace_id_at(self.clock.now_ms() - GRACE_S * 1000)
        while not budget.is_spent(self.clock):
            after = cursor.position if cursor else first_trace_id_at(0)
            page = self.acceptances.list_accepted(tenant, shard, after=after, until=until, limit=PAGE)
            if not page.size:
                return
            visited = self._visit(tenant, page, budget)
            passed = {place: why for place, why in page.unreadable.items() if place <= visited}
            tell_unreadable(self.signals, f"accepted tasks of {tenant}", passed)
            cursor = self._move(tenant, shard, cursor, visited)
            if cursor is None or page.is_over:
                return

    def _visit(self, tenant: str, page: Oldest[AcceptedTask], budget: TickBudget) -> str:
        """Visit a page; the place of the last task that was dealt with, or cannot be."""
        trace_ids = [task.trace_id for task in page.entries]
        rows = readable_rows(self.runs, tenant, trace_ids).readable if trace_ids else {}
        try:
            for number, task in enumerate(page.entries):
                if number and budget.resends_left <= 0:
                    return page.entries[number - 1].trace_id
                self._visit_task(task, rows, budget)
        finally:
            self.resender.flush()
        return page.position

    def _visit_task(self, task: AcceptedTask, rows: Mapping[str, Run], budget: TickBudget) -> None:
        try:
            settled = self.ledger.settle(rows.get(task.trace_id) or Run.of_task(task), self._decide)
        except IntegrityError as error:
            tell_unreadable_one(self.signals, f"run {task.trace_id} of {task.tenant}", error)
            return
        if isinstance(settled.decision, Resend):
            self.resender.add(TaskMessage(task.tenant, task.trace_id), budget)

    def _decide(self, run: Run, now: Now) -> DueDecision:
        return decide_sweep(run, now, max_attempts=max_attempts_of(self.manifest, run))

    def _move(self, tenant: str, shard: int, cursor: Cursor | None, position: str) -> Cursor | None:
        """The moved cursor, or None if another tick moved it first."""
        moved = Cursor(tenant, shard, position, (cursor.version if cursor else 0) + 1, self.ids.nonce())
        return moved if self.cursors.move_cursor(moved) == Written() else None


def max_attempts_of(manifest: Manifest, run: Run) -> int:
    """The attempts that a run's source allows; a removed source's run is resent, and closed as disabled."""
    source = manifest.find(run.source)
    return source.retry.max_attempts if source else run.attempt + 1

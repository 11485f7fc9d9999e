"""What is due: retries whose time has come, messages that got lost, tasks whose source was resumed or disabled.

And what waits for a place among its tenant's tasks in flight, where nobody who left handed his on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.errors import IntegrityError
from workerflow.domain.holding import park_for_pause, release_paused
from workerflow.domain.identity import shards_at
from workerflow.domain.manifest import Manifest
from workerflow.domain.run import Run, RunState, capped_partition, due_partition, paused_partition
from workerflow.domain.task import TaskMessage
from workerflow.domain.transitions import (
    DueDecision,
    Leave,
    Now,
    Resend,
    close_disabled,
    decide_due,
)
from workerflow.ports.stores import DueRun, RunStore, SwitchStore
from workerflow.ports.world import Clock, Signals
from workerflow.services.capped_runs import END_OF_TIME_MS, CappedRuns
from workerflow.services.enablement import CheckEnablement
from workerflow.services.fair_share import visit_in_turn
from workerflow.services.ledger import Ledger
from workerflow.services.readable_rows import readable_rows, tell_unreadable, tell_unreadable_one
from workerflow.services.resend import Resender, TickBudget
from workerflow.services.sweep import max_attempts_of

PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDue:
    """Deals with every open run whose time has come, oldest first."""

    runs: RunStore
    switches: SwitchStore
    enablement: CheckEnablement
    ledger: Ledger
    capped: CappedRuns
    manifest: Manifest
    resender: Resender
    clock: Clock
    signals: Signals

    def __call__(self, tenants: Sequence[str], budget: TickBudget) -> None:
        """Go through all partitions of `tenants` as far as the budget lets it, each as far as its share lets it.

        Raises:
            PlatformError: the rest of some tenant is found again by the next tick.
        """
        try:
            visit_in_turn(tenants, budget, self.clock, self._visit)
        finally:
            self.resender.flush()

    def _visit(self, tenant: str, budget: TickBudget) -> None:
        for shard in shards_at(self.clock.now_ms()):
            self._drain_partition(due_partition(tenant, shard), self.clock.now_ms(), self._decide_due, budget)
        for switch in self.switches.list_switches(tenant):
            self._visit_paused(switch, budget)
        self._visit_capped(tenant, budget)

    def _visit_capped(self, tenant: str, budget: TickBudget) -> None:
        """Release as many as there are places, all of them if there is no cap (any more); close what waits in vain."""
        if not self.capped.places.known().published:
            return  # nobody ever had a cap
        waiting: dict[str, Run] = {}

        def decide(run: Run, now: Now) -> DueDecision:
            decision = self.capped.decide_without_place(run, now)
            if run.capped and isinstance(decision, Leave):
                waiting[run.trace_id] = run
            return decision

        for shard in shards_at(self.clock.now_ms()):
            self._drain_partition(capped_partition(tenant, shard), END_OF_TIME_MS, decide, budget)
        for run in sorted(waiting.values(), key=attrgetter("deadline_ms", "trace_id")):
            if budget.is_spent(self.clock) or not self._let_in(run, budget):
                return

    def _let_in(self, run: Run, budget: TickBudget) -> bool:
        """Whether there is a place, for this one and perhaps for the next."""
        try:
            settled = self.capped.release(run)
        except IntegrityError as error:
            tell_unreadable_one(self.signals, f"run {run.trace_id} of {run.tenant}", error)
            return True
        if settled is not None and isinstance(settled.decision, Resend):
            self.resender.add(TaskMessage(run.tenant, run.trace_id), budget, planned=True)
        return settled is not None

    def _visit_paused(self, switch: Switch, budget: TickBudget) -> None:
        """While a source is paused only the deadlines of its parked tasks count; afterwards all of them are due."""
        state = self.enablement(switch.tenant, switch.source)
        until_ms = self.clock.now_ms() if state is Enablement.PAUSED else END_OF_TIME_MS
        for shard in shards_at(self.clock.now_ms()):
            partition = paused_partition(switch.tenant, switch.source, shard)
            self._drain_partition(partition, until_ms, self._decide_paused, budget)

    def _drain_partition(
        self, partition: str, until_ms: int, decide: Callable[[Run, Now], DueDecision], budget: TickBudget
    ) -> None:
        # What was dealt with leaves the range; the index may still show it for a moment, so a page in which nothing
        # was left to do ends the loop. What cannot be dealt with stays in front, and is asked for along with the rest.
        passed: set[str] = set()
        progress = True
        while progress and not budget.is_spent(self.clock):
            limit, before = PAGE + len(passed), len(passed)
            entries = self.runs.due(partition, until_ms=until_ms, limit=limit)
            page = [entry for entry in entries if entry.trace_id not in passed][:PAGE]
            is_written = self._settle_all(page, decide, budget, passed)
            progress = (is_written or len(passed) > before) and len(entries) == limit

    def _settle_all(
        self, entries: Sequence[DueRun], decide: Callable[[Run, Now], DueDecision], budget: TickBudget, passed: set[str]
    ) -> bool:
        """Whether anything was written. Those whose rows no code of ours wrote, or could, are added to `passed`."""
        if not entries:
            return False
        tenant = entries[0].tenant
        rows = readable_rows(self.runs, tenant, [entry.trace_id for entry in entries])
        tell_unreadable(self.signals, f"runs of {tenant}", rows.unreadable)
        passed.update(rows.unreadable)
        in_order = [rows.readable[entry.trace_id] for entry in entries if entry.trace_id in rows.readable]
        return sum(self._settle(run, decide, budget, passed) for run in in_order if budget.resends_left > 0) > 0

    def _settle(
        self, run: Run, decide: Callable[[Run, Now], DueDecision], budget: TickBudget, passed: set[str]
    ) -> bool:
        try:
            settled = self.ledger.settle(run, decide)
        except IntegrityError as error:
            tell_unreadable_one(self.signals, f"run {run.trace_id} of {run.tenant}", error)
            passed.add(run.trace_id)
            return False
        if isinstance(settled.decision, Resend):
            planned = run.state is RunState.PARKED
            self.resender.add(TaskMessage(run.tenant, run.trace_id), budget, planned=planned)
        return not isinstance(settled.decision, Leave)

    def _decide_due(self, run: Run, now: Now) -> DueDecision:
        if run.is_terminal or (run.due_at_ms or 0) > now.ms:
            return Leave()
        if run.has_live_lease(now.ms) or run.deadline_ms <= now.ms or run.belongs_to_caller:
            return decide_due(run, now, max_attempts=max_attempts_of(self.manifest, run))
        state = self.enablement(run.tenant, run.source)
        if state is Enablement.DISABLED:
            return close_disabled(run, now)
        if state is Enablement.PAUSED:
            return park_for_pause(run, now)
        return decide_due(run, now, max_attempts=max_attempts_of(self.manifest, run))

    def _decide_paused(self, run: Run, now: Now) -> DueDecision:
        if not run.paused:
            return Leave()
        if self.enablement(run.tenant, run.source) is Enablement.DISABLED:
            return close_disabled(run, now)
        return release_paused(run, now, max_attempts=max_attempts_of(self.manifest, run))

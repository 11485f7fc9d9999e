"""Fire what is due: all schedules whose next fire has come, of all tenants, found by an index.

    index of due schedules --page--> cursors, read strongly --> plan --> fires accepted, cursor moved --> messages sent

Nothing is read of a schedule that is not due. One that fails is told and counted, keeps its cursor, and stops no
other: the next tick takes it up again. What the manifest does not know, or knows differently, is left to reconciling,
and told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workerflow.domain.cron import Timing
from workerflow.domain.errors import IntegrityError
from workerflow.domain.firing import DueFires, FiringPlan, Gate, due_fires, newest_needed, plan_fires, undecided_after
from workerflow.domain.identity import shards_at
from workerflow.domain.manifest import Manifest
from workerflow.domain.schedule import Schedule
from workerflow.domain.schedule_cursor import DUE_SHARDS, ScheduleCursor
from workerflow.domain.task import TaskMessage
from workerflow.domain.tenants import Tenants
from workerflow.ports.schedules import ScheduleStore
from workerflow.ports.world import Clock, Faults, Signals
from workerflow.services.enablement import CheckEnablement
from workerflow.services.fire_schedule import FireSchedule
from workerflow.services.resend import Resender, TickBudget

PAGE = 100
"""Cursors of one BatchGetItem (AWS limit)."""

type Name = tuple[str, str]
"""Tenant and schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FireSchedules:
    """Fires the due schedules of all tenants."""

    schedules: ScheduleStore
    fire: FireSchedule
    enablement: CheckEnablement
    manifest: Manifest
    resender: Resender
    clock: Clock
    signals: Signals
    faults: Faults

    def __call__(self, tenants: Tenants, now_ms: int, budget: TickBudget) -> frozenset[str]:
        """Fire what is due at `now_ms`, the moment of the tick, as far as the budget lets it.

        Returns:
            The tenants of whom something was due that is not in step with the manifest; it was left alone.

        Raises:
            StoreUnavailableError: what is due could not be found out; the next tick asks again.
        """
        visit = _Visit(self, tenants, now_ms, budget)
        try:
            for shard in shards_at(now_ms, DUE_SHARDS):
                visit.shard(shard)
        finally:
            self.resender.flush()
        return frozenset(visit.strays)


@dataclass(frozen=True, slots=True)
class _Visit:
    """One tick's way through what is due.

    Attributes:
        known: fires that were worked out already, which tenants share.
        strays: the tenants of whom something is due and not in step.
    """

    on: FireSchedules
    tenants: Tenants
    now_ms: int
    budget: TickBudget
    known: dict[tuple[str, int, int], DueFires] = field(default_factory=dict)
    strays: set[str] = field(default_factory=set)

    def shard(self, shard: int) -> None:
        """Go through a shard. The index may still show what was dealt with, so every page is read beyond that."""
        seen: set[Name] = set()
        while not self.budget.is_spent(self.on.clock):
            entries = self.on.schedules.due(shard, until_ms=self.now_ms, limit=PAGE + len(seen))
            fresh = [name for name in ((one.tenant, one.name) for one in entries) if name not in seen][:PAGE]
            if not fresh:
                return
            seen.update(fresh)
            self._page(fresh)

    def _page(self, names: Sequence[Name]) -> None:
        cursors = self._cursors(names)
        for name in names:
            if self.budget.is_spent(self.on.clock):
                return
            if name in cursors:
                self._try(cursors[name])

    def _cursors(self, names: Sequence[Name]) -> Mapping[Name, ScheduleCursor]:
        """The cursors that can be read: one that no code of ours wrote fails by itself."""
        try:
            return self.on.schedules.get_cursors(names)
        except IntegrityError:
            found = (self._cursor(name) for name in names)
            return {(cursor.tenant, cursor.name): cursor for cursor in found if cursor is not None}

    def _cursor(self, name: Name) -> ScheduleCursor | None:
        try:
            return self.on.schedules.get_cursors([name]).get(name)
        except IntegrityError as error:
            self._told(name, error)
            return None

    def _try(self, cursor: ScheduleCursor) -> None:
        try:
            self._fire(cursor)
        except Exception as error:  # noqa: BLE001 - one schedule must not stop the others; the fault is told, not hidden
            self._told((cursor.tenant, cursor.name), error)

    def _told(self, name: Name, error: Exception) -> None:
        tenant, schedule = name
        self.on.faults.failure(f"the schedule {schedule!r} of the tenant {tenant!r} could not fire", error)
        self.on.signals.count("FireFailed", schedule=schedule)

    def _fire(self, cursor: ScheduleCursor) -> None:
        if cursor.next_due_ms is None or cursor.next_due_ms > self.now_ms:
            return
        schedule = self._schedule_of(cursor)
        if schedule is None:
            self._leave(cursor)
            return

        def send(message: TaskMessage) -> None:
            self.on.resender.add_new(message, self.budget)

        self.on.fire(schedule, cursor, self._plan(schedule, cursor), send)

    def _leave(self, cursor: ScheduleCursor) -> None:
        """Leave to reconciling what can be reconciled: nobody looks after a tenant that is not known at all."""
        if cursor.tenant in self.tenants.looked_after:
            self.strays.add(cursor.tenant)

    def _schedule_of(self, cursor: ScheduleCursor) -> Schedule | None:
        """The definition that the cursor was made by, if it still holds for its tenant."""
        schedule = self.on.manifest.schedules.get(cursor.name)
        if schedule is None or schedule.timing != cursor.timing:
            return None
        declared = self.tenants.policy_of(cursor.tenant) is not None
        return schedule if declared and schedule.serves(cursor.tenant) else None

    def _plan(self, schedule: Schedule, cursor: ScheduleCursor) -> FiringPlan:
        state = self.on.enablement(cursor.tenant, cursor.source)
        gate = Gate.of(state, self.on.enablement.switch(cursor.tenant, cursor.source))
        return plan_fires(schedule.catch_up, self._due(schedule, cursor), gate, self.now_ms)

    def _due(self, schedule: Schedule, cursor: ScheduleCursor) -> DueFires:
        after_ms, newest = undecided_after(cursor), newest_needed(schedule.catch_up)
        key = (schedule.timing, after_ms, newest)
        if key not in self.known:
            timing = Timing.of(schedule.cron, schedule.zone)
            self.known[key] = due_fires(timing.fires, after_ms=after_ms, now_ms=self.now_ms, newest=newest)
        return self.known[key]

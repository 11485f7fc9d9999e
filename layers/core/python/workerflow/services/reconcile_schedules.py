"""Bring the cursors of schedules in step with the manifest and the declared tenants.

Once in the life of a process, whenever the mark that ticks leave says that they were last reconciled with another
manifest or other tenants; and for a tenant of whom a tick met a due cursor that was not in step (`again`). It may take
several ticks: what is in step already costs a read.

A schedule that cannot be brought in step (a zone that the time zone data do not know, a cursor that nobody can read) is
told, stops no other, and is tried again with the next tick.

Two versions may tick at the same time, while one of them is on its way out. Of a cursor that a newer tick has changed,
the older tick keeps its hands. Whatever it leaves out of step makes it no version to leave a mark.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from workerflow.domain.cron import Timing
from workerflow.domain.errors import PlatformError, StoreUnavailableError
from workerflow.domain.firing import unintended
from workerflow.domain.manifest import Manifest
from workerflow.domain.reconciling import (
    Definition,
    Reconciled,
    first_cursor,
    in_step,
    pending_fire,
    reconcile_cursor,
)
from workerflow.domain.schedule import Schedule
from workerflow.domain.schedule_cursor import ScheduleCursor
from workerflow.domain.tenants import Tenants
from workerflow.ports.schedules import ScheduleStore
from workerflow.ports.stores import Written
from workerflow.ports.world import Clock, Ids, Signals
from workerflow.services.find_scheduled_fire import FindScheduledFire
from workerflow.services.ledger import MAX_TRIES
from workerflow.services.resend import TickBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileSchedules:
    """Reconciles for one process.

    `_done` is the digest that it was last in step with; `_again` are tenants of whom that is not so, or not certain.
    """

    schedules: ScheduleStore
    find_fire: FindScheduledFire
    manifest: Manifest
    clock: Clock
    ids: Ids
    signals: Signals
    _done: list[str] = field(default_factory=list, init=False)
    _again: set[str] = field(default_factory=set, init=False)

    def __call__(self, tenants: Tenants, reconciled: str, now_ms: int, budget: TickBudget) -> str | None:
        """Reconcile all cursors, if that is not done.

        Args:
            tenants: whose schedules fire, and who was retired.
            reconciled: the digest in the newest tick's mark.
            now_ms: the moment of the tick; new and changed definitions hold from then on.
            budget: how long it may take.

        Returns:
            The digest that the cursors are in step with now; None if the budget did not suffice, or a newer tick has
            changed some of them: the next tick goes on.

        Raises:
            PlatformError: some tenant's could not be reconciled; the others' are. The next tick tries again.
        """
        digest = self._digest(tenants)
        is_done = reconciled == digest and self._done == [digest]
        errors: list[PlatformError] = []
        complete = True
        for tenant in [one for one in tenants.looked_after if not is_done or one in self._again]:
            if budget.is_spent(self.clock):
                return None
            self._again.discard(tenant)
            try:
                is_complete = self._tenant(tenant, tenants, now_ms, budget)
            except PlatformError as error:
                errors.append(error)
                is_complete = False
            if not is_complete:
                self._again.add(tenant)
                complete = False
        if errors:
            raise errors[0]
        if not complete:
            return None
        self._done[:] = [digest]
        return digest

    def again(self, tenants: Iterable[str]) -> None:
        """Let the next tick reconcile these tenants' cursors, whatever this process has done."""
        self._again.update(tenants)

    def _digest(self, tenants: Tenants) -> str:
        return hashlib.sha256(f"{self.manifest.digest}\n{tenants.digest}".encode()).hexdigest()

    def _tenant(self, tenant: str, tenants: Tenants, now_ms: int, budget: TickBudget) -> bool:
        """Whether all of the tenant's cursors are in step now, but for those that failed."""
        complete, live = True, self._live(tenant, tenants)
        found = self.schedules.list_cursors(tenant)
        cursors = {cursor.name: cursor for cursor in found.readable}
        for name, error in found.unreadable.items():
            self._tell(tenant, name, error)
        for name in sorted({*live, *cursors} - {*found.unreadable}):
            if budget.is_spent(self.clock):
                return False
            try:
                complete &= self._settle(tenant, name, live.get(name), cursors.get(name), now_ms)
            except StoreUnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 - one schedule must not stop the others; it is told, not hidden
                self._tell(tenant, name, error)
        return complete

    def _tell(self, tenant: str, name: str, error: Exception) -> None:
        self._again.add(tenant)
        self.signals.failure(f"the schedule {name!r} of the tenant {tenant!r} cannot be brought in step", error)
        self.signals.count("FireFailed", schedule=name)

    def _live(self, tenant: str, tenants: Tenants) -> Mapping[str, Schedule]:
        """The tenant's live schedules."""
        if tenants.policy_of(tenant) is None:
            return {}
        return {name: one for name, one in self.manifest.schedules.items() if one.enabled and one.serves(tenant)}

    def _settle(
        self,
        tenant: str,
        name: str,
        schedule: Schedule | None,
        cursor: ScheduleCursor | None,
        now_ms: int,
    ) -> bool:
        """Whether the cursor is in step now: not if a newer tick wants it otherwise."""
        definition = None if schedule is None else _definition(schedule)
        for _ in range(MAX_TRIES):
            after = self._after(tenant, name, definition, cursor, now_ms)
            if after is None:
                return cursor is None or in_step(cursor, definition)
            outcome = self.schedules.write_cursor(after.cursor)
            if isinstance(outcome, Written):
                if told := unintended(after.missed):
                    self.signals.count("FireMissed", told, schedule=name)
                return True
            cursor = outcome.current
        raise StoreUnavailableError("a schedule's cursor is contended")

    def _after(
        self, tenant: str, name: str, definition: Definition | None, cursor: ScheduleCursor | None, now_ms: int
    ) -> Reconciled | None:
        nonce = self.ids.nonce()
        if cursor is not None:
            is_pending = pending_fire(cursor, definition, now_ms=now_ms) is not None
            made = self.find_fire(cursor) if is_pending else None
            return reconcile_cursor(cursor, definition, now_ms=now_ms, nonce=nonce, made=made)
        if definition is None:
            return None
        return Reconciled(first_cursor(tenant, name, definition, now_ms=now_ms, nonce=nonce))


def _definition(schedule: Schedule) -> Definition:
    return Definition(schedule.timing, Timing.of(schedule.cron, schedule.zone).next_fire)

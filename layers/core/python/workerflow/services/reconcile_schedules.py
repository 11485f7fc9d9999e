"""Bring the cursors of schedules in step with the manifest and the declared tenants.

Once in the life of a process, whenever the mark that ticks leave says that they were last reconciled with another
manifest or other tenants, and after a tick that met a due cursor that was not in step (`again`). It may take several
ticks: what is in step already costs a read.

Two versions may tick at the same time, while one of them is on its way out. Of a cursor that a newer tick has changed,
the older tick keeps its hands. Whatever it leaves out of step makes it no version to leave a mark.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from workerflow.domain.cron import Timing
from workerflow.domain.errors import PlatformError, StoreUnavailableError
from workerflow.domain.firing import unintended
from workerflow.domain.manifest import Manifest
from workerflow.domain.reconciling import Definition, Reconciled, first_cursor, in_step, reconcile_cursor
from workerflow.domain.schedule_cursor import ScheduleCursor
from workerflow.domain.tenants import Tenants
from workerflow.ports.schedules import ScheduleStore
from workerflow.ports.stores import Written
from workerflow.ports.world import Clock, Ids, Signals
from workerflow.services.ledger import MAX_TRIES
from workerflow.services.resend import TickBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileSchedules:
    """Reconciles for one process; `_done` is the digest that it was last in step with."""

    schedules: ScheduleStore
    manifest: Manifest
    clock: Clock
    ids: Ids
    signals: Signals
    _done: list[str] = field(default_factory=list, init=False)

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
        if reconciled == digest and self._done == [digest]:
            return digest
        errors: list[PlatformError] = []
        complete = True
        for tenant in tenants.looked_after:
            if budget.is_spent(self.clock):
                return None
            try:
                complete &= self._tenant(tenant, tenants, now_ms, budget)
            except PlatformError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        if not complete:
            return None
        self._done[:] = [digest]
        return digest

    def again(self) -> None:
        """Let the next tick reconcile, whatever this process has done: something is not in step."""
        self._done.clear()

    def _digest(self, tenants: Tenants) -> str:
        return hashlib.sha256(f"{self.manifest.digest}\n{tenants.digest}".encode()).hexdigest()

    def _tenant(self, tenant: str, tenants: Tenants, now_ms: int, budget: TickBudget) -> bool:
        """Whether all of the tenant's cursors are in step now."""
        complete = True
        definitions = dict(self._definitions(tenant, tenants))
        cursors = {cursor.name: cursor for cursor in self.schedules.list_cursors(tenant)}
        for name in sorted({*definitions, *cursors}):
            if budget.is_spent(self.clock):
                return False
            complete &= self._settle(tenant, name, definitions.get(name), cursors.get(name), now_ms)
        return complete

    def _definitions(self, tenant: str, tenants: Tenants) -> Iterator[tuple[str, Definition]]:
        """The tenant's live schedules."""
        if tenants.policy_of(tenant) is None:
            return
        for name, schedule in self.manifest.schedules.items():
            if schedule.enabled and schedule.serves(tenant):
                timing = Timing.of(schedule.cron, schedule.zone)
                yield name, Definition(schedule.timing, timing.next_fire)

    def _settle(
        self,
        tenant: str,
        name: str,
        definition: Definition | None,
        cursor: ScheduleCursor | None,
        now_ms: int,
    ) -> bool:
        """Whether the cursor is in step now: not if a newer tick wants it otherwise."""
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
            return reconcile_cursor(cursor, definition, now_ms=now_ms, nonce=nonce)
        if definition is None:
            return None
        return Reconciled(first_cursor(tenant, name, definition, now_ms=now_ms, nonce=nonce))

"""The tick's part that fires schedules, and the mark that ticks leave for one another.

    mark --> behind it? stay away --> reconcile, if need be --> leave the mark --> fire what is due

A tick whose clock is behind the newest tick's does nothing here: what it would call due may be decided already, and
what it would call the future is. Reconciling that fails does not keep the schedules that are in step from firing. What
is due and not in step, whoever left it so, is reconciled by the next tick.
"""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.schedule_cursor import TickMark
from workerflow.domain.tenants import Tenants
from workerflow.ports.schedules import ScheduleStore
from workerflow.ports.stores import Written
from workerflow.ports.world import Clock, Ids, Signals
from workerflow.services.fire_schedules import FireSchedules
from workerflow.services.ledger import MAX_TRIES
from workerflow.services.reconcile_schedules import ReconcileSchedules
from workerflow.services.resend import TickBudget

RECONCILE_SECONDS = 25
"""Half of the part's time: a deploy of thousands of schedules takes some ticks, and others fire meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TickSchedules:
    """Reconciles and fires, once a minute."""

    schedules: ScheduleStore
    reconcile: ReconcileSchedules
    fire: FireSchedules
    clock: Clock
    ids: Ids
    signals: Signals

    def __call__(self, tenants: Tenants, budget: TickBudget) -> None:
        """Deal with the schedules of all tenants, unless another tick's clock is ahead.

        Raises:
            StoreUnavailableError: the next tick does what this one did not.
        """
        mark, now_ms = self.schedules.get_mark(), self.clock.now_ms()
        if self._is_behind(mark, now_ms):
            return
        reconciled = None
        try:
            reconciled = self._reconcile(tenants, mark, now_ms)
        finally:
            if self._leave_mark(mark, reconciled, now_ms):
                self.reconcile.again(self.fire(tenants, now_ms, budget))

    def _is_behind(self, mark: TickMark | None, now_ms: int) -> bool:
        if mark is None or now_ms >= mark.ticked_at_ms:
            return False
        self.signals.count("TickBehind")
        return True

    def _reconcile(self, tenants: Tenants, mark: TickMark | None, now_ms: int) -> str | None:
        budget = TickBudget(now_ms + RECONCILE_SECONDS * 1000, resends_left=1)
        return self.reconcile(tenants, mark.reconciled if mark else "", now_ms, budget)

    def _leave_mark(self, mark: TickMark | None, reconciled: str | None, now_ms: int) -> bool:
        """Whether this tick is the newest now. `reconciled` is left as it stands where it is None.

        An older version's tick that was overtaken may have undone what the newest one relies on: then the mark says
        that nothing is certain, and the next tick reconciles.
        """
        for _ in range(MAX_TRIES):
            overtaken = mark is not None and now_ms < mark.ticked_at_ms
            if mark is not None and overtaken and mark.reconciled in {reconciled, ""}:
                break
            after = self._doubted(mark) if mark and overtaken else self._next_mark(mark, reconciled, now_ms)
            outcome = self.schedules.write_mark(after)
            if isinstance(outcome, Written):
                break
            mark = outcome.current
        else:
            raise StoreUnavailableError("the tick's mark is contended")
        return not self._is_behind(mark, now_ms)

    def _next_mark(self, mark: TickMark | None, reconciled: str | None, now_ms: int) -> TickMark:
        standing, version = (mark.reconciled, mark.version) if mark else ("", 0)
        return TickMark(now_ms, standing if reconciled is None else reconciled, version + 1, self.ids.nonce())

    def _doubted(self, mark: TickMark) -> TickMark:
        return TickMark(mark.ticked_at_ms, "", mark.version + 1, self.ids.nonce())

"""The minute tick: its parts one after another, each with a time budget, none in the way of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workerflow.domain.errors import TenantsUnreadableError
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.tenants import Tenants
from workerflow.ports.stores import ReplayStore
from workerflow.ports.world import Clock, Faults, Signals
from workerflow.services.drain_dead_messages import DrainDeadMessages
from workerflow.services.fair_share import visit_in_turn
from workerflow.services.group_errors import GroupErrors
from workerflow.services.release_due import ReleaseDue
from workerflow.services.resend import TickBudget
from workerflow.services.sweep import Sweep
from workerflow.services.tick_schedules import TickSchedules
from workerflow.services.work_bulk import WorkBulk

PART_SECONDS: Mapping[str, int] = {
    "schedules": 50,
    "drain": 30,
    "due": 50,
    "sweep": 50,
    "bulk": 50,
    "errors": 20,
    "gauges": 20,
}
"""Together well under the function's 300 s; a part that has more to do goes on in the next minute."""

PART_RESENDS = 3_000
"""Messages that one part of one tick sends at most: a backlog becomes a stream, not a storm."""

BULK_LETTERS = 1_000
"""Letters that all bulk jobs of one tick replay or resolve at most."""

OPEN_LETTERS_COUNTED = 1_000

MAX_AHEAD_SECONDS = 300
"""A clock that is further ahead of the event's time is wrong: it would fire, and close, what is not due for long."""


@dataclass(frozen=True, slots=True)
class TickReport:
    """What a tick did.

    Attributes:
        failed_parts: the parts that failed, by name.
        refused: the tick's clock was too far ahead of its event; nothing was done.
    """

    failed_parts: tuple[str, ...]
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Drives schedules, drain, due runs, the sweep, bulk jobs, and the groups of alike errors.

    Attributes:
        tenants: the declared tenants; asked by every part that needs them, so that one that cannot be answered stops
            no other.
    """

    tenants: Callable[[], Tenants]
    fire_schedules: TickSchedules
    drain: DrainDeadMessages
    release_due: ReleaseDue
    sweep: Sweep
    work_bulk: WorkBulk
    group_errors: GroupErrors
    replays: ReplayStore
    clock: Clock
    signals: Signals
    faults: Faults

    def __call__(self, scheduled_at_ms: int | None = None) -> TickReport:
        """Run all parts. One that fails is reported and counted; the next tick takes it up again.

        Args:
            scheduled_at_ms: the moment for which the tick was scheduled; None if its event does not tell.
        """
        if scheduled_at_ms is not None and self.clock.now_ms() > scheduled_at_ms + MAX_AHEAD_SECONDS * 1000:
            self.signals.count("TickAhead")
            self.signals.count("TickCompleted", 0)
            return TickReport(failed_parts=(), refused=True)
        parts: dict[str, Callable[[TickBudget], None]] = {
            "schedules": lambda budget: self.fire_schedules(self.tenants(), budget),
            "drain": self.drain,
            "due": lambda budget: self.release_due(self._looked_after(), budget),
            "sweep": lambda budget: self.sweep(self._looked_after(), budget),
            "bulk": self._work_bulk,
            "errors": lambda budget: self.group_errors(self._looked_after(), budget),
            "gauges": self._measure,
        }
        failed = tuple(name for name, part in parts.items() if not self._run(name, part))
        self.signals.count("TickCompleted", int(not failed))
        return TickReport(failed)

    def _looked_after(self) -> tuple[str, ...]:
        """Whose accepted tasks are brought to an end: `default`'s, whatever the tenants file says.

        Where nobody can read that, the schedules' part fails and tells it; the other tenants' tasks wait.
        """
        try:
            return self.tenants().looked_after
        except TenantsUnreadableError:
            return (DEFAULT_TENANT,)

    def _run(self, name: str, part: Callable[[TickBudget], None]) -> bool:
        budget = TickBudget(self.clock.now_ms() + PART_SECONDS[name] * 1000, PART_RESENDS)
        try:
            part(budget)
        except Exception as error:  # noqa: BLE001 - one part must not stop the others; the fault is told, not hidden
            self.faults.failure(f"the tick's part {name!r} failed", error)
            self.signals.count("TickPartFailed")
            return False
        return True

    def _work_bulk(self, budget: TickBudget) -> None:
        budget.resends_left = min(budget.resends_left, BULK_LETTERS)
        self.work_bulk(budget)

    def _measure(self, budget: TickBudget) -> None:
        letters = 0

        def count(tenant: str, _: TickBudget) -> None:
            nonlocal letters
            letters += self.replays.count_open_letters(tenant, OPEN_LETTERS_COUNTED, now_ms=self.clock.now_ms())

        try:
            visit_in_turn(self._looked_after(), budget, self.clock, count)
        finally:
            self.signals.count("OpenDeadLetters", letters)

"""The minute tick: its parts one after another, each with a time budget, none in the way of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workerflow.ports.stores import ReplayStore
from workerflow.ports.world import Clock, Faults, Signals
from workerflow.services.drain_dead_messages import DrainDeadMessages
from workerflow.services.release_due import ReleaseDue
from workerflow.services.resend import TickBudget
from workerflow.services.sweep import Sweep

PART_SECONDS = 50
"""Together well under the function's 300 s; a part that has more to do goes on in the next minute."""

PART_RESENDS = 3_000
"""Messages that one part of one tick sends at most: a backlog becomes a stream, not a storm."""

OPEN_LETTERS_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class TickReport:
    """What a tick did: the parts that failed, by name."""

    failed_parts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Drives drain, due runs, and the sweep."""

    drain: DrainDeadMessages
    release_due: ReleaseDue
    sweep: Sweep
    replays: ReplayStore
    clock: Clock
    signals: Signals
    faults: Faults

    def __call__(self, tenants: Sequence[str]) -> TickReport:
        """Run all parts for `tenants`. A part that fails is reported and counted; the next tick takes it up again."""
        parts: dict[str, Callable[[TickBudget], None]] = {
            "drain": self.drain,
            "due": lambda budget: self.release_due(tenants, budget),
            "sweep": lambda budget: self.sweep(tenants, budget),
            "gauges": lambda _: self._measure(tenants),
        }
        failed = tuple(name for name, part in parts.items() if not self._run(name, part))
        self.signals.count("TickCompleted", int(not failed))
        return TickReport(failed)

    def _run(self, name: str, part: Callable[[TickBudget], None]) -> bool:
        budget = TickBudget(self.clock.now_ms() + PART_SECONDS * 1000, PART_RESENDS)
        try:
            part(budget)
        except Exception as error:  # noqa: BLE001 - one part must not stop the others; the fault is told, not hidden
            self.faults.failure(f"the tick's part {name!r} failed", error)
            self.signals.count("TickPartFailed")
            return False
        return True

    def _measure(self, tenants: Sequence[str]) -> None:
        letters = sum(self.replays.count_open_letters(tenant, OPEN_LETTERS_COUNTED) for tenant in tenants)
        self.signals.count("OpenDeadLetters", letters)

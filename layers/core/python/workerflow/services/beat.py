"""The heartbeat: a task like any other, whose end proves that schedule, queue, consumer and workflow are alive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workerflow.domain.timestamp import timestamp
from workerflow.ports.world import Clock, Signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """Beats once."""

    clock: Clock
    signals: Signals

    def __call__(self, *, due_at_ms: int) -> dict[str, Any]:
        """Count the metric `Heartbeat`, and tell how late the beat is."""
        now_ms = self.clock.now_ms()
        self.signals.count("Heartbeat")
        return {
            "dueAt": timestamp(due_at_ms),
            "beatAt": timestamp(now_ms),
            "lateSeconds": round(max(0, now_ms - due_at_ms) / 1000, 3),
        }

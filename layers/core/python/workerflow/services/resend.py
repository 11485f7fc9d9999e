"""Send again what the tick found: in batches of ten, within the tick's bounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from workerflow.domain.errors import PlatformError
from workerflow.domain.task import TaskMessage
from workerflow.ports.world import Clock, Signals, TaskQueue

BATCH = 10


@dataclass(slots=True)
class TickBudget:
    """What a part of a tick may use: until when it may begin new work, and how many messages it may send."""

    stop_at_ms: int
    resends_left: int

    def is_spent(self, clock: Clock) -> bool:
        return self.resends_left <= 0 or clock.now_ms() >= self.stop_at_ms


@dataclass(slots=True)
class Resender:
    """Collects messages and sends them. The task of one that is refused is found again by its due time, or swept."""

    queue: TaskQueue
    signals: Signals
    _waiting: list[tuple[TaskMessage, str | None]] = field(default_factory=list)

    def add(self, message: TaskMessage, budget: TickBudget, *, planned: bool = False) -> None:
        """Take a message whose run is already written with its next due time.

        `planned`: the run was parked for this moment, so its message was never lost; counted apart (`Released`), for
        `Resent` rings an alarm.
        """
        self._add(message, "Released" if planned else "Resent", budget)

    def add_new(self, message: TaskMessage, budget: TickBudget) -> None:
        """Take the first message of a task that was accepted just now; if it is refused, the sweeper finds the task."""
        self._add(message, None, budget)

    def _add(self, message: TaskMessage, counted: str | None, budget: TickBudget) -> None:
        budget.resends_left -= 1
        self._waiting.append((message, counted))
        if len(self._waiting) == BATCH:
            self.flush()

    def flush(self) -> None:
        """Send what was collected."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        refused = set(self._refused([message for message, _ in waiting]))
        sent = Counter(name for message, name in waiting if name is not None and message not in refused)
        for name, number in sent.items():
            self.signals.count(name, number)

    def _refused(self, messages: Sequence[TaskMessage]) -> Sequence[TaskMessage]:
        try:
            refused = self.queue.send_many(messages)
        except PlatformError as error:
            self.signals.failure("messages were not sent: due times, or the sweeper, find their tasks again", error)
            refused = messages
        if refused:
            self.signals.count("SendFailed", len(refused))
        return refused

"""Whether a handler that runs is to end: asked of the ledger when the handler asks, and not more often than it changes.

A handler that never asks costs nothing; one that asks in a tight loop costs one read a second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from workerflow.domain.errors import PlatformError

ASKED_EVERY_MS = 1000


@dataclass(slots=True)
class CancelWatch:
    """Answers one attempt's handler.

    Attributes:
        ask: reads the ledger; may raise PlatformError.
        now_ms: epoch milliseconds.
    """

    ask: Callable[[], bool]
    now_ms: Callable[[], int]
    _asked_at_ms: int | None = field(default=None, init=False)
    _is_cancelled: bool = field(default=False, init=False)

    def __call__(self) -> bool:
        """Whether the attempt is to end, as known at most ASKED_EVERY_MS ago. Once true it stays so."""
        now_ms = self.now_ms()
        is_fresh = self._asked_at_ms is not None and abs(now_ms - self._asked_at_ms) < ASKED_EVERY_MS
        if not self._is_cancelled and not is_fresh:
            self._asked_at_ms = now_ms
            self._is_cancelled = self._answer()
        return self._is_cancelled

    def _answer(self) -> bool:
        try:
            return self.ask()
        except PlatformError:  # a store that is away for a moment is no reason to end a handler, or to fail it
            return False

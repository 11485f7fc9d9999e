"""The schedule that `make up` shows: its last fire, or the first one, as soon as it is due.

the first tick makes the schedule known -> its first fire is due at the next full minute -> tick -> its run
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from tools.local.demo import RunReader, succeeded
from tools.local.emulator import LocalStackError
from workerflow.domain.schedule_cursor import ScheduleCursor

NAME = "every_minute"
TICKS = 3
"""Tried at most: a tick that comes a moment early finds nothing due."""
PAUSE_SECONDS = 1.0


class Scheduling(RunReader, Protocol):
    """A stack with schedules."""

    def cursor(self, schedule: str) -> ScheduleCursor | None:
        """Where a schedule of the tenant `default` stands; None before the first tick."""

    def tick(self) -> None:
        """Have the scheduler tick now, without waiting for its minute."""


@dataclass(frozen=True, slots=True)
class Fire:
    """A fire whose run has succeeded. `is_new`: it was waited for."""

    due_ms: int
    run: Mapping[str, Any]
    is_new: bool


def make_known(stack: Scheduling) -> None:
    """Have the first tick come now: its first fire is due at the next full minute."""
    if stack.cursor(NAME) is None:
        stack.tick()


def show_fire(
    stack: Scheduling,
    tell: Callable[[str], None],
    *,
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    sleep: Callable[[float], None] = time.sleep,
) -> Fire:
    """The last fire with its run, at once; where there was none yet, the first one, as soon as it is due.

    Args:
        stack: where the schedule was made known.
        tell: hears what is waited for.
        now_ms: the clock.
        sleep: waits.

    Raises:
        LocalStackError: it does not fire, or its run does not succeed.
    """
    cursor = stack.cursor(NAME)
    is_new = cursor is None or cursor.last_trace_id is None
    if is_new:
        cursor = _first_fire(stack, cursor, tell, now_ms, sleep)
    if cursor is None or cursor.last_due_ms is None or cursor.last_trace_id is None:
        raise LocalStackError(f"The schedule {NAME} does not fire; `make logs` shows the scheduler's log.")
    return Fire(cursor.last_due_ms, succeeded(stack, cursor.last_trace_id), is_new)


def clock_time(time_ms: int) -> str:
    """A moment as the clock on the wall shows it."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).astimezone().strftime("%H:%M:%S")


def _first_fire(
    stack: Scheduling,
    cursor: ScheduleCursor | None,
    tell: Callable[[str], None],
    now_ms: Callable[[], int],
    sleep: Callable[[float], None],
) -> ScheduleCursor | None:
    if cursor is None or cursor.next_due_ms is None:
        return None
    wait_seconds = max(0.0, (cursor.next_due_ms - now_ms()) / 1000)
    tell(f"waiting {wait_seconds:.0f} s for the schedule {NAME}, which is due at {clock_time(cursor.next_due_ms)}")
    sleep(wait_seconds)
    for _ in range(TICKS):
        stack.tick()
        cursor = stack.cursor(NAME)
        if cursor is None or cursor.last_trace_id is not None:
            return cursor
        sleep(PAUSE_SECONDS)
    return cursor

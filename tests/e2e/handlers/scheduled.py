"""Schedules. A fire's payload is the same whoever makes it, so where to leave marks is told by a connector secret."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from workerflow.domain.timestamp import timestamp
from workerflow.handlers import Context, RetryPolicy, schedule

from ._marks import mark

MARKS = "marks"
"""The secret that names the folder."""
PAUSE_SECONDS = 0.2
ONCE = RetryPolicy(max_attempts=1)


@schedule(cron="* * * * *", secrets=(MARKS,))
@schedule(cron="* * * * *", name="e2e_paused_minutely", secrets=(MARKS,))
@schedule(cron="0 0 29 2 *", name="e2e_leap_day", secrets=(MARKS,))
def e2e_minutely(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Tell what the fire was for."""
    mark({"marks": str(_folder(context) / context.source.partition(":")[2])}, context)
    return {"payload": payload, "dueAt": timestamp(context.due_at_ms), "attempt": context.attempt}


@schedule(cron="* * * * *", overlap="skip", timeout_seconds=200, retry=ONCE, secrets=(MARKS,))
def e2e_long_minutely(_payload: object, context: Context) -> dict[str, Any]:
    """Go on until the file `enough` is there: longer than a minute, so that the next fire meets this one."""
    enough = _folder(context) / "enough"
    while not enough.exists() and context.remaining_seconds() > 1:
        time.sleep(PAUSE_SECONDS)
    return {"dueAt": timestamp(context.due_at_ms)}


def _folder(context: Context) -> Path:
    return Path(context.secret(MARKS))

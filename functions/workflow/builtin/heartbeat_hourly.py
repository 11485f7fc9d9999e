"""Once an hour a task that does nothing but end well: the alarm `heartbeat-missing` rings when none does."""

from __future__ import annotations

from typing import Any

from functions.workflow.builtin._wiring import built_ins
from workerflow.handlers import Context, RetryPolicy, schedule


@schedule(
    cron="0 * * * *",
    overlap="allow",
    timeout_seconds=30,
    retry=RetryPolicy(max_attempts=3, base_seconds=30, cap_seconds=300),
)
def heartbeat_hourly(_payload: object, context: Context) -> dict[str, Any]:
    """Prove that schedule, queue, consumer and workflow are alive."""
    return built_ins().beat(due_at_ms=context.due_at_ms)

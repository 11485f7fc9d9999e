"""Four times an hour: the numbers that dashboard and digest show, counted once and never by scanning."""

from __future__ import annotations

from typing import Any

from functions.workflow.builtin._wiring import built_ins, stop_at
from workerflow.domain.schedule import EVERY_TENANT
from workerflow.handlers import Context, RetryPolicy, schedule


@schedule(
    cron="*/15 * * * *",
    tenants=(EVERY_TENANT,),
    overlap="skip",
    timeout_seconds=240,
    retry=RetryPolicy(max_attempts=3, base_seconds=30, cap_seconds=300),
)
def usage_rollup_15m(_payload: object, context: Context) -> dict[str, Any]:
    """Count what became of tasks, by source and quarter of an hour."""
    return built_ins().roll_up(context.tenant, due_at_ms=context.due_at_ms, until_ms=stop_at(context))

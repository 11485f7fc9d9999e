"""Once a day: what no expiry removes."""

from __future__ import annotations

from typing import Any

from functions.workflow.builtin._wiring import built_ins, stop_at
from workerflow.domain.schedule import EVERY_TENANT
from workerflow.handlers import Context, RetryPolicy, schedule


@schedule(
    cron="40 3 * * *",
    tenants=(EVERY_TENANT,),
    overlap="skip",
    timeout_seconds=240,
    retry=RetryPolicy(max_attempts=3, base_seconds=30, cap_seconds=300),
)
def cleanup_daily(_payload: object, context: Context) -> dict[str, Any]:
    """Remove objects that nothing points to, and the state of sources that are long gone."""
    return built_ins().clean_up(context.tenant, actor=context.source, until_ms=stop_at(context))

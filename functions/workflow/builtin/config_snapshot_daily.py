"""Once a day: what the configuration was, for whoever asks later since when."""

from __future__ import annotations

from typing import Any

from functions.workflow.builtin._wiring import built_ins
from workerflow.domain.schedule import EVERY_TENANT
from workerflow.handlers import Context, RetryPolicy, schedule


@schedule(
    cron="50 2 * * *",
    tenants=(EVERY_TENANT,),
    overlap="allow",
    timeout_seconds=60,
    retry=RetryPolicy(max_attempts=3, base_seconds=30, cap_seconds=300),
)
def config_snapshot_daily(_payload: object, context: Context) -> dict[str, Any]:
    """Keep manifest, switches, cursors and policy of the day, and say what has changed."""
    return built_ins().snapshot_config(context.tenant, due_at_ms=context.due_at_ms)

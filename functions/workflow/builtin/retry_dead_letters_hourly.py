"""Once an hour: what failed by the platform's fault gets another try without a person."""

from __future__ import annotations

from typing import Any

from functions.workflow.builtin._wiring import built_ins, stop_at
from workerflow.domain.schedule import EVERY_TENANT
from workerflow.handlers import Context, RetryPolicy, schedule


@schedule(
    cron="20 * * * *",
    tenants=(EVERY_TENANT,),
    overlap="skip",
    timeout_seconds=240,
    retry=RetryPolicy(max_attempts=3, base_seconds=30, cap_seconds=300),
)
def retry_dead_letters_hourly(_payload: object, context: Context) -> dict[str, Any]:
    """Replay dead letters of the configured classes and ages."""
    return built_ins().retry_letters(context.tenant, actor=context.source, until_ms=stop_at(context))

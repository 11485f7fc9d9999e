"""The schedule that `make up` shows. It is deployed on this machine only; copy it, and give it work to do."""  # noqa: INP001 - a folder of handlers, no package

from __future__ import annotations

from typing import Any

from workerflow.handlers import Context, schedule


@schedule(cron="* * * * *", catch_up="skip", overlap="skip")
def every_minute(_payload: object, context: Context) -> dict[str, Any]:
    """Tell how long after its time the fire was executed."""
    late_ms = max(0, context.now_ms() - context.due_at_ms)
    context.logger.info("fired", extra={"late_ms": late_ms})
    return {"lateMs": late_ms}

"""What authors of handlers import, and all that they need.

    from workerflow.handlers import Context, PermanentError, RetryableError, route, schedule

    @route(mode="async", timeout_seconds=60)
    def order_created(payload: dict[str, Any], context: Context) -> dict[str, Any]:
        ...

    @schedule(cron="0 6 * * mon-fri", zone="Europe/Berlin")
    def morning_report(payload: dict[str, Any], context: Context) -> dict[str, Any]:
        ...

See docs/handlers.md. This package sees the domain only, so that a handler can be imported and tested anywhere.
"""

from __future__ import annotations

from workerflow.domain.errors import InvalidPayloadError, PermanentError, RetryableError, TaskCancelledError
from workerflow.domain.output import HttpResponse
from workerflow.domain.retry import RetryPolicy
from workerflow.domain.schedule import CatchUp
from workerflow.handlers.context import Context
from workerflow.handlers.declaration import route, schedule

__all__ = [
    "CatchUp",
    "Context",
    "HttpResponse",
    "InvalidPayloadError",
    "PermanentError",
    "RetryPolicy",
    "RetryableError",
    "TaskCancelledError",
    "route",
    "schedule",
]

"""Handlers with every kind of end, as authors write them; the tests' manifest binds routes to them."""

from __future__ import annotations

import time
from collections import Counter
from threading import Lock
from typing import Any

from tests.support.faults import ProcessDied
from workerflow.domain.errors import PermanentError, RetryableError
from workerflow.domain.manifest import Manifest
from workerflow.domain.route import Route
from workerflow.domain.schedule import Schedule
from workerflow.handlers import Context

starts: list[tuple[str, int]] = []
"""Trace id and number of every attempt that began."""
LINGER_SECONDS = 0.02
at_once: Counter[str] = Counter()
most_at_once: Counter[str] = Counter()
_counting = Lock()


def succeed(payload: Any, context: Context) -> dict[str, Any]:
    """Return what came."""
    _begin(context)
    return {"got": payload, "attempt": context.attempt}


def return_much(_payload: Any, context: Context) -> dict[str, Any]:
    """Return more than an item should carry."""
    _begin(context)
    return {"much": [f"{number * number:x}" for number in range(10_000)]}


def refuse(_payload: Any, context: Context) -> None:
    """Fail for good."""
    _begin(context)
    raise PermanentError("no such customer")


def retry(_payload: Any, context: Context) -> None:
    """Fail for now."""
    _begin(context)
    raise RetryableError("busy", retry_after_seconds=30.0)


def retry_late(_payload: Any, context: Context) -> None:
    """Fail for a long while."""
    _begin(context)
    raise RetryableError("come back in ten minutes", retry_after_seconds=600.0)


def repeat(payload: Any, context: Context) -> None:
    """Raise something that repeats the payload, as `int()` does."""
    _begin(context)
    raise ValueError(f"invalid literal for int(): {payload['card']!r}")


def crash(_payload: Any, context: Context) -> None:
    """End with the process."""
    _begin(context)
    raise ProcessDied("exit status 137")


def read_secret(_payload: Any, context: Context) -> dict[str, Any]:
    """Use a connector secret."""
    return {"length": len(context.secret("crm"))}


def report(payload: Any, context: Context) -> dict[str, Any]:
    """Tell what a schedule's handler gets."""
    return {
        "got": payload,
        "source": context.source,
        "dueAtMs": context.due_at_ms,
        "length": len(context.secret("crm")),
    }


def linger(_payload: Any, context: Context) -> None:
    """Take a moment, and let it be known how many of the tenant's do so at the same time."""
    _begin(context)
    with _counting:
        at_once[context.tenant] += 1
        most_at_once[context.tenant] = max(most_at_once[context.tenant], at_once[context.tenant])
    time.sleep(LINGER_SECONDS)
    with _counting:
        at_once[context.tenant] -= 1


def stop_when_asked(_payload: Any, context: Context) -> None:
    """Work through three steps, and give up between two of them if somebody says so."""
    _begin(context)
    for step in range(3):
        between_steps(context, step)
        context.raise_if_cancelled()


def between_steps(_context: Context, _step: int) -> None:
    """What happens while `stop_when_asked` is at work; a test may put something else here."""


def _begin(context: Context) -> None:
    starts.append((context.trace_id, context.attempt))


def routes() -> list[Route]:
    """A route of each mode for what is needed in it."""
    handlers = [succeed, return_much, refuse, retry, retry_late, repeat, crash, linger, stop_when_asked]
    here = __name__
    made = [Route(name=one.__name__, module=here, function=one.__name__, mode="async") for one in handlers]
    made.append(Route(name="ask", module=here, function="succeed", mode="sync"))
    made.append(Route(name="read_secret", module=here, function="read_secret", mode="async", secrets=("crm",)))
    echo = "functions.workflow.handlers.webhook_echo"
    return [*made, Route(name="webhook_echo", module=echo, function="webhook_echo", mode="async")]


def schedules() -> list[Schedule]:
    """A schedule that no test lives to see fire by itself."""
    return [Schedule(name="report", module=__name__, function="report", cron="0 0 29 2 *", secrets=("crm",))]


def manifest() -> Manifest:
    return Manifest.build(routes(), schedules())

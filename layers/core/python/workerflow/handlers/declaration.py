"""The decorators that make a function the handler of routes and schedules.

They write the declaration down on the function and change nothing else: the function stays callable, and testable,
as it is. Nothing is judged here, so that the manifest's builder can report the faults of all files at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.output import HttpResponse
from workerflow.domain.retry import RetryPolicy
from workerflow.domain.route import Authentication, Mode, Route
from workerflow.domain.schedule import CatchUp, CatchUpPolicy, Overlap, Schedule
from workerflow.domain.source import DEFAULT_TIMEOUT_SECONDS, Source
from workerflow.handlers.context import Context

type Handler = Callable[[Any, Context], dict[str, Any] | HttpResponse | None]

_ATTRIBUTE = "__workerflow_sources__"
_collector: ContextVar[list[Callable[..., Any]] | None] = ContextVar("workerflow_source_collector", default=None)


def route[F: Callable[..., Any]](  # noqa: PLR0913 - the author's one form to fill in, all with defaults
    name: str | None = None,
    *,
    mode: Mode = "async",
    retry: RetryPolicy | None = None,
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS,
    schema: Mapping[str, Any] | None = None,
    authentication: Authentication = "any",
    enabled: bool = True,
    disabled_reason: str = "",
    secrets: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Make a function `f(payload, context)` the handler of `POST /api/<name>`.

    Args:
        name: the route's name; the function's own unless given.
        mode: `async` answers 202 at once and runs behind the queue; `sync` answers with what the handler returns.
        retry: attempts and back-off for retryable failures.
        timeout_seconds: 1 to 240; an attempt that overruns is ended with its process.
        schema: JSON Schema (Draft 2020-12) of the payload, checked before the call is accepted; None takes any JSON.
        authentication: `signature`, `token`, `any` of the two, or the sender whose signature a call must carry.
        enabled: False refuses calls until a deploy changes it.
        disabled_reason: what callers of a disabled route are told.
        secrets: names of the connector secrets that the handler reads by `context.secret(name)`.

    Raises:
        TypeError: it was written without parentheses.
    """
    if callable(name):
        raise TypeError("write @route() with parentheses")

    def declare(function: F) -> F:
        declared = Route(
            **_place_of(function, name),
            mode=mode,
            authentication=authentication,
            timeout_seconds=timeout_seconds,
            retry=retry if retry is not None else RetryPolicy(),
            schema=schema,
            enabled=enabled,
            disabled_reason=disabled_reason,
            secrets=_frozen(secrets),
        )
        return _declare(function, declared)

    return declare


def schedule[F: Callable[..., Any]](  # noqa: PLR0913 - the author's one form to fill in, all but one with defaults
    cron: str,
    *,
    name: str | None = None,
    zone: str = "UTC",
    catch_up: CatchUpPolicy | CatchUp = "latest",
    overlap: Overlap = "allow",
    tenants: tuple[str, ...] = (DEFAULT_TENANT,),
    retry: RetryPolicy | None = None,
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS,
    enabled: bool = True,
    disabled_reason: str = "",
    secrets: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Have a function `f(payload, context)` run at the times that a cron expression names.

    Args:
        cron: five fields, or an alias such as `@hourly`.
        name: the schedule's name; the function's own unless given.
        zone: the IANA time zone in which the expression is read.
        catch_up: what becomes of fires that no tick came for in time: `skip`, `latest`, `all`, or a CatchUp.
        overlap: `allow`, or `skip` to skip a fire while the one before it has not ended.
        tenants: whose schedule it is; `("*",)` stands for every tenant.
        retry: attempts and back-off for retryable failures.
        timeout_seconds: 1 to 240; an attempt that overruns is ended with its process.
        enabled: False fires nothing until a deploy changes it.
        disabled_reason: shown to whoever asks why.
        secrets: names of the connector secrets that the handler reads by `context.secret(name)`.

    Raises:
        TypeError: it was written without parentheses.
    """
    if callable(cron):
        raise TypeError('write @schedule(cron="...") with parentheses')

    def declare(function: F) -> F:
        declared = Schedule(
            **_place_of(function, name),
            cron=cron,
            zone=zone,
            catch_up=CatchUp(catch_up) if isinstance(catch_up, str) else catch_up,
            overlap=overlap,
            tenants=_frozen(tenants),
            timeout_seconds=timeout_seconds,
            retry=retry if retry is not None else RetryPolicy(),
            enabled=enabled,
            disabled_reason=disabled_reason,
            secrets=_frozen(secrets),
        )
        return _declare(function, declared)

    return declare


def declarations_of(function: object) -> tuple[Source, ...]:
    """The routes and schedules that a function was declared to handle, unchecked; none without a decorator."""
    found: tuple[Source, ...] = getattr(function, _ATTRIBUTE, ())
    return found


@contextmanager
def collecting() -> Iterator[list[Callable[..., Any]]]:
    """Collect every function that is declared while the block runs, also those that no module name leads to any more.

    For the manifest's builder: a function that another one of the same name replaced is a fault, not a silence.
    """
    functions: list[Callable[..., Any]] = []
    token = _collector.set(functions)
    try:
        yield functions
    finally:
        _collector.reset(token)


def _declare[F: Callable[..., Any]](function: F, declared: Source) -> F:
    setattr(function, _ATTRIBUTE, (*declarations_of(function), declared))
    collected = _collector.get()
    if collected is not None and function not in collected:
        collected.append(function)
    return function


def _place_of(function: Callable[..., Any], name: str | None) -> dict[str, Any]:
    """Where the function is, what it is called, and its docstring's first line."""
    return {
        "name": name if name is not None else function.__name__,
        "module": function.__module__,
        "function": function.__name__,
        "description": (inspect.getdoc(function) or "").partition("\n")[0],
    }


def _frozen(names: Any) -> Any:  # noqa: ANN401 - an author's value, of any type
    return tuple(names) if isinstance(names, list) else names

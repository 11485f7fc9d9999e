"""The decorator that makes a function a route.

It writes the declaration down on the function and changes nothing else: the function stays callable, and testable,
as it is. Nothing is judged here, so that the manifest's builder can report the faults of all files at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from workerflow.domain.output import HttpResponse
from workerflow.domain.retry import RetryPolicy
from workerflow.domain.route import Authentication, Mode
from workerflow.domain.source import DEFAULT_TIMEOUT_SECONDS
from workerflow.handlers.context import Context

type Handler = Callable[[Any, Context], dict[str, Any] | HttpResponse | None]

_ATTRIBUTE = "__workerflow_routes__"
_collector: ContextVar[list[Callable[..., Any]] | None] = ContextVar("workerflow_route_collector", default=None)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A route as its author wrote it, unchecked. The fields are the decorator's arguments."""

    name: str
    mode: Mode
    authentication: Authentication
    timeout_seconds: int
    retry: RetryPolicy
    schema: Mapping[str, Any] | None
    enabled: bool
    disabled_reason: str
    secrets: tuple[str, ...]


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
        authentication: `signature`, `token`, or `any` of the two.
        enabled: False refuses calls until a deploy changes it.
        disabled_reason: what callers of a disabled route are told.
        secrets: names of the connector secrets that the handler reads by `context.secret(name)`.

    Raises:
        TypeError: it was written without parentheses.
    """
    if callable(name):
        raise TypeError("write @route() with parentheses")

    def declare(function: F) -> F:
        declaration = Declaration(
            name=name if name is not None else function.__name__,
            mode=mode,
            authentication=authentication,
            timeout_seconds=timeout_seconds,
            retry=retry if retry is not None else RetryPolicy(),
            schema=schema,
            enabled=enabled,
            disabled_reason=disabled_reason,
            secrets=secrets,
        )
        setattr(function, _ATTRIBUTE, (*declarations_of(function), declaration))
        collected = _collector.get()
        if collected is not None and function not in collected:
            collected.append(function)
        return function

    return declare


def declarations_of(function: object) -> tuple[Declaration, ...]:
    """The routes that a function was declared to handle: usually one, none for a function without the decorator."""
    found: tuple[Declaration, ...] = getattr(function, _ATTRIBUTE, ())
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

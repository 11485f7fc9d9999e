"""A route, as its handler's decorator declares it: an HTTP entry bound to a function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from workerflow.domain.retry import RetryPolicy

Mode = Literal["async", "sync"]
Authentication = Literal["signature", "token", "any"]

DEFAULT_TIMEOUT_SECONDS = 30
MAX_TIMEOUT_SECONDS = 240
"""A handler must end before its `workflow` invocation does (270 s), and that before the consumer's (300 s)."""
MAX_RETRY_DELAY_SECONDS = 12 * 3600
"""Half of a task's deadline (24 h): a longer wait would leave no time to run in."""
MAX_REASON_CHARS = 200
RESERVED_NAMES = frozenset({"runs", "health", "t"})
"""First segments under `/api/` that are the platform's own."""


@dataclass(frozen=True, slots=True)
class Route:
    """One HTTP entry, bound to a handler.

    Attributes:
        name: the last segment of its path, `[a-z][a-z0-9_]{0,62}`.
        module, function: where the handler is, as an importable module and an attribute of it.
        mode: `async` answers 202 and runs behind the queue; `sync` runs while the caller waits.
        authentication: what a call must carry: `signature` (WorkerFlow v1), `token` (bearer), or `any` of the two.
        timeout_seconds: 1 to MAX_TIMEOUT_SECONDS; a handler that overruns is ended with its process.
        retry: for retryable failures.
        schema: JSON Schema, Draft 2020-12, of the payload; None takes any JSON.
        enabled: False refuses calls until a deploy changes it.
        disabled_reason: shown to callers of a route that is not enabled.
        description: first line of the handler's docstring.
        secrets: names of the connector secrets that the handler reads through its context.
    """

    name: str
    module: str
    function: str
    mode: Mode
    authentication: Authentication = "any"
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    schema: Mapping[str, Any] | None = None
    enabled: bool = True
    disabled_reason: str = ""
    description: str = ""
    secrets: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The name under which runs, switches and idempotency scopes know the route: `route:<name>`."""
        return f"route:{self.name}"

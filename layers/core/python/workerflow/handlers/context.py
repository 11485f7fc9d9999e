"""What a handler knows about the attempt that it runs in."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from workerflow.domain.errors import PermanentError, TaskCancelledError
from workerflow.domain.identity import DEFAULT_TENANT, TraceId, acceptance_hash, effect_key
from workerflow.domain.schedule import due_at_ms_of
from workerflow.domain.source import DEFAULT_TIMEOUT_SECONDS


class HandlerLogger(Protocol):
    """A logger as in the standard library's `logging`. Its lines carry the trace id and tenant."""

    def debug(self, msg: object, *args: object, extra: Mapping[str, object] | None = None) -> None: ...
    def info(self, msg: object, *args: object, extra: Mapping[str, object] | None = None) -> None: ...
    def warning(self, msg: object, *args: object, extra: Mapping[str, object] | None = None) -> None: ...
    def error(self, msg: object, *args: object, extra: Mapping[str, object] | None = None) -> None: ...
    def exception(self, msg: object, *args: object, extra: Mapping[str, object] | None = None) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One attempt at one task.

    Attributes:
        trace_id: names the task everywhere: answers, logs, ledger.
        tenant: whose task it is.
        source: what the task came from: `route:<name>` or `schedule:<name>`.
        attempt: this attempt's number, from 1.
        max_attempts: how many the source's retry policy allows.
        due_at_ms: the moment that the task is for, epoch milliseconds: when a schedule's fire was due; for any other
            task, when the lineage's root was accepted. The same for every attempt and every replay.
        deadline_ms: when the source's time-out ends this attempt, epoch milliseconds.
        content_type: of the payload; a call's as received.
        body: the raw bytes of the payload; a call's as received and signed.
        root: the trace id at the root of the lineage: the task's own, unless it is a replay.
        effect_root: whose effect keys these are: the root's, or its own where the operator asked for new effects.
        generation: 0 for a task that came from outside, n for the n-th replay in its lineage.
        traceparent: the caller's trace context (W3C), for calls that the handler makes; None if there was none.
        logger: see HandlerLogger.
        clock: epoch milliseconds; handlers call `now_ms()`.
        declared_secrets: the names that the source declared.
        read_secret: reads a connector secret of the tenant; handlers call `secret(name)`.
        asks_cancelled: whether the task is to end; handlers call `is_cancelled()` or `raise_if_cancelled()`.
    """

    trace_id: str
    tenant: str
    source: str
    attempt: int
    max_attempts: int
    due_at_ms: int
    deadline_ms: int
    content_type: str
    body: bytes = field(repr=False)
    root: str
    effect_root: str
    generation: int
    traceparent: str | None = None
    logger: HandlerLogger = field(repr=False)
    clock: Callable[[], int] = field(repr=False)
    declared_secrets: tuple[str, ...]
    read_secret: Callable[[str], str] = field(repr=False)
    asks_cancelled: Callable[[], bool] = field(default=lambda: False, repr=False)

    def now_ms(self) -> int:
        """The time, epoch milliseconds, from the clock that also set the deadline."""
        return self.clock()

    def remaining_seconds(self) -> float:
        """How long this attempt may still run; 0 when its time is over."""
        return max(0.0, (self.deadline_ms - self.clock()) / 1000)

    def is_cancelled(self) -> bool:
        """Whether an operator asked that this task ends. It is asked of the ledger, at most once a second.

        A handler that goes on all the same is not stopped, and its success is a success; if it fails, however it does,
        the task is cancelled.
        """
        return self.asks_cancelled()

    def raise_if_cancelled(self) -> None:
        """Give up if an operator asked for it: call it between steps, where nothing is half done.

        Raises:
            TaskCancelledError: the task is to end. Let it pass.
        """
        if self.asks_cancelled():
            raise TaskCancelledError("an operator cancelled the task")

    def effect_key(self, step: str) -> str:
        """A key for an effect outside (a charge, a message): hand it to the provider as its idempotency key.

        Args:
            step: this handler's name for the effect, unique within the handler.

        Returns:
            40 hex digits, the same for every attempt and every replay of the task, so that the provider does it once.
        """
        return effect_key(self.effect_root, step)

    def secret(self, name: str) -> str:
        """Read a connector secret of this tenant.

        Raises:
            PermanentError: the source does not declare the name in `secrets`. Declare it and replay the task.
        """
        if name not in self.declared_secrets:
            raise PermanentError(f"{self.source} does not declare the secret {name!r}")
        return self.read_secret(name)

    @classmethod
    def for_test(  # noqa: D417, PLR0913 - one keyword per fact that a test may care about, all with defaults
        cls,
        payload: object = None,
        *,
        body: bytes | None = None,
        content_type: str = "application/json",
        source: str = "route:under_test",
        tenant: str = DEFAULT_TENANT,
        attempt: int = 1,
        max_attempts: int = 5,
        generation: int = 0,
        root: str | None = None,
        now_ms: int = 1_700_000_000_000,
        remaining_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        secrets: Mapping[str, str] | None = None,
        cancelled_at_check: int | None = None,
    ) -> Context:
        """Make a context for a unit test of a handler: no AWS, and a clock that stands still.

        Args:
            payload: what the handler is called with; `body` is its JSON unless given. The `dueAt` of a schedule's fire
                is the moment that the task is for; any other task is for `now_ms`.
            secrets: values of the secrets that the source declares, by name.
            cancelled_at_check: from which time on that the handler asks the task is cancelled, 1 for the first; None:
                never.
        """
        checks = count(1)
        trace_id = TraceId.mint(now_ms, acceptance_hash(tenant, source, "test")).value
        due_at_ms = due_at_ms_of(payload) if source.startswith("schedule:") else None
        values = dict(secrets or {})
        return cls(
            trace_id=trace_id,
            tenant=tenant,
            source=source,
            attempt=attempt,
            max_attempts=max_attempts,
            due_at_ms=now_ms if due_at_ms is None else due_at_ms,
            deadline_ms=now_ms + int(remaining_seconds * 1000),
            content_type=content_type,
            body=json.dumps(payload).encode() if body is None else body,
            root=root or trace_id,
            effect_root=root or trace_id,
            generation=generation,
            logger=logging.getLogger(f"workerflow.handlers.{source}"),
            clock=lambda: now_ms,
            declared_secrets=tuple(values),
            read_secret=values.__getitem__,
            asks_cancelled=lambda: cancelled_at_check is not None and next(checks) >= cancelled_at_check,
        )

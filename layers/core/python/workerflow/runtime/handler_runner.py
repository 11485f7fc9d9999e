"""Runs handlers, and ends the process of one that overruns its source's time-out.

A thread that hangs in somebody's socket cannot be stopped from outside, only left behind; a process can. So the
watchdog ends it: the platform starts a fresh one for the next task, the invoker sees the function error, and the
ledger shows a time-out.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from workerflow.domain.errors import InvalidPayloadError, TaskCancelledError
from workerflow.domain.failure import Failure
from workerflow.domain.identity import TraceId
from workerflow.domain.output import HandlerOutput
from workerflow.domain.schedule import Schedule, due_at_ms_of
from workerflow.domain.source import Source
from workerflow.handlers.context import Context, HandlerLogger
from workerflow.ports.world import Clock, HandlerCall, Secrets
from workerflow.runtime.cancel_watch import CancelWatch

EXIT_STATUS_TIMED_OUT = 124
"""As `timeout(1)` does."""


def end_process() -> None:
    """End this process at once, whatever its threads do."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:  # a handler may have closed or replaced them
        os._exit(EXIT_STATUS_TIMED_OUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRunner:
    """Runs a handler in this process, which is ended if the handler overruns.

    Attributes:
        load: finds the function behind a source (runtime.handler_loader).
        end: ends the process; never returns, outside tests.
        tell: hears of each exception and its source, for the log.
    """

    load: Callable[[Source], Callable[..., Any]]
    clock: Clock
    secrets: Secrets
    logger: HandlerLogger
    end: Callable[[], None] = end_process
    tell: Callable[[str, BaseException], None] = lambda _source, _error: None

    def run(self, call: HandlerCall) -> HandlerOutput | Failure:
        """Run the handler to its end; whatever it raises becomes a Failure."""
        try:
            with self._watchdog(call.source):
                handler, payload = self.load(call.source), _payload_of(call)
                value = handler(payload, self._context_of(call, payload))
            return HandlerOutput.from_return(value, mode="sync" if call.source.answers_caller else "async")
        except TaskCancelledError as error:  # as it was asked to: nothing to tell anybody of
            return Failure.from_exception(error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the handler is somebody's code, and may raise anything
            self.tell(call.source.source, error)
            return Failure.from_exception(error)

    @contextmanager
    def _watchdog(self, source: Source) -> Iterator[None]:
        timer = threading.Timer(source.timeout_seconds, self._overrun, [source])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _overrun(self, source: Source) -> None:
        try:
            self.logger.error("the handler of %s overran its time-out of %s s", source.source, source.timeout_seconds)
        finally:
            self.end()

    def _context_of(self, call: HandlerCall, payload: object) -> Context:
        acceptance, source = call.acceptance, call.source
        return Context(
            trace_id=acceptance.trace_id,
            tenant=acceptance.tenant,
            source=source.source,
            attempt=call.attempt,
            max_attempts=source.retry.max_attempts,
            due_at_ms=_due_at_ms(call, payload),
            deadline_ms=call.started_at_ms + source.timeout_seconds * 1000,
            content_type=acceptance.content_type,
            body=call.body,
            root=acceptance.root,
            effect_root=acceptance.effect_root,
            traceparent=acceptance.traceparent,
            generation=acceptance.lineage.generation if acceptance.lineage else 0,
            logger=self.logger,
            clock=self.clock.now_ms,
            declared_secrets=source.secrets,
            read_secret=lambda name: self.secrets.get(acceptance.tenant, name),
            asks_cancelled=CancelWatch(call.is_cancelled, self.clock.now_ms),
        )


def _payload_of(call: HandlerCall) -> object:
    try:
        return json.loads(call.body)
    except (ValueError, RecursionError) as error:
        raise InvalidPayloadError("the payload is not JSON") from error


def _due_at_ms(call: HandlerCall, payload: object) -> int:
    """When the fire was due; what was never due is for the moment in which its lineage's root was accepted."""
    due_at_ms = due_at_ms_of(payload) if isinstance(call.source, Schedule) else None
    return TraceId(call.acceptance.root).accepted_at_ms if due_at_ms is None else due_at_ms

"""Logs and metrics: one JSON line an event, metrics as EMF lines in the same stream, no AWS call for either.

What must not be told is left out by shape: payloads, headers and secrets are never handed to this module, and of an
exception that is not ours or the SDK's only class and stack are kept, because its text may repeat what it was given.
"""

from __future__ import annotations

import traceback
from collections import Counter

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from workerflow.domain.errors import WorkerFlowError

FRAMES_KEPT = 30
MESSAGE_KEPT = 500
_CALLER = 3
"""So that a line's `location` is the place that tells, and not this module (2 is Powertools' own default)."""


class Telemetry:
    """One function's logger and metrics. Implements the ports `Signals` and `Faults`.

    Attributes:
        logger: Powertools' structured logger; its level is LOG_LEVEL.
    """

    def __init__(self, service: str, namespace: str) -> None:
        self.logger = Logger(service=service, utc=True, use_rfc3339=True)
        self._service, self._namespace = service, namespace
        self._metrics = Metrics(service=service, namespace=namespace)
        self._by_schedule: Counter[tuple[str, str]] = Counter()
        self._pending = False

    def count(self, name: str, value: int = 1, *, schedule: str | None = None) -> None:
        """Add to the metric `name`, unit Count, or to the one of a schedule (dimension `schedule`).

        Written by `flush`: a schedule's summed up, for each is a line of its own.
        """
        if schedule is not None:
            self._by_schedule[name, schedule] += value
            return
        self._metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
        self._pending = True

    def count_refusal(self, *, tenant: str, reason: str) -> None:
        """Add to `CallRefused`, with the dimensions `tenant` and `reason` besides: a line of its own, written at once.

        Both must be of a bounded number: each pair is a metric that is paid for.
        """
        with single_metric("CallRefused", MetricUnit.Count, 1, namespace=self._namespace) as metric:
            metric.add_dimension("service", self._service)
            metric.add_dimension("tenant", tenant)
            metric.add_dimension("reason", reason)

    def info(self, message: str, **fields: object) -> None:
        """Log one line. A field that is None is left out."""
        self.logger.info(message, extra=_told(fields), stacklevel=_CALLER)

    def warning(self, message: str, **fields: object) -> None:
        """Log one line that somebody may want to count."""
        self.logger.warning(message, extra=_told(fields), stacklevel=_CALLER)

    def failure(self, message: str, error: BaseException, **fields: object) -> None:
        """Log one line about an exception: its class and stack, and its text where that is known to be harmless."""
        self.logger.error(message, extra=_told(fields) | describe(error), stacklevel=_CALLER)

    def handler_failed(self, source: str, error: BaseException) -> None:
        """Log where the handler of `source` failed: its author's text may repeat the payload, and is in the ledger."""
        kind = f"{type(error).__module__}.{type(error).__qualname__}"
        self.warning("a handler failed", source=source, error_class=kind, stack=stack_of(error))

    def flush(self) -> None:
        """Write the metrics collected since the last time. Call it once at the end of every invocation."""
        if self._pending:
            self._pending = False
            self._metrics.flush_metrics()
        by_schedule, self._by_schedule = self._by_schedule, Counter()
        for (name, schedule), value in by_schedule.items():
            with single_metric(name, MetricUnit.Count, value, namespace=self._namespace) as metric:
                metric.add_dimension("service", self._service)
                metric.add_dimension("schedule", schedule)


def describe(error: BaseException) -> dict[str, object]:
    """An exception as log fields: `error_class`, `error_message` if it is ours or the SDK's, `stack` without values."""
    described: dict[str, object] = {
        "error_class": f"{type(error).__module__}.{type(error).__qualname__}",
        "stack": stack_of(error),
    }
    if isinstance(error, WorkerFlowError) or type(error).__module__.startswith("botocore."):
        described["error_message"] = str(error)[:MESSAGE_KEPT]
    if error.__cause__ is not None:
        described["cause"] = describe(error.__cause__)
    return described


def stack_of(error: BaseException) -> list[str]:
    """The places that an exception came through, innermost last, without any value."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_KEPT:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def _told(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}

"""The metrics that the functions write into their logs (EMF), by the names and dimensions under which they arrive.

Powertools gives each metric one dimension, `service`, which is the function's name; environments are kept apart by
namespace.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.environments import Environment


@dataclass(frozen=True, slots=True)
class OwnMetrics:
    """WorkerFlow's own metrics in one environment."""

    environment: Environment

    def open_dead_letters(self, period: Duration) -> cloudwatch.Metric:
        """Dead letters that nobody has replayed or resolved, counted by each tick."""
        return self._metric("OpenDeadLetters", "scheduler", "Maximum", period)

    def ticks_completed(self, period: Duration) -> cloudwatch.Metric:
        """Ticks of which no part failed: the tick itself survives a part that fails, and Lambda sees no error."""
        return self._metric("TickCompleted", "scheduler", "Sum", period)

    def resent(self, period: Duration) -> cloudwatch.Metric:
        """Messages that the tick sent because the ones before them were lost; what was parked is `Released`."""
        return self._metric("Resent", "scheduler", "Sum", period)

    def sends_failed(self, service: str, period: Duration) -> cloudwatch.Metric:
        """Messages that `service` could not send; the ledger finds their tasks again, minutes later."""
        return self._metric("SendFailed", service, "Sum", period)

    def unreadable_rows(self, period: Duration) -> cloudwatch.Metric:
        """Items that no code of this version wrote: an edit by hand, or a newer version that was rolled back."""
        return self._metric("UnreadableRow", "scheduler", "Sum", period)

    def _metric(self, name: str, service: str, statistic: str, period: Duration) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=self.environment.metrics_namespace,
            metric_name=name,
            dimensions_map={"service": service},
            statistic=statistic,
            period=period,
        )

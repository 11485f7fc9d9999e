"""The metrics that the functions write into their logs (EMF), by the names and dimensions under which they arrive.

Powertools gives each metric one dimension, `service`, which is the function's name; environments are kept apart by
namespace. What is counted by schedule, or by tenant and reason, has these dimensions besides, and is read by a query:
nobody has to know all schedules, reasons and tenants beforehand.
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

    def ticks_behind(self, period: Duration) -> cloudwatch.Metric:
        """Ticks that left schedules alone, because another one's clock was ahead of theirs."""
        return self._metric("TickBehind", "scheduler", "Sum", period)

    def ticks_ahead(self, period: Duration) -> cloudwatch.Metric:
        """Ticks that did nothing, because their clock was far ahead of the moment for which they were scheduled."""
        return self._metric("TickAhead", "scheduler", "Sum", period)

    def heartbeats(self, period: Duration) -> cloudwatch.Metric:
        """Runs of the built-in schedule `heartbeat_hourly`: they went the whole way of a task."""
        return self._metric("Heartbeat", "workflow", "Sum", period)

    def fires_missed(self, period: Duration) -> cloudwatch.MathExpression:
        """Fires that were due and not made, a series for each schedule."""
        return self._sum("FireMissed", ("schedule", "service"), period, by="schedule")

    def fires_failed(self, period: Duration) -> cloudwatch.MathExpression:
        """Tries to fire that failed, a series for each schedule; the next tick tries again."""
        return self._sum("FireFailed", ("schedule", "service"), period, by="schedule")

    def calls_refused(self, period: Duration) -> cloudwatch.MathExpression:
        """Calls that were answered 4xx, of all tenants and for all reasons."""
        return self._sum("CallRefused", ("reason", "service", "tenant"), period)

    def calls_refused_by_reason(self, period: Duration) -> cloudwatch.MathExpression:
        """The same, a series for each reason."""
        return self._sum("CallRefused", ("reason", "service", "tenant"), period, by="reason")

    def _sum(
        self, name: str, dimensions: tuple[str, ...], period: Duration, *, by: str | None = None
    ) -> cloudwatch.MathExpression:
        """The sum of all metrics of that name with exactly these dimensions; a series for each value of one of them.

        An alarm on several series wants both clauses, GROUP BY and ORDER BY. Source: "Create a CloudWatch alarm based
        on a Metrics Insights query", Amazon CloudWatch user guide.
        """
        schema = f'SCHEMA("{self.environment.metrics_namespace}", {", ".join(dimensions)})'
        query = f"SELECT SUM({name}) FROM {schema}"  # noqa: S608 - CloudWatch's own language, and names of our own
        grouped = f"{query} GROUP BY {by} ORDER BY SUM() DESC" if by else query
        return cloudwatch.MathExpression(expression=grouped, using_metrics={}, period=period, label="")

    def _metric(self, name: str, service: str, statistic: str, period: Duration) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=self.environment.metrics_namespace,
            metric_name=name,
            dimensions_map={"service": service},
            statistic=statistic,
            period=period,
        )

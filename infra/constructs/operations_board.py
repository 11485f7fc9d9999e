"""The board in CloudWatch: the way of a task from left to right, its trouble underneath.

It shows what AWS measures. What the ledger knows, and what can be done about it, is the function `dashboard`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.constructs.alarms import Alarms
from infra.constructs.dashboard_url import DashboardUrl
from infra.constructs.function import WorkerFlowFunction
from infra.constructs.http_api import IngressApi
from infra.constructs.metrics import OwnMetrics
from infra.constructs.queue import TaskQueue
from infra.environments import Environment

PERIOD = Duration.minutes(5)
THIRD = 8


class OperationsBoard(Construct):
    """One page that answers: does it flow, how fast, and what is wrong?"""

    def __init__(
        self,
        scope: Construct,
        environment: Environment,
        *,
        api: IngressApi,
        dashboard: DashboardUrl,
        queue: TaskQueue,
        functions: Sequence[WorkerFlowFunction],
        alarms: Alarms,
    ) -> None:
        """Make the board over what the stack consists of."""
        super().__init__(scope, "Dashboard")
        metrics = OwnMetrics(environment)
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=environment.prefix,
            widgets=[
                [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms.all), width=24, height=4)],
                [
                    _graph("Calls", api.calls(PERIOD), api.client_errors(PERIOD), api.server_errors(PERIOD)),
                    _graph("Latency of an answer", api.latency(PERIOD, "p50"), api.latency(PERIOD, "p99")),
                    _graph("Queue", *_queue_metrics(queue)),
                ],
                [
                    _graph("Invocations", *(f.lambda_function.metric_invocations(period=PERIOD) for f in functions)),
                    _graph("Duration, p99", *(_p99(function) for function in functions)),
                    _graph("Ledger", metrics.open_dead_letters(PERIOD), metrics.resent(PERIOD)),
                ],
                [
                    _graph("Missed and failed fires", metrics.fires_missed(PERIOD), metrics.fires_failed(PERIOD)),
                    _graph("Refused calls", metrics.calls_refused_by_reason(PERIOD)),
                    _graph("Ticks and heartbeats", *_beats(metrics)),
                ],
                [
                    _graph("Errors", *(f.lambda_function.metric_errors(period=PERIOD) for f in functions)),
                    _graph("Throttles", *(f.lambda_function.metric_throttles(period=PERIOD) for f in functions)),
                    _graph("Age of the oldest message", queue.tasks.metric_approximate_age_of_oldest_message()),
                ],
                [_graph("Dashboard", *_visits(dashboard))],
            ],
        )


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=THIRD, height=6)


def _queue_metrics(queue: TaskQueue) -> tuple[cloudwatch.IMetric, ...]:
    return (
        queue.tasks.metric_approximate_number_of_messages_visible(period=PERIOD, label="waiting"),
        queue.tasks.metric_approximate_number_of_messages_not_visible(period=PERIOD, label="in flight"),
        queue.dead_letters.metric_approximate_number_of_messages_visible(period=PERIOD, label="dead-letter queue"),
    )


def _visits(dashboard: DashboardUrl) -> tuple[cloudwatch.IMetric, ...]:
    return (dashboard.calls(PERIOD), dashboard.client_errors(PERIOD), dashboard.server_errors(PERIOD))


def _beats(metrics: OwnMetrics) -> tuple[cloudwatch.IMetric, ...]:
    ticks = (metrics.ticks_completed(PERIOD), metrics.ticks_behind(PERIOD), metrics.ticks_ahead(PERIOD))
    return (*ticks, metrics.heartbeats(PERIOD))


def _p99(function: WorkerFlowFunction) -> cloudwatch.IMetric:
    return function.lambda_function.metric_duration(period=PERIOD, statistic="p99")

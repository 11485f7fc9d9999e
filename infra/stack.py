"""WorkerFlow as a sentence: what there is, who may do what, how it is woken, what is watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Stack, Tags

from infra.constructs.alarms import Alarms
from infra.constructs.dashboard_url import DashboardUrl
from infra.constructs.http_api import IngressApi
from infra.constructs.layers import lay_foundation
from infra.constructs.metrics import OwnMetrics
from infra.constructs.operations_board import OperationsBoard
from infra.constructs.payloads import PayloadBucket
from infra.constructs.queue import TaskQueue
from infra.constructs.tables import Tables
from infra.constructs.tick import MinuteTick
from infra.environments import Environment
from infra.functions import Functions
from infra.grants import Grants
from tools.package import Assets

if TYPE_CHECKING:
    from constructs import Construct


class WorkerFlowStack(Stack):
    """One environment of WorkerFlow, in whatever account and region the credentials lead to."""

    def __init__(self, scope: Construct, environment: Environment, assets: Assets) -> None:
        """Put the environment together from its packaged code."""
        super().__init__(
            scope,
            environment.prefix,
            description=f"WorkerFlow ({environment.name}): an event-driven automation control plane",
            termination_protection=environment.keeps_data,
        )
        Tags.of(self).add("application", "workerflow")
        Tags.of(self).add("environment", environment.name)

        tables = Tables(self, environment)
        payloads = PayloadBucket(self, environment)
        queue = TaskQueue(self, environment)
        functions = Functions(self, lay_foundation(self, environment, assets))
        Grants(environment, functions, tables, queue, payloads).give_all()

        api = IngressApi(self, environment, functions.ingress)
        queue.is_worked_on_by(functions.consumer, at_once=environment.consumers)
        MinuteTick(self, environment, functions.scheduler)
        dashboard = DashboardUrl(self, functions.dashboard)
        functions.dashboard.is_told(API_URL=api.url)

        alarms = self._alarms(environment, api, queue, functions)
        alarms.watch_dashboard(dashboard)
        OperationsBoard(
            self, environment, api=api, dashboard=dashboard, queue=queue, functions=functions.all, alarms=alarms
        )

        self._tell("ApiUrl", api.url, "Where signed calls go")
        self._tell("ApiId", api.api.api_id, "The HTTP API; the emulator is reached by it")
        self._tell("DashboardUrl", dashboard.url, "Where operators sign in")
        self._tell("QueueUrl", queue.tasks.queue_url, "The queue of tasks")
        self._tell("DeadLetterQueueUrl", queue.dead_letters.queue_url, "The queue's dead-letter queue")
        self._tell("PayloadBucket", payloads.name, "Payloads and outputs too large for an item")
        self._tell("AlarmTopic", alarms.topic.topic_arn, "Subscribe to it to hear of alarms")

    def _alarms(self, environment: Environment, api: IngressApi, queue: TaskQueue, functions: Functions) -> Alarms:
        alarms, metrics = Alarms(self, environment), OwnMetrics(environment)
        alarms.watch_queue(queue)
        alarms.watch_tick(metrics)
        alarms.watch_clocks(metrics)
        alarms.watch_schedules(metrics)
        alarms.watch_heartbeat(metrics)
        alarms.watch_refusals(metrics)
        alarms.watch_ledger(metrics)
        alarms.watch_sends(metrics)
        alarms.watch_api(api)
        for function in (functions.ingress, functions.consumer, functions.scheduler, functions.dashboard):
            alarms.watch_function(function)
        # A handler that crashes or overruns is an error of `workflow`, and has a dead letter of its own.
        crashes = environment.thresholds.crashed_handlers_in_five_minutes
        alarms.watch_function(functions.workflow, errors_allowed=crashes - 1)
        return alarms

    def _tell(self, name: str, value: str, meaning: str) -> None:
        CfnOutput(self, name, value=value, description=meaning)

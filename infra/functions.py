"""The five functions, with the times that they are given.

A route may take 240 s; the function that runs it 270, the one that waits for that 300, the message's visibility 360:
each outlives what it waits for. The dashboard waits for nobody: 29 s are for its slowest page.
"""

from __future__ import annotations

from aws_cdk import Duration
from constructs import Construct

from infra.constructs.function import WorkerFlowFunction
from infra.constructs.layers import Foundation


class Functions(Construct):
    """`ingress`, `consumer`, `workflow`, `scheduler` and `dashboard`."""

    def __init__(self, scope: Construct, foundation: Foundation) -> None:
        """Make them, without rights: those stand in `infra.grants`."""
        super().__init__(scope, "Functions")
        # API Gateway gives up after 30 s; ingress answers after 28 at the latest.
        self.ingress = WorkerFlowFunction(self, "ingress", foundation, timeout=Duration.seconds(29))
        self.consumer = WorkerFlowFunction(self, "consumer", foundation, timeout=Duration.seconds(300))
        self.workflow = WorkerFlowFunction(self, "workflow", foundation, timeout=Duration.seconds(270))
        # A tick that failed is not repeated by Lambda: the next one comes within the minute.
        self.scheduler = WorkerFlowFunction(
            self, "scheduler", foundation, timeout=Duration.seconds(300), retries_itself=False
        )
        self.dashboard = WorkerFlowFunction(
            self,
            "dashboard",
            foundation,
            timeout=Duration.seconds(29),
            at_once=foundation.environment.pages_at_once,
        )

    @property
    def all(self) -> tuple[WorkerFlowFunction, ...]:
        return (self.ingress, self.consumer, self.workflow, self.scheduler, self.dashboard)

"""Joins the ports of `workflow` to AWS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workerflow.adapters.clients import Clients
from workerflow.adapters.connector_secrets import ConnectorSecrets
from workerflow.adapters.dynamodb.acceptances import DynamoAcceptances
from workerflow.adapters.dynamodb.runs import DynamoRuns
from workerflow.adapters.dynamodb.switches import DynamoSwitches
from workerflow.adapters.s3 import S3Blobs
from workerflow.domain.manifest import Manifest
from workerflow.runtime.clock import SystemClock, SystemIds
from workerflow.runtime.handler_loader import load
from workerflow.runtime.handler_runner import ProcessRunner
from workerflow.runtime.observability import Telemetry
from workerflow.runtime.settings import WorkflowSettings, read_settings
from workerflow.services.enablement import CheckEnablement
from workerflow.services.execute_task import ExecuteTask
from workerflow.services.ledger import Ledger
from workerflow.services.tell_run import TellRun

MANIFEST = Path(__file__).with_name("manifest.json")


@dataclass(frozen=True, slots=True)
class Workflow:
    """What the handler needs."""

    execute: ExecuteTask
    telemetry: Telemetry


@cache
def workflow() -> Workflow:
    """Wire the function, once per process."""

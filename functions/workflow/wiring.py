"""Joins the ports of `workflow` to AWS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workerflow.adapters.clients import Clients
from workerflow.adapters.connector_secrets import ConnectorSecrets
from workerflow.adapters.dynamodb.acceptances import DynamoAcceptances
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.runs import DynamoRuns
from workerflow.adapters.dynamodb.switches import DynamoSwitches
from workerflow.adapters.s3 import S3Blobs
from workerflow.adapters.secrets import SecretTexts
from workerflow.domain.manifest import Manifest
from workerflow.ports.world import Clock, HandlerRunner, Ids
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
    """What the door needs."""

    execute: ExecuteTask
    telemetry: Telemetry


@cache
def workflow() -> Workflow:
    """The function as deployed, wired once per process."""
    settings = read_settings(WorkflowSettings)
    telemetry = Telemetry(settings.service, settings.metrics_namespace)
    clients, clock = Clients(), SystemClock()
    secrets = ConnectorSecrets(SecretTexts(clients.secrets, clock), prefix=settings.secret_prefix)
    runner = ProcessRunner(
        load=load, clock=clock, secrets=secrets, logger=telemetry.logger, tell=telemetry.handler_failed
    )
    manifest = Manifest.from_json(MANIFEST.read_text(encoding="utf-8"))
    return Workflow(wire(settings, clients, manifest, runner, clock, SystemIds()), telemetry)


def wire(
    settings: WorkflowSettings, clients: Clients, manifest: Manifest, runner: HandlerRunner, clock: Clock, ids: Ids
) -> ExecuteTask:
    """The service, on the given world."""
    database = Database(clients.dynamodb())
    runs = DynamoRuns(database, runs=settings.runs, letters=settings.dead_letters)
    acceptances = DynamoAcceptances(database, settings.idempotency_keys)
    switches = DynamoSwitches(database, state=settings.cursor_state)
    blobs = S3Blobs(clients.s3, settings.payload_bucket)
    return ExecuteTask(
        runs=runs,
        blobs=blobs,
        ledger=Ledger(runs=runs, acceptances=acceptances, clock=clock, ids=ids),
        tell_run=TellRun(runs=runs, blobs=blobs, clock=clock),
        enablement=CheckEnablement(manifest=manifest, switches=switches, clock=clock),
        manifest=manifest,
        runner=runner,
        ids=ids,
    )

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
from workerflow.adapters.dynamodb.slots import DynamoSlots
from workerflow.adapters.dynamodb.switches import DynamoSwitches
from workerflow.adapters.dynamodb.tenants import DynamoTenants
from workerflow.adapters.s3 import S3Blobs
from workerflow.adapters.secrets import SecretTexts
from workerflow.adapters.sqs import SqsTaskQueue
from workerflow.domain.manifest import Manifest
from workerflow.ports.world import Clock, Faults, HandlerRunner, Ids
from workerflow.runtime.clock import SystemClock, SystemIds
from workerflow.runtime.handler_loader import load
from workerflow.runtime.handler_runner import ProcessRunner
from workerflow.runtime.observability import Telemetry
from workerflow.runtime.settings import WorkflowSettings, read_settings
from workerflow.services.capped_runs import CappedRuns
from workerflow.services.enablement import CheckEnablement
from workerflow.services.execute_task import ExecuteTask
from workerflow.services.in_flight import InFlight
from workerflow.services.ledger import Ledger
from workerflow.services.places import Places
from workerflow.services.tell_run import TellRun
from workerflow.services.tenants import KnownTenants

MANIFEST = Path(__file__).with_name("manifest.json")


@dataclass(frozen=True, slots=True)
class Workflow:
    """What the door needs, and what the built-in schedules need of the same process."""

    execute: ExecuteTask
    telemetry: Telemetry
    clients: Clients
    manifest: Manifest


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
    return Workflow(
        wire(settings, clients, manifest, runner, clock, SystemIds(), telemetry), telemetry, clients, manifest
    )


def wire(
    settings: WorkflowSettings,
    clients: Clients,
    manifest: Manifest,
    runner: HandlerRunner,
    clock: Clock,
    ids: Ids,
    faults: Faults,
) -> ExecuteTask:
    """The service, on the given world."""
    database = Database(clients.dynamodb())
    runs = DynamoRuns(database, runs=settings.runs, letters=settings.dead_letters)
    acceptances = DynamoAcceptances(database, settings.idempotency_keys)
    switches = DynamoSwitches(database, state=settings.cursor_state)
    blobs = S3Blobs(clients.s3, settings.payload_bucket)
    ledger = Ledger(runs=runs, acceptances=acceptances, clock=clock, ids=ids)
    enablement = CheckEnablement(manifest=manifest, switches=switches, clock=clock)
    tenants = DynamoTenants(database, state=settings.cursor_state)
    places = Places(
        known=KnownTenants(store=tenants, clock=clock, faults=faults),
        slots=DynamoSlots(database, settings.rate_limits),
        clock=clock,
        ids=ids,
    )
    in_flight = InFlight(
        places=places,
        capped=CappedRuns(
            runs=runs,
            enablement=enablement,
            ledger=ledger,
            manifest=manifest,
            places=places,
            queue=lambda: SqsTaskQueue(clients.sqs(), settings.queue_url),
        ),
        faults=faults,
    )
    return ExecuteTask(
        runs=runs,
        blobs=blobs,
        ledger=ledger,
        tell_run=TellRun(runs=runs, blobs=blobs, clock=clock),
        enablement=enablement,
        in_flight=in_flight,
        manifest=manifest,
        runner=runner,
        ids=ids,
    )

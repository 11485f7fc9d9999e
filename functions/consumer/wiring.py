"""Joins the ports of `consumer` to AWS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workerflow.adapters.clients import Clients
from workerflow.adapters.dynamodb.acceptances import DynamoAcceptances
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.runs import DynamoRuns
from workerflow.adapters.lambda_invoke import LambdaInvoker
from workerflow.adapters.s3 import S3Blobs
from workerflow.adapters.sqs import SqsDeliveries
from workerflow.domain.manifest import Manifest
from workerflow.ports.world import Clock, Deliveries, Ids
from workerflow.runtime.clock import SystemClock, SystemIds
from workerflow.runtime.observability import Telemetry
from workerflow.runtime.settings import ConsumerSettings, read_settings
from workerflow.services.deliver_task import DeliverTask
from workerflow.services.ledger import Ledger
from workerflow.services.record_death import RecordDeath
from workerflow.services.tell_run import TellRun

MANIFEST = Path(__file__).with_name("manifest.json")

WAIT_SECONDS = 280
"""For an answer of `workflow`, which ends after 270 s at the latest; this function itself has 300 s."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """What the door needs."""

    deliver: DeliverTask
    deliveries: Deliveries
    telemetry: Telemetry


@cache
def consumer() -> Consumer:
    """The function as deployed, wired once per process."""
    settings = read_settings(ConsumerSettings)
    telemetry = Telemetry(settings.service, settings.metrics_namespace)
    clients = Clients()
    manifest = Manifest.from_json(MANIFEST.read_text(encoding="utf-8"))
    clients.invoker(WAIT_SECONDS)  # created at INIT, which runs at full CPU
    deliver = wire(settings, clients, manifest, SystemClock(), SystemIds())
    return Consumer(deliver, SqsDeliveries(clients.sqs(), settings.queue_url), telemetry)


def wire(settings: ConsumerSettings, clients: Clients, manifest: Manifest, clock: Clock, ids: Ids) -> DeliverTask:
    """The service, on the given world."""
    database = Database(clients.dynamodb())
    runs = DynamoRuns(database, runs=settings.runs, letters=settings.dead_letters)
    acceptances = DynamoAcceptances(database, settings.idempotency_keys)
    record_death = RecordDeath(
        runs=runs,
        ledger=Ledger(runs=runs, acceptances=acceptances, clock=clock, ids=ids),
        tell_run=TellRun(runs=runs, blobs=S3Blobs(clients.s3, settings.payload_bucket), clock=clock),
        manifest=manifest,
        ids=ids,
    )
    return DeliverTask(
        invoker=LambdaInvoker(clients.invoker, settings.workflow_function),
        record_death=record_death,
        ids=ids,
        wait_seconds=WAIT_SECONDS,
    )

"""Joins the ports of `ingress` to AWS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from functions.ingress.authentication import Authenticate
from functions.ingress.door import Door
from workerflow.adapters.clients import Clients
from workerflow.adapters.dynamodb.acceptances import DynamoAcceptances
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.runs import DynamoRuns
from workerflow.adapters.dynamodb.switches import DynamoSwitches
from workerflow.adapters.dynamodb.tenants import DynamoTenants
from workerflow.adapters.lambda_invoke import LambdaInvoker, wait_class
from workerflow.adapters.s3 import S3Blobs
from workerflow.adapters.schema import JsonSchemas
from workerflow.adapters.secrets import SecretTexts, TenantCredentials
from workerflow.adapters.sqs import SqsTaskQueue
from workerflow.domain.failure_limit import FailureLimit
from workerflow.domain.manifest import Manifest
from workerflow.ports.world import Clock, Ids
from workerflow.runtime.clock import SystemClock, SystemIds
from workerflow.runtime.observability import Telemetry
from workerflow.runtime.settings import IngressSettings, read_settings
from workerflow.services.accept_task import AcceptTask, Retention
from workerflow.services.answer_sync import AnswerSync
from workerflow.services.enablement import CheckEnablement
from workerflow.services.ledger import Ledger
from workerflow.services.read_run import ReadRun
from workerflow.services.record_death import RecordDeath
from workerflow.services.tell_run import TellRun
from workerflow.services.tenants import KnownTenants

if TYPE_CHECKING:
    from functions.ingress.rate import RequireRate
    from workerflow.services.record_refusal import RecordRefusal

MANIFEST = Path(__file__).with_name("manifest.json")
LONGEST_WAIT_S = 27.0
"""Callers are answered after 28 s; the last second is for the hand-over."""


@dataclass(frozen=True, slots=True)
class Ingress:
    """What the handler needs. What keeps refused calls is made when the first call is refused."""

    door: Door
    record_refusal: Callable[[], RecordRefusal]
    telemetry: Telemetry


@dataclass(frozen=True, slots=True)
class Foundation:
    """What everything else stands on."""

    settings: IngressSettings
    manifest: Manifest
    clients: Clients
    telemetry: Telemetry
    clock: Clock
    ids: Ids


@cache
def ingress() -> Ingress:
    """Wire the function, once per process."""
    settings = read_settings(IngressSettings)
    foundation = Foundation(
        settings=settings,
        manifest=Manifest.from_json(MANIFEST.read_text()),
        clients=Clients(),
        telemetry=Telemetry(settings.service, settings.metrics_namespace),
        clock=SystemClock(),
        ids=SystemIds(),
    )
    return wire(foundation)


def wire(on: Foundation) -> Ingress:
    """Join everything. Creates the clients that calls need; object storage waits for the first large payload."""
    on.clients.secrets()
    if any(route.mode == "sync" for route in on.manifest.routes.values()):
        on.clients.invoker(wait_class(LONGEST_WAIT_S))
    database = Database(on.clients.dynamodb())
    acceptances = DynamoAcceptances(database, on.settings.idempotency_keys)
    runs = DynamoRuns(database, runs=on.settings.runs, letters=on.settings.dead_letters)
    blobs = S3Blobs(on.clients.s3, on.settings.payload_bucket)
    queue = SqsTaskQueue(on.clients.sqs(), on.settings.queue_url)
    tell_run = TellRun(runs=runs, blobs=blobs, clock=on.clock)
    ledger = Ledger(runs=runs, acceptances=acceptances, clock=on.clock, ids=on.ids)
    door = Door(
        tenants=_tenants(on, database),
        authenticate=_authenticate(on),
        manifest=on.manifest,
        require_rate=cache(partial(_require_rate, on, database)),
        enablement=CheckEnablement(
            manifest=on.manifest, switches=DynamoSwitches(database, state=on.settings.cursor_state), clock=on.clock
        ),
        schemas=_schemas(on.manifest),
        accept=AcceptTask(
            acceptances=acceptances,
            blobs=blobs,
            queue=queue,
            clock=on.clock,
            ids=on.ids,
            signals=on.telemetry,
            retention=_retention(on.settings),
        ),
        answer_sync=AnswerSync(
            invoker=LambdaInvoker(on.clients.invoker, on.settings.workflow_function),
            queue=queue,
            ledger=ledger,
            record_death=RecordDeath(runs=runs, ledger=ledger, tell_run=tell_run, manifest=on.manifest, ids=on.ids),
            tell_run=tell_run,
            ids=on.ids,
        ),
        read_run=ReadRun(acceptances=acceptances, runs=runs, tell_run=tell_run, clock=on.clock),
        ids=on.ids,
        environment=on.settings.environment,
    )
    return Ingress(door, cache(partial(_record_refusal, on)), on.telemetry)


def _tenants(on: Foundation, database: Database) -> KnownTenants:
    store = DynamoTenants(database, state=on.settings.cursor_state)
    return KnownTenants(store=store, clock=on.clock, faults=on.telemetry)


# What follows is imported and made when it is needed for the first time: most containers never do.


def _require_rate(on: Foundation, database: Database) -> RequireRate:
    from functions.ingress.rate import RequireRate  # noqa: PLC0415
    from workerflow.adapters.dynamodb.rate_limits import DynamoRateLimits  # noqa: PLC0415
    from workerflow.services.limit_rate import LimitRate  # noqa: PLC0415

    buckets = DynamoRateLimits(database, on.settings.rate_limits, on.ids)
    return RequireRate(LimitRate(buckets=buckets, clock=on.clock))


def _record_refusal(on: Foundation) -> RecordRefusal:
    from workerflow.adapters.dynamodb.refused_calls import DynamoRefusedCalls  # noqa: PLC0415
    from workerflow.services.record_refusal import RecordRefusal  # noqa: PLC0415

    calls = DynamoRefusedCalls(Database(on.clients.dynamodb_hurried()), on.settings.refused_calls)
    return RecordRefusal(calls=calls, clock=on.clock, ids=on.ids, faults=on.telemetry)


def _authenticate(on: Foundation) -> Authenticate:
    texts = SecretTexts(on.clients.secrets, on.clock)
    return Authenticate(
        store=TenantCredentials(texts, prefix=on.settings.secret_prefix, faults=on.telemetry),
        limit=FailureLimit(),
        clock=on.clock,
    )


def _schemas(manifest: Manifest) -> JsonSchemas:
    schemas = JsonSchemas()
    if any(route.schema is not None for route in manifest.routes.values()):
        schemas.load()
    return schemas


def _retention(settings: IngressSettings) -> Retention:
    return Retention.of(retention_days=settings.retention_days, deadline_hours=settings.deadline_hours)

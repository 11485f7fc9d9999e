"""The ports of `dashboard` on AWS, one adapter each, made when something asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from workerflow.adapters.clients import Clients
from workerflow.adapters.dynamodb.database import Database
from workerflow.domain.manifest import Manifest
from workerflow.ports.world import Clock, Ids
from workerflow.runtime.observability import Telemetry
from workerflow.runtime.settings import DashboardSettings

if TYPE_CHECKING:
    from workerflow.adapters.dynamodb.acceptances import DynamoAcceptances
    from workerflow.adapters.dynamodb.bulk import DynamoBulk
    from workerflow.adapters.dynamodb.operations import DynamoOperations
    from workerflow.adapters.dynamodb.replays import DynamoReplays
    from workerflow.adapters.dynamodb.rollups import DynamoRollups
    from workerflow.adapters.dynamodb.runs import DynamoRuns
    from workerflow.adapters.dynamodb.schedules import DynamoSchedules
    from workerflow.adapters.dynamodb.switches import DynamoSwitches
    from workerflow.adapters.s3 import S3Blobs
    from workerflow.adapters.sqs import SqsTaskQueue
    from workerflow.services.accept_task import Retention
    from workerflow.services.enablement import CheckEnablement
    from workerflow.services.ledger import Ledger
    from workerflow.services.tell_run import TellRun
    from workerflow.services.tenants import KnownTenants


@dataclass(frozen=True, slots=True)
class Foundation:
    """What everything else stands on."""

    settings: DashboardSettings
    manifest: Manifest
    clients: Clients
    telemetry: Telemetry
    clock: Clock
    ids: Ids


class Stores:
    """Adapters, and the services that others are made of."""

    def __init__(self, on: Foundation) -> None:
        self.settings, self.manifest, self.clients = on.settings, on.manifest, on.clients
        self.telemetry, self.clock, self.ids = on.telemetry, on.clock, on.ids
        self.environment = on.settings.environment
        self.is_local = on.settings.environment == "local"
        self.api_url = on.settings.api_url
        self.region, self.endpoint_url = on.settings.region, on.settings.endpoint_url
        self.database = Database(on.clients.dynamodb())

    @cached_property
    def acceptances(self) -> DynamoAcceptances:
        from workerflow.adapters.dynamodb.acceptances import DynamoAcceptances  # noqa: PLC0415

        return DynamoAcceptances(self.database, self.settings.idempotency_keys)

    @cached_property
    def runs(self) -> DynamoRuns:
        from workerflow.adapters.dynamodb.runs import DynamoRuns  # noqa: PLC0415

        return DynamoRuns(
            self.database,
            runs=self.settings.runs,
            letters=self.settings.dead_letters,
            audit=self.settings.audit_events,
            operations=self.settings.operations,
        )

    @cached_property
    def replays(self) -> DynamoReplays:
        from workerflow.adapters.dynamodb.replays import DynamoReplays  # noqa: PLC0415

        return DynamoReplays(
            self.database,
            letters=self.settings.dead_letters,
            lineage=self.settings.replay_lineage,
            acceptances=self.settings.idempotency_keys,
            audit=self.settings.audit_events,
            operations=self.settings.operations,
        )

    @cached_property
    def schedules(self) -> DynamoSchedules:
        from workerflow.adapters.dynamodb.schedules import DynamoSchedules  # noqa: PLC0415

        return DynamoSchedules(
            self.database,
            state=self.settings.cursor_state,
            acceptances=self.settings.idempotency_keys,
            runs=self.settings.runs,
            audit=self.settings.audit_events,
            operations=self.settings.operations,
        )

    @cached_property
    def switches(self) -> DynamoSwitches:
        from workerflow.adapters.dynamodb.switches import DynamoSwitches  # noqa: PLC0415

        return DynamoSwitches(
            self.database,
            state=self.settings.cursor_state,
            audit=self.settings.audit_events,
            operations=self.settings.operations,
        )

    @cached_property
    def rollups(self) -> DynamoRollups:
        from workerflow.adapters.dynamodb.rollups import DynamoRollups  # noqa: PLC0415

        return DynamoRollups(self.database, self.settings.rollups)

    @cached_property
    def operations(self) -> DynamoOperations:
        from workerflow.adapters.dynamodb.operations import DynamoOperations  # noqa: PLC0415

        return DynamoOperations(self.database, operations=self.settings.operations, audit=self.settings.audit_events)

    @cached_property
    def bulk(self) -> DynamoBulk:
        from workerflow.adapters.dynamodb.bulk import DynamoBulk  # noqa: PLC0415

        return DynamoBulk(self.database, operations=self.settings.operations, audit=self.settings.audit_events)

    @cached_property
    def blobs(self) -> S3Blobs:
        from workerflow.adapters.s3 import S3Blobs  # noqa: PLC0415

        return S3Blobs(self.clients.s3, self.settings.payload_bucket)

    @cached_property
    def queue(self) -> SqsTaskQueue:
        from workerflow.adapters.sqs import SqsTaskQueue  # noqa: PLC0415

        return SqsTaskQueue(self.clients.sqs(), self.settings.queue_url)

    @cached_property
    def tenants(self) -> KnownTenants:
        from workerflow.adapters.dynamodb.tenants import DynamoTenants  # noqa: PLC0415
        from workerflow.services.tenants import KnownTenants  # noqa: PLC0415

        store = DynamoTenants(self.database, state=self.settings.cursor_state)
        return KnownTenants(store=store, clock=self.clock, faults=self.telemetry)

    @cached_property
    def enablement(self) -> CheckEnablement:
        from workerflow.services.enablement import CheckEnablement  # noqa: PLC0415

        return CheckEnablement(manifest=self.manifest, switches=self.switches, clock=self.clock)

    @cached_property
    def ledger(self) -> Ledger:
        from workerflow.services.ledger import Ledger  # noqa: PLC0415

        return Ledger(runs=self.runs, acceptances=self.acceptances, clock=self.clock, ids=self.ids)

    @cached_property
    def tell_run(self) -> TellRun:
        from workerflow.services.tell_run import TellRun  # noqa: PLC0415

        return TellRun(runs=self.runs, blobs=self.blobs, clock=self.clock)

    @cached_property
    def retention(self) -> Retention:
        from workerflow.services.accept_task import Retention  # noqa: PLC0415

        return Retention.of(retention_days=self.settings.retention_days, deadline_hours=self.settings.deadline_hours)

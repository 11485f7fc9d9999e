"""Joins the ports of the built-in schedules to AWS: when the first of them runs, and once per process.

They run in the process of `workflow` and share its clients, so a task of anybody else pays nothing for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

from functions.workflow.wiring import workflow
from workerflow.adapters.clients import Clients
from workerflow.adapters.dynamodb.acceptances import DynamoAcceptances
from workerflow.adapters.dynamodb.cleanup import DynamoCleanup
from workerflow.adapters.dynamodb.cursors import DynamoCursors
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.replays import DynamoReplays
from workerflow.adapters.dynamodb.rollups import DynamoRollups
from workerflow.adapters.dynamodb.runs import DynamoRuns
from workerflow.adapters.dynamodb.schedules import DynamoSchedules
from workerflow.adapters.dynamodb.switches import DynamoSwitches
from workerflow.adapters.dynamodb.tenants import DynamoTenants
from workerflow.adapters.s3 import S3Blobs
from workerflow.adapters.schema import JsonSchemas
from workerflow.adapters.sqs import SqsTaskQueue
from workerflow.domain.manifest import Manifest
from workerflow.handlers import Context
from workerflow.ports.world import Clock, Ids, Signals
from workerflow.runtime.clock import SystemClock, SystemIds
from workerflow.runtime.settings import BuiltInSettings, read_settings
from workerflow.services.accept_task import Retention
from workerflow.services.beat import Beat
from workerflow.services.clean_up import CleanUp
from workerflow.services.enablement import CheckEnablement
from workerflow.services.replay_task import ReplayTask
from workerflow.services.retry_letters import RetryLetters, RetryRules
from workerflow.services.roll_up import RollUp
from workerflow.services.snapshot_config import SnapshotConfig
from workerflow.services.tenants import KnownTenants
from workerflow.services.write_digest import WriteDigest

RESERVE_MS = 20_000
"""Kept back from an attempt's time: for the step that is going on when the time for new ones is over."""


@dataclass(frozen=True, slots=True)
class BuiltIns:
    """What the built-in schedules do, one service each."""

    beat: Beat
    roll_up: RollUp
    retry_letters: RetryLetters
    write_digest: WriteDigest
    clean_up: CleanUp
    snapshot_config: SnapshotConfig


@cache
def built_ins() -> BuiltIns:
    """The services as deployed."""
    own, settings = workflow(), read_settings(BuiltInSettings)
    return wire(settings, own.clients, own.manifest, SystemClock(), SystemIds(), own.telemetry)


def stop_at(context: Context) -> int:
    """When an attempt begins with nothing more, epoch milliseconds."""
    return context.deadline_ms - RESERVE_MS


def wire(
    settings: BuiltInSettings, clients: Clients, manifest: Manifest, clock: Clock, ids: Ids, signals: Signals
) -> BuiltIns:
    """The services, on the given world."""
    return _World(settings, clients, manifest, clock, ids, signals).built_ins()


@dataclass(frozen=True)
class _World:
    """What the services share, each made once."""

    settings: BuiltInSettings
    clients: Clients
    manifest: Manifest
    clock: Clock
    ids: Ids
    signals: Signals

    # Stores.

    @cached_property
    def database(self) -> Database:
        return Database(self.clients.dynamodb())

    @cached_property
    def acceptances(self) -> DynamoAcceptances:
        return DynamoAcceptances(self.database, self.settings.idempotency_keys)

    @cached_property
    def runs(self) -> DynamoRuns:
        return DynamoRuns(self.database, runs=self.settings.runs, letters=self.settings.dead_letters)

    @cached_property
    def replays(self) -> DynamoReplays:
        return DynamoReplays(
            self.database,
            letters=self.settings.dead_letters,
            lineage=self.settings.replay_lineage,
            acceptances=self.settings.idempotency_keys,
            audit=self.settings.audit_events,
        )

    @cached_property
    def rollups(self) -> DynamoRollups:
        return DynamoRollups(self.database, self.settings.rollups)

    @cached_property
    def schedules(self) -> DynamoSchedules:
        return DynamoSchedules(self.database, state=self.settings.cursor_state)

    @cached_property
    def switches(self) -> DynamoSwitches:
        return DynamoSwitches(self.database, state=self.settings.cursor_state, audit=self.settings.audit_events)

    @cached_property
    def objects(self) -> S3Blobs:
        return S3Blobs(self.clients.s3, self.settings.payload_bucket)

    @cached_property
    def tenants(self) -> KnownTenants:
        store = DynamoTenants(self.database, state=self.settings.cursor_state)
        return KnownTenants(store=store, clock=self.clock, faults=self.signals)

    # Rules.

    @cached_property
    def retention(self) -> Retention:
        settings = self.settings
        return Retention.of(retention_days=settings.retention_days, deadline_hours=settings.deadline_hours)

    @property
    def retry_rules(self) -> RetryRules:
        settings = self.settings
        return RetryRules(
            classes=frozenset(settings.retry_classes),
            min_age_seconds=settings.retry_min_age_minutes * 60,
            max_age_seconds=settings.retry_max_age_hours * 3600,
            per_run=settings.retry_per_run,
            generations=settings.retry_generations,
        )

    # Services.

    def built_ins(self) -> BuiltIns:
        return BuiltIns(
            beat=Beat(clock=self.clock, signals=self.signals),
            roll_up=RollUp(acceptances=self.acceptances, runs=self.runs, rollups=self.rollups, clock=self.clock),
            retry_letters=self._retry_letters(),
            write_digest=WriteDigest(
                rollups=self.rollups, replays=self.replays, schedules=self.schedules, clock=self.clock
            ),
            clean_up=self._clean_up(),
            snapshot_config=SnapshotConfig(
                manifest=self.manifest,
                switches=self.switches,
                schedules=self.schedules,
                tenants=self.tenants,
                objects=self.objects,
            ),
        )

    def _retry_letters(self) -> RetryLetters:
        return RetryLetters(
            replays=self.replays,
            cursors=DynamoCursors(self.database, self.settings.cursor_state, "retry"),
            replay=self._replay(),
            rules=self.retry_rules,
            clock=self.clock,
            ids=self.ids,
            faults=self.signals,
        )

    def _replay(self) -> ReplayTask:
        return ReplayTask(
            acceptances=self.acceptances,
            runs=self.runs,
            replays=self.replays,
            blobs=self.objects,
            queue=SqsTaskQueue(self.clients.sqs(), self.settings.queue_url),
            enablement=CheckEnablement(manifest=self.manifest, switches=self.switches, clock=self.clock),
            manifest=self.manifest,
            tenants=self.tenants,
            schemas=JsonSchemas(),
            clock=self.clock,
            ids=self.ids,
            signals=self.signals,
            retention=self.retention,
        )

    def _clean_up(self) -> CleanUp:
        return CleanUp(
            objects=self.objects,
            acceptances=self.acceptances,
            runs=self.runs,
            replays=self.replays,
            switches=self.switches,
            schedules=self.schedules,
            marks=DynamoCleanup(self.database, self.settings.cursor_state),
            manifest=self.manifest,
            clock=self.clock,
            ids=self.ids,
            retention_seconds=self.retention.retention_seconds,
        )

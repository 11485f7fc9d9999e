"""Joins the ports of the built-in schedules to AWS: when the first of them runs, and once per process.

They run in the process of `workflow` and share its clients, so a task of anybody else pays nothing for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

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
    database = Database(clients.dynamodb())
    acceptances = DynamoAcceptances(database, settings.idempotency_keys)
    runs = DynamoRuns(database, runs=settings.runs, letters=settings.dead_letters)
    rollups = DynamoRollups(database, settings.rollups)
    schedules = DynamoSchedules(database, state=settings.cursor_state)
    switches = DynamoSwitches(database, state=settings.cursor_state, audit=settings.audit_events)
    objects = S3Blobs(clients.s3, settings.payload_bucket)
    retention = Retention.of(retention_days=settings.retention_days, deadline_hours=settings.deadline_hours)
    replays = _replays(settings, database)
    tenants = _tenants(settings, database, clock, signals)
    replay = ReplayTask(
        acceptances=acceptances,
        runs=runs,
        replays=replays,
        blobs=objects,
        queue=SqsTaskQueue(clients.sqs(), settings.queue_url),
        enablement=CheckEnablement(manifest=manifest, switches=switches, clock=clock),
        manifest=manifest,
        tenants=tenants,
        schemas=JsonSchemas(),
        clock=clock,
        ids=ids,
        signals=signals,
        retention=retention,
    )
    return BuiltIns(
        beat=Beat(clock=clock, signals=signals),
        roll_up=RollUp(acceptances=acceptances, runs=runs, rollups=rollups, clock=clock),
        retry_letters=RetryLetters(
            replays=replays,
            cursors=DynamoCursors(database, settings.cursor_state, "retry"),
            replay=replay,
            rules=_rules(settings),
            clock=clock,
            ids=ids,
            faults=signals,
        ),
        write_digest=WriteDigest(rollups=rollups, replays=replays, schedules=schedules, clock=clock),
        clean_up=CleanUp(
            objects=objects,
            acceptances=acceptances,
            runs=runs,
            replays=replays,
            switches=switches,
            schedules=schedules,
            marks=DynamoCleanup(database, settings.cursor_state),
            manifest=manifest,
            clock=clock,
            ids=ids,
            retention_seconds=retention.retention_seconds,
        ),
        snapshot_config=SnapshotConfig(
            manifest=manifest,
            switches=switches,
            schedules=schedules,
            tenants=tenants,
            objects=objects,
        ),
    )


def _replays(settings: BuiltInSettings, database: Database) -> DynamoReplays:
    return DynamoReplays(
        database,
        letters=settings.dead_letters,
        lineage=settings.replay_lineage,
        acceptances=settings.idempotency_keys,
        audit=settings.audit_events,
    )


def _tenants(settings: BuiltInSettings, database: Database, clock: Clock, signals: Signals) -> KnownTenants:
    store = DynamoTenants(database, state=settings.cursor_state)
    return KnownTenants(store=store, clock=clock, faults=signals)


def _rules(settings: BuiltInSettings) -> RetryRules:
    return RetryRules(
        classes=frozenset(settings.retry_classes),
        min_age_seconds=settings.retry_min_age_minutes * 60,
        max_age_seconds=settings.retry_max_age_hours * 3600,
        per_run=settings.retry_per_run,
        generations=settings.retry_generations,
    )

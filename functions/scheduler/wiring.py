"""Joins the ports of `scheduler` to AWS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workerflow.adapters.clients import Clients
from workerflow.adapters.dynamodb.acceptances import DynamoAcceptances
from workerflow.adapters.dynamodb.audit import DynamoAuditLog
from workerflow.adapters.dynamodb.cursors import DynamoCursors
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.replays import DynamoReplays
from workerflow.adapters.dynamodb.runs import DynamoRuns
from workerflow.adapters.dynamodb.switches import DynamoSwitches
from workerflow.adapters.sqs import SqsDeadMessages, SqsTaskQueue
from workerflow.domain.manifest import Manifest
from workerflow.ports.world import Clock, Faults, Ids, Signals
from workerflow.runtime.clock import SystemClock, SystemIds
from workerflow.runtime.observability import Telemetry
from workerflow.runtime.settings import SchedulerSettings, read_settings
from workerflow.services.drain_dead_messages import DrainDeadMessages
from workerflow.services.enablement import CheckEnablement
from workerflow.services.ledger import Ledger
from workerflow.services.release_due import ReleaseDue
from workerflow.services.resend import Resender
from workerflow.services.sweep import Sweep
from workerflow.services.tick import Tick

MANIFEST = Path(__file__).with_name("manifest.json")


@dataclass(frozen=True, slots=True)
class Scheduler:
    """What the door needs."""

    tick: Tick
    telemetry: Telemetry


@cache
def scheduler() -> Scheduler:
    """The function as deployed, wired once per process."""
    settings = read_settings(SchedulerSettings)
    telemetry = Telemetry(settings.service, settings.metrics_namespace)
    manifest = Manifest.from_json(MANIFEST.read_text(encoding="utf-8"))
    tick = wire(settings, Clients(), manifest, SystemClock(), SystemIds(), telemetry, telemetry)
    return Scheduler(tick, telemetry)


def wire(
    settings: SchedulerSettings,
    clients: Clients,
    manifest: Manifest,
    clock: Clock,
    ids: Ids,
    signals: Signals,
    faults: Faults,
) -> Tick:
    """The service, on the given world."""
    database, sqs = Database(clients.dynamodb()), clients.sqs()
    runs = DynamoRuns(database, runs=settings.runs, letters=settings.dead_letters)
    acceptances = DynamoAcceptances(database, settings.idempotency_keys)
    switches = DynamoSwitches(database, state=settings.cursor_state)
    ledger = Ledger(runs=runs, acceptances=acceptances, clock=clock, ids=ids)
    resender = Resender(SqsTaskQueue(sqs, settings.queue_url), signals)
    return Tick(
        drain=DrainDeadMessages(
            messages=SqsDeadMessages(sqs, settings.dead_letter_queue_url),
            runs=runs,
            ledger=ledger,
            manifest=manifest,
            audit=DynamoAuditLog(database, settings.audit_events),
            clock=clock,
            ids=ids,
            signals=signals,
        ),
        release_due=ReleaseDue(
            runs=runs,
            switches=switches,
            enablement=CheckEnablement(manifest=manifest, switches=switches, clock=clock),
            ledger=ledger,
            manifest=manifest,
            resender=resender,
            clock=clock,
            signals=signals,
        ),
        sweep=Sweep(
            acceptances=acceptances,
            runs=runs,
            cursors=DynamoCursors(database, settings.cursor_state),
            ledger=ledger,
            manifest=manifest,
            resender=resender,
            clock=clock,
            ids=ids,
            signals=signals,
        ),
        replays=DynamoReplays(
            database,
            letters=settings.dead_letters,
            lineage=settings.replay_lineage,
            acceptances=settings.idempotency_keys,
            audit=settings.audit_events,
        ),
        clock=clock,
        signals=signals,
        faults=faults,
    )

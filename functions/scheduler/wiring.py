"""Joins the ports of `scheduler` to AWS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from workerflow.adapters.clients import Clients
from workerflow.adapters.dynamodb.acceptances import DynamoAcceptances
from workerflow.adapters.dynamodb.audit import DynamoAuditLog
from workerflow.adapters.dynamodb.bulk import DynamoBulk
from workerflow.adapters.dynamodb.cursors import DynamoCursors
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.error_groups import DynamoErrorGroups
from workerflow.adapters.dynamodb.replays import DynamoReplays
from workerflow.adapters.dynamodb.runs import DynamoRuns
from workerflow.adapters.dynamodb.schedules import DynamoSchedules
from workerflow.adapters.dynamodb.slots import DynamoSlots
from workerflow.adapters.dynamodb.switches import DynamoSwitches
from workerflow.adapters.dynamodb.tenants import DynamoTenants
from workerflow.adapters.sqs import SqsDeadMessages, SqsTaskQueue
from workerflow.domain.bulk import BulkJob
from workerflow.domain.manifest import Manifest
from workerflow.ports.world import Clock, Faults, Ids, Signals
from workerflow.runtime.clock import SystemClock, SystemIds
from workerflow.runtime.observability import Telemetry
from workerflow.runtime.settings import SchedulerSettings, read_settings
from workerflow.services.accept_task import Retention, TakeTask
from workerflow.services.capped_runs import CappedRuns
from workerflow.services.drain_dead_messages import DrainDeadMessages
from workerflow.services.enablement import CheckEnablement
from workerflow.services.find_scheduled_fire import FindScheduledFire
from workerflow.services.fire_schedule import FireSchedule
from workerflow.services.fire_schedules import FireSchedules
from workerflow.services.group_errors import GroupErrors
from workerflow.services.ledger import Ledger
from workerflow.services.places import Places
from workerflow.services.reconcile_schedules import ReconcileSchedules
from workerflow.services.release_due import ReleaseDue
from workerflow.services.resend import Resender
from workerflow.services.sweep import Sweep
from workerflow.services.tenants import KnownTenants
from workerflow.services.tick import Tick
from workerflow.services.tick_schedules import TickSchedules
from workerflow.services.work_bulk import WorkBulk

if TYPE_CHECKING:
    from workerflow.services.act_on_letter import ActOnLetter

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
    return _Parts(settings, clients, manifest, clock, ids, signals, faults).tick()


class _Parts:
    """The tick's parts, and what they stand on together."""

    def __init__(
        self,
        settings: SchedulerSettings,
        clients: Clients,
        manifest: Manifest,
        clock: Clock,
        ids: Ids,
        signals: Signals,
        faults: Faults,
    ) -> None:
        self.settings, self.manifest = settings, manifest
        self.clock, self.ids, self.signals, self.faults = clock, ids, signals, faults
        self.sqs, self.database = clients.sqs(), Database(clients.dynamodb())
        self.runs = DynamoRuns(self.database, runs=settings.runs, letters=settings.dead_letters)
        self.acceptances = DynamoAcceptances(self.database, settings.idempotency_keys)
        self.switches = DynamoSwitches(self.database, state=settings.cursor_state)
        self.enablement = CheckEnablement(manifest=manifest, switches=self.switches, clock=clock)
        self.ledger = Ledger(runs=self.runs, acceptances=self.acceptances, clock=clock, ids=ids)
        self.queue = SqsTaskQueue(self.sqs, settings.queue_url)
        self.resender = Resender(self.queue, signals)
        self.known_tenants = KnownTenants(
            store=DynamoTenants(self.database, state=settings.cursor_state), clock=clock, faults=faults
        )
        self.schedules = DynamoSchedules(
            self.database, state=settings.cursor_state, acceptances=settings.idempotency_keys, runs=settings.runs
        )
        self.clients = clients
        self.replays = self._replays()

    def tick(self) -> Tick:
        return Tick(
            tenants=self.known_tenants,
            fire_schedules=self._fire_schedules(),
            drain=self._drain(),
            release_due=self._release_due(),
            sweep=self._sweep(),
            work_bulk=self._work_bulk(),
            group_errors=self._group_errors(),
            replays=self.replays,
            clock=self.clock,
            signals=self.signals,
            faults=self.faults,
        )

    def _fire_schedules(self) -> TickSchedules:
        reconcile = ReconcileSchedules(
            schedules=self.schedules,
            find_fire=FindScheduledFire(acceptances=self.acceptances, runs=self.runs, signals=self.signals),
            manifest=self.manifest,
            clock=self.clock,
            ids=self.ids,
            signals=self.signals,
        )
        return TickSchedules(
            schedules=self.schedules,
            reconcile=reconcile,
            fire=self._fire_due(),
            clock=self.clock,
            ids=self.ids,
            signals=self.signals,
        )

    def _fire_due(self) -> FireSchedules:
        return FireSchedules(
            schedules=self.schedules,
            fire=FireSchedule(
                schedules=self.schedules,
                acceptances=self.acceptances,
                runs=self.runs,
                take=TakeTask(
                    acceptances=self.acceptances, clock=self.clock, ids=self.ids, retention=_retention(self.settings)
                ),
                clock=self.clock,
                ids=self.ids,
                signals=self.signals,
            ),
            enablement=self.enablement,
            manifest=self.manifest,
            resender=self.resender,
            clock=self.clock,
            signals=self.signals,
            faults=self.faults,
        )

    def _drain(self) -> DrainDeadMessages:
        return DrainDeadMessages(
            messages=SqsDeadMessages(self.sqs, self.settings.dead_letter_queue_url),
            runs=self.runs,
            ledger=self.ledger,
            manifest=self.manifest,
            audit=DynamoAuditLog(self.database, self.settings.audit_events),
            clock=self.clock,
            ids=self.ids,
            signals=self.signals,
        )

    def _release_due(self) -> ReleaseDue:
        return ReleaseDue(
            runs=self.runs,
            switches=self.switches,
            enablement=self.enablement,
            ledger=self.ledger,
            capped=CappedRuns(
                runs=self.runs,
                enablement=self.enablement,
                ledger=self.ledger,
                manifest=self.manifest,
                places=Places(
                    known=self.known_tenants,
                    slots=DynamoSlots(self.database, self.settings.rate_limits),
                    clock=self.clock,
                    ids=self.ids,
                ),
                queue=lambda: self.queue,
            ),
            manifest=self.manifest,
            resender=self.resender,
            clock=self.clock,
            signals=self.signals,
        )

    def _sweep(self) -> Sweep:
        return Sweep(
            acceptances=self.acceptances,
            runs=self.runs,
            cursors=DynamoCursors(self.database, self.settings.cursor_state),
            ledger=self.ledger,
            manifest=self.manifest,
            resender=self.resender,
            clock=self.clock,
            ids=self.ids,
            signals=self.signals,
        )

    def _work_bulk(self) -> WorkBulk:
        made = cache(self._act_on_letter)

        def act(job: BulkJob, trace_id: str) -> str | None:
            return made()(job, trace_id)

        return WorkBulk(
            jobs=DynamoBulk(self.database, operations=self.settings.operations, audit=self.settings.audit_events),
            replays=self.replays,
            act=act,
            clock=self.clock,
            ids=self.ids,
            signals=self.signals,
        )

    def _act_on_letter(self) -> ActOnLetter:
        """Imported and made when a bulk job is at work for the first time: most containers never see one."""
        from workerflow.adapters.s3 import S3Blobs  # noqa: PLC0415
        from workerflow.adapters.schema import JsonSchemas  # noqa: PLC0415
        from workerflow.services.act_on_letter import ActOnLetter  # noqa: PLC0415
        from workerflow.services.replay_task import ReplayTask  # noqa: PLC0415
        from workerflow.services.resolve_letter import ResolveLetter  # noqa: PLC0415

        replay = ReplayTask(
            acceptances=self.acceptances,
            runs=self.runs,
            replays=self.replays,
            blobs=S3Blobs(self.clients.s3, self.settings.payload_bucket),
            queue=self.queue,
            enablement=self.enablement,
            manifest=self.manifest,
            tenants=self.known_tenants,
            schemas=JsonSchemas(),
            clock=self.clock,
            ids=self.ids,
            signals=self.signals,
            retention=_retention(self.settings),
        )
        resolve = ResolveLetter(replays=self.replays, clock=self.clock, ids=self.ids)
        return ActOnLetter(replay=replay, resolve=resolve)

    def _group_errors(self) -> GroupErrors:
        groups = DynamoErrorGroups(self.database, rollups=self.settings.rollups, state=self.settings.cursor_state)
        return GroupErrors(groups=groups, replays=self.replays, clock=self.clock, ids=self.ids, signals=self.signals)

    def _replays(self) -> DynamoReplays:
        return DynamoReplays(
            self.database,
            letters=self.settings.dead_letters,
            lineage=self.settings.replay_lineage,
            acceptances=self.settings.idempotency_keys,
            audit=self.settings.audit_events,
        )


def _retention(settings: SchedulerSettings) -> Retention:
    return Retention.of(retention_days=settings.retention_days, deadline_hours=settings.deadline_hours)

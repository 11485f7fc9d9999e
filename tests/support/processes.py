"""The functions as their wiring joins them, each a process that may die and is then started anew, with cold caches."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from typing import Any, cast

from functions.consumer import wiring as consumer_wiring
from functions.ingress import wiring as ingress_wiring
from functions.scheduler import wiring as scheduler_wiring
from functions.workflow import wiring as workflow_wiring
from functions.workflow.builtin import _wiring as built_in_wiring
from functions.workflow.builtin._wiring import BuiltIns
from tests.fakes.access import FakeAccessKeys
from tests.fakes.surroundings import FakeIds
from tests.support.access import KEYS
from tests.support.aws import BUCKET, WORKFLOW_FUNCTION, AwsWorld, physical
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.rate_limits import DynamoRateLimits
from workerflow.adapters.schema import JsonSchemas
from workerflow.domain.manifest import Manifest
from workerflow.domain.run import LetterClass
from workerflow.ports.world import Clock, HandlerRunner, Ids
from workerflow.runtime.observability import Telemetry
from workerflow.runtime.settings import (
    BuiltInSettings,
    ConsumerSettings,
    IngressSettings,
    SchedulerSettings,
    WorkflowSettings,
)
from workerflow.services.accept_task import Retention, TakeTask
from workerflow.services.authenticate import Authenticate
from workerflow.services.bulk_jobs import AbortBulk, CountBulk, ReadBulkJobs, StartBulk
from workerflow.services.cancel_run import CancelRun
from workerflow.services.count_tasks import CountTasks
from workerflow.services.enablement import CheckEnablement
from workerflow.services.execute_task import ExecuteTask
from workerflow.services.find_oldest_queued import FindOldestQueued
from workerflow.services.find_run import FindRun
from workerflow.services.issue_token import IssueToken
from workerflow.services.ledger import Ledger
from workerflow.services.list_audit import ListAudit
from workerflow.services.list_error_groups import ListErrorGroups
from workerflow.services.list_letters import ListLetters
from workerflow.services.list_tasks import ListTasks
from workerflow.services.once import CarryOutOnce
from workerflow.services.publish_tenants import PublishTenants
from workerflow.services.read_configuration import ReadConfiguration
from workerflow.services.read_lineage import ReadLineage
from workerflow.services.read_routes import ReadRoutes
from workerflow.services.read_run_detail import ReadRunDetail
from workerflow.services.read_schedules import ReadSchedules
from workerflow.services.read_summary import ReadSummary
from workerflow.services.replay_task import ReplayTask
from workerflow.services.resolve_letter import ResolveLetter
from workerflow.services.retry_now import RetryNow
from workerflow.services.revoke_token import RevokeToken
from workerflow.services.run_schedule import RunSchedule
from workerflow.services.set_switch import SetSwitch
from workerflow.services.sign_in import ReadSession, SignIn, SignOut
from workerflow.services.tenants import KnownTenants
from workerflow.services.tick import Tick
from workerflow.tables import RATE_LIMITS, TABLES

DAY_S = 24 * 3600
SECRET_PREFIX = "workerflow/dev/"
RETENTION = Retention(retention_seconds=30 * DAY_S, deadline_seconds=DAY_S)


QUIET_LOGGER = logging.getLogger("tests.quiet")
QUIET_LOGGER.disabled = True


class QuietTelemetry:
    """Telemetry that says nothing and remembers faults."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def count(self, name: str, value: int = 1, *, schedule: str | None = None) -> None: ...
    def count_refusal(self, *, tenant: str, reason: str) -> None: ...
    def info(self, message: str, **fields: object) -> None: ...
    def warning(self, message: str, **fields: object) -> None: ...
    def flush(self) -> None: ...

    def failure(self, message: str, error: BaseException, **fields: object) -> None:
        del fields
        self.failures.append(f"{message}: {error!r}")


class Processes:
    """One process of each function, and the operator's.

    Attributes:
        replay, set_switch, run_schedule, read_schedules, publish_tenants: what an operator has at hand; their HTTP
            face is not built yet.
    """

    def __init__(
        self, aws: AwsWorld, manifest: Manifest, clock: Clock, runner: HandlerRunner, ids: Ids | None = None
    ) -> None:
        self._aws, self._manifest, self._clock, self._runner = aws, manifest, clock, runner
        self._ids = ids or FakeIds()
        self.telemetry = QuietTelemetry()
        self._told = cast("Telemetry", self.telemetry)
        self.deploy(manifest)

    def deploy(self, manifest: Manifest) -> None:
        """Start every function anew, with this manifest."""
        self._manifest = manifest
        self.start_ingress()
        self.start_consumer()
        self.start_workflow()
        self.start_scheduler()
        self.start_operator()

    def start_ingress(self) -> None:
        self.ingress: ingress_wiring.Ingress = ingress_wiring.wire(
            ingress_wiring.Foundation(
                settings=IngressSettings(**_settings(self._aws, IngressSettings)),
                manifest=self._manifest,
                clients=self._aws.clients,
                telemetry=self._told,
                clock=self._clock,
                ids=self._ids,
            )
        )

    def start_consumer(self) -> None:
        settings = ConsumerSettings(**_settings(self._aws, ConsumerSettings))
        deliver = consumer_wiring.wire(settings, self._aws.clients, self._manifest, self._clock, self._ids)
        self.consumer = consumer_wiring.Consumer(deliver, self._aws.deliveries, self._told)

    def start_workflow(self) -> None:
        settings = WorkflowSettings(**_settings(self._aws, WorkflowSettings))
        self.workflow: ExecuteTask = workflow_wiring.wire(
            settings, self._aws.clients, self._manifest, self._runner, self._clock, self._ids, self.telemetry
        )
        built_ins = built_in_wiring.wire(
            BuiltInSettings(**_settings(self._aws, BuiltInSettings)),
            self._aws.clients,
            self._manifest,
            self._clock,
            self._ids,
            self.telemetry,
        )
        # A quarter of a story is one page long: how far its count has come is kept after it.
        self.built_ins: BuiltIns = replace(built_ins, roll_up=replace(built_ins.roll_up, pages_a_keep=1))

    def start_scheduler(self) -> None:
        self.scheduler = self.another_scheduler()

    def another_scheduler(self) -> Tick:
        """A second process of `scheduler`, as the platform starts one where a tick comes twice."""
        settings = SchedulerSettings(**_settings(self._aws, SchedulerSettings))
        return scheduler_wiring.wire(
            settings, self._aws.clients, self._manifest, self._clock, self._ids, self.telemetry, self.telemetry
        )

    def start_operator(self) -> None:
        aws = self._aws
        shared: dict[str, Any] = {"manifest": self._manifest, "clock": self._clock}
        self.known_tenants = tenants = KnownTenants(store=aws.tenants, clock=self._clock, faults=self.telemetry)
        self.replay = ReplayTask(
            **shared,
            acceptances=aws.acceptances,
            runs=aws.runs,
            replays=aws.replays,
            blobs=aws.blobs,
            queue=aws.queue,
            enablement=CheckEnablement(**shared, switches=aws.switches),
            tenants=tenants,
            schemas=JsonSchemas(),
            ids=self._ids,
            signals=self.telemetry,
            retention=RETENTION,
            operations=aws.operations,
        )
        self.run_schedule = RunSchedule(
            schedules=aws.schedules,
            manifest=self._manifest,
            tenants=tenants,
            enablement=CheckEnablement(**shared, switches=aws.switches),
            take=TakeTask(acceptances=aws.acceptances, clock=self._clock, ids=self._ids, retention=RETENTION),
            queue=aws.queue,
            signals=self.telemetry,
        )
        self.read_schedules = ReadSchedules(
            **shared, schedules=aws.schedules, enablement=CheckEnablement(**shared, switches=aws.switches)
        )
        self._start_readers(tenants)
        self._start_access(tenants)
        self.once = CarryOutOnce(operations=aws.operations, clock=self._clock)
        self.count_bulk = CountBulk(jobs=aws.bulk, replays=aws.replays, clock=self._clock, ids=self._ids)
        self.start_bulk = StartBulk(jobs=aws.bulk, clock=self._clock, ids=self._ids)
        self.abort_bulk = AbortBulk(jobs=aws.bulk, clock=self._clock, ids=self._ids)
        self.read_bulk_jobs = ReadBulkJobs(jobs=aws.bulk)
        self.list_error_groups = ListErrorGroups(groups=aws.error_groups, replays=aws.replays, clock=self._clock)
        self.publish_tenants = PublishTenants(store=aws.tenants, clock=self._clock, ids=self._ids)
        self.set_switch = SetSwitch(
            **shared, switches=aws.switches, tenants=tenants, ids=self._ids, operations=aws.operations
        )
        find_run = FindRun(acceptances=aws.acceptances, runs=aws.runs, clock=self._clock)
        ledger = Ledger(runs=aws.runs, acceptances=aws.acceptances, clock=self._clock, ids=self._ids)
        self.cancel_run = CancelRun(find_run=find_run, ledger=ledger, operations=aws.operations)
        self.retry_now = RetryNow(find_run=find_run, ledger=ledger, queue=aws.queue, signals=self.telemetry)
        self.resolve_letter = ResolveLetter(
            replays=aws.replays, clock=self._clock, ids=self._ids, operations=aws.operations
        )

    def _start_access(self, known: KnownTenants) -> None:
        aws = self._aws
        on: dict[str, Any] = {"clock": self._clock, "ids": self._ids, "tokens": aws.tokens}
        self.issue_token = IssueToken(**on, keys=KEYS)
        self.revoke_token = RevokeToken(**on)
        keys = FakeAccessKeys()
        self.sign_in = SignIn(
            authenticate=Authenticate(keys=keys, tokens=aws.tokens, clock=self._clock),
            limits=DynamoRateLimits(Database(aws.clients.dynamodb()), physical(RATE_LIMITS), self._ids),
            keys=keys,
            sessions=aws.sessions,
            clock=self._clock,
            ids=self._ids,
        )
        self.read_session = ReadSession(
            keys=keys, sessions=aws.sessions, tokens=aws.tokens, clock=self._clock, faults=self.telemetry
        )
        self.sign_out = SignOut(**on, keys=keys, sessions=aws.sessions)
        self.list_audit = ListAudit(audit=aws.audit, clock=self._clock)
        self.read_configuration = ReadConfiguration(
            manifest=self._manifest, known=known, names=aws.secret_names, clock=self._clock, prefix=SECRET_PREFIX
        )

    def _start_readers(self, known: KnownTenants) -> None:
        aws = self._aws
        on: dict[str, Any] = {"acceptances": aws.acceptances, "runs": aws.runs, "clock": self._clock}
        shared: dict[str, Any] = {
            "manifest": self._manifest,
            "clock": self._clock,
            "enablement": self.read_schedules.enablement,
            "count_tasks": CountTasks(**on, rollups=aws.rollups),
        }
        self.list_tasks = ListTasks(**on)
        self.list_letters = ListLetters(replays=aws.replays, clock=self._clock)
        self.read_lineage = ReadLineage(**on, replays=aws.replays)
        self.read_run_detail = ReadRunDetail(**on, replays=aws.replays, blobs=aws.blobs, read_lineage=self.read_lineage)
        self.read_routes = ReadRoutes(**shared, known=known)
        self.read_summary = ReadSummary(
            **shared,
            find_oldest_queued=FindOldestQueued(**on, cursors=aws.cursors),
            replays=aws.replays,
            read_schedules=self.read_schedules,
            gauge=aws.queue_gauge,
        )


def _settings(aws: AwsWorld, kind: type[Any]) -> Mapping[str, Any]:
    """The environment of a function."""
    known: dict[str, Any] = {table.name: physical(table) for table in TABLES} | {
        "environment": "dev",
        "service": "test",
        "metrics_namespace": "WorkerFlow",
        "log_level": "ERROR",
        "queue_url": aws.queue_url,
        "dead_letter_queue_url": aws.dead_letter_queue_url,
        "payload_bucket": BUCKET,
        "workflow_function": WORKFLOW_FUNCTION,
        "secret_prefix": SECRET_PREFIX,
        "retention_days": 30,
        "deadline_hours": 24,
        "retry_classes": (LetterClass.HANDLER_ERROR,),
    }
    return {one.name: known[one.name] for one in fields(kind) if one.name in known or one.default is MISSING}

"""What the dashboard's pages cost to read: the real services and adapters, on a ledger of any size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakes.memory import Memory
from tests.fakes.surroundings import FakeClock, FakeFaults, FakeQueueGauge, FakeTaskQueue
from tests.support.aws import physical
from tests.support.ledger import Ledger
from tests.support.ledger_client import LedgerClient
from tests.support.ledger_tasks import NOW_MS, TENANT
from tests.support.tasks import DAY_MS, a_manifest
from workerflow.adapters.dynamodb.acceptances import DynamoAcceptances
from workerflow.adapters.dynamodb.audit import DynamoAuditLog
from workerflow.adapters.dynamodb.cursors import DynamoCursors
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.error_groups import DynamoErrorGroups
from workerflow.adapters.dynamodb.replays import DynamoReplays
from workerflow.adapters.dynamodb.rollups import DynamoRollups
from workerflow.adapters.dynamodb.runs import DynamoRuns
from workerflow.adapters.dynamodb.schedules import DynamoSchedules
from workerflow.adapters.dynamodb.switches import DynamoSwitches
from workerflow.adapters.dynamodb.tenants import DynamoTenants
from workerflow.domain.bulk import LetterFilter
from workerflow.domain.errors import IntegrityError
from workerflow.domain.run import LetterClass, RunState
from workerflow.domain.stored import StoredBytes
from workerflow.services.count_tasks import CountTasks
from workerflow.services.enablement import CheckEnablement
from workerflow.services.find_oldest_queued import FindOldestQueued
from workerflow.services.list_audit import ListAudit
from workerflow.services.list_error_groups import ListErrorGroups
from workerflow.services.list_letters import ListLetters
from workerflow.services.list_tasks import ListTasks, TaskFilter
from workerflow.services.read_lineage import ReadLineage
from workerflow.services.read_routes import ReadRoutes
from workerflow.services.read_run_detail import ReadRunDetail
from workerflow.services.read_schedules import ReadSchedules
from workerflow.services.read_summary import ReadSummary
from workerflow.services.read_timeline import ReadTimeline
from workerflow.services.tenants import KnownTenants
from workerflow.tables import (
    AUDIT_EVENTS,
    CURSOR_STATE,
    DEAD_LETTERS,
    IDEMPOTENCY_KEYS,
    REPLAY_LINEAGE,
    ROLLUPS,
    RUNS,
)

HOUR_MS = 3_600_000


class NoBlobs:
    """BlobStore of a ledger that keeps everything in its items."""

    def get(self, stored: StoredBytes) -> bytes:
        if stored.inline is None:
            raise IntegrityError("this ledger has no objects")
        return stored.inline

    def put(self, pointer: str, body: bytes) -> None:
        raise AssertionError(f"nobody writes {pointer} of {len(body)} bytes here")

    def copy(self, source: str, target: str) -> None:
        raise AssertionError(f"nobody copies {source} to {target} here")


class Pages:
    """The reading services on one client."""

    def __init__(self, client: Any, ledger: Ledger) -> None:
        self.ledger = ledger
        database, clock, manifest = Database(client), FakeClock(NOW_MS), a_manifest()
        acceptances = DynamoAcceptances(database, physical(IDEMPOTENCY_KEYS))
        runs = DynamoRuns(database, runs=physical(RUNS), letters=physical(DEAD_LETTERS))
        told = {"acceptances": physical(IDEMPOTENCY_KEYS), "audit": physical(AUDIT_EVENTS)}
        replays = DynamoReplays(database, letters=physical(DEAD_LETTERS), lineage=physical(REPLAY_LINEAGE), **told)
        enablement = CheckEnablement(
            manifest=manifest, switches=DynamoSwitches(database, state=physical(CURSOR_STATE)), clock=clock
        )
        self.list_tasks = ListTasks(acceptances=acceptances, runs=runs, clock=clock)
        self.list_letters = ListLetters(replays=replays, clock=clock)
        self.list_audit = ListAudit(audit=DynamoAuditLog(database, physical(AUDIT_EVENTS)), clock=clock)
        groups = DynamoErrorGroups(database, rollups=physical(ROLLUPS), state=physical(CURSOR_STATE))
        self.list_error_groups = ListErrorGroups(groups=groups, replays=replays, clock=clock)
        self.read_lineage = ReadLineage(acceptances=acceptances, runs=runs, replays=replays, clock=clock)
        self.read_run_detail = ReadRunDetail(
            acceptances=acceptances,
            runs=runs,
            replays=replays,
            blobs=NoBlobs(),
            read_lineage=self.read_lineage,
            clock=clock,
        )
        self.count_tasks = CountTasks(
            acceptances=acceptances, runs=runs, rollups=DynamoRollups(database, physical(ROLLUPS)), clock=clock
        )
        self.read_timeline = ReadTimeline(count_tasks=self.count_tasks)
        self.read_schedules = ReadSchedules(
            schedules=DynamoSchedules(database, state=physical(CURSOR_STATE)),
            manifest=manifest,
            enablement=enablement,
            clock=clock,
        )
        memory = Memory()
        self.read_summary = ReadSummary(
            count_tasks=self.count_tasks,
            find_oldest_queued=FindOldestQueued(
                acceptances=acceptances, runs=runs, cursors=DynamoCursors(database, physical(CURSOR_STATE)), clock=clock
            ),
            replays=replays,
            read_schedules=self.read_schedules,
            enablement=enablement,
            manifest=manifest,
            gauge=FakeQueueGauge(memory, FakeTaskQueue(memory)),
            clock=clock,
        )
        known = KnownTenants(
            store=DynamoTenants(database, state=physical(CURSOR_STATE)), clock=clock, faults=FakeFaults()
        )
        self.read_routes = ReadRoutes(
            manifest=manifest, enablement=enablement, known=known, count_tasks=self.count_tasks, clock=clock
        )

    def tasks(self, wanted: TaskFilter | None = None, *, before: str | None = None) -> object:
        return self.list_tasks(TENANT, wanted or TaskFilter(), before=before, limit=50)

    def letters(self, wanted: LetterFilter | None = None, *, open_only: bool = True) -> object:
        return self.list_letters(TENANT, wanted or LetterFilter(), open_only=open_only, limit=50)

    def detail(self, number: int) -> object:
        return self.read_run_detail(TENANT, self.ledger.trace_id(number))

    def summary(self, length_ms: int) -> object:
        return self.read_summary(TENANT, NOW_MS - length_ms, NOW_MS)

    def timeline(self, length_ms: int) -> object:
        return self.read_timeline(TENANT, NOW_MS - length_ms, NOW_MS)


PAGES: Mapping[str, Callable[[Pages], object]] = {
    "tasks, the newest 50": lambda on: on.tasks(),
    "tasks, a page in the middle": lambda on: on.tasks(before=on.ledger.trace_id(on.ledger.number // 2)),
    "tasks of the last half hour": lambda on: on.tasks(
        TaskFilter(from_ms=NOW_MS - HOUR_MS // 2, until_ms=NOW_MS - 60_000)
    ),
    "tasks of one source": lambda on: on.tasks(TaskFilter(source="route:ask")),
    "tasks of one kind": lambda on: on.tasks(TaskFilter(kind="scheduled_job")),
    "tasks that succeeded": lambda on: on.tasks(TaskFilter(RunState.SUCCEEDED)),
    "tasks that failed": lambda on: on.tasks(TaskFilter(RunState.FAILED)),
    "tasks in a state that none is in": lambda on: on.tasks(TaskFilter(RunState.ABANDONED)),
    "tasks of a source that there is not": lambda on: on.tasks(TaskFilter(source="route:gone")),
    "run, succeeded": lambda on: on.detail(on.ledger.root + 3),
    "run, queued": lambda on: on.detail(on.ledger.number - 1),
    "run, failed and replayed three times": lambda on: on.detail(on.ledger.root),
    "lineage of three replays": lambda on: on.read_lineage(TENANT, on.ledger.trace_id(on.ledger.root)),
    "letters, the newest 50": lambda on: on.letters(open_only=False),
    "letters, open": lambda on: on.letters(),
    "letters, open, of one group": lambda on: on.letters(LetterFilter(fingerprint=f"{3:016x}")),
    "letters of a class that there is not": lambda on: on.letters(LetterFilter(LetterClass.CRASH)),
    "error groups": lambda on: on.list_error_groups(TENANT),
    "summary of a day": lambda on: on.summary(DAY_MS),
    "timeline of 6 hours": lambda on: on.timeline(6 * HOUR_MS),
    "timeline of a day": lambda on: on.timeline(DAY_MS),
    "timeline of 30 days": lambda on: on.timeline(30 * DAY_MS),
    "routes": lambda on: on.read_routes(TENANT),
    "schedules": lambda on: on.read_schedules(TENANT),
    "audit, the newest 50": lambda on: on.list_audit(TENANT),
}
"""Everything that the dashboard shows which could grow with the ledger, by name."""


@dataclass(frozen=True, slots=True)
class PageCost:
    """What one page cost, and what it showed."""

    units: float
    calls: int
    page: object


def measure(ledger: Ledger, name: str) -> PageCost:
    """Read a page of PAGES once, on containers that have just begun."""
    client = LedgerClient(ledger)
    page = PAGES[name](Pages(client, ledger))
    return PageCost(client.units, len(client.reads), page)

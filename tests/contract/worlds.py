"""The two worlds of the contract tests, under one name: every port, and what a test needs to look behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from tests.fakes.world import FakeWorld
from tests.support.aws import AwsWorld, aws_world, physical
from tests.support.faults import Fault
from tests.support.quick_moto import put_item
from workerflow.adapters.dynamodb.attributes import Item
from workerflow.adapters.dynamodb.items import acceptance as acceptance_codec
from workerflow.adapters.dynamodb.items import attempt as attempt_codec
from workerflow.adapters.dynamodb.items import audit as audit_codec
from workerflow.adapters.dynamodb.items import bulk as bulk_codec
from workerflow.adapters.dynamodb.items import error_group as group_codec
from workerflow.adapters.dynamodb.items import letter as letter_codec
from workerflow.adapters.dynamodb.items import refused_call as refused_call_codec
from workerflow.adapters.dynamodb.items import rollup as rollup_codec
from workerflow.adapters.dynamodb.items import run as run_codec
from workerflow.adapters.dynamodb.items import schedule as schedule_codec
from workerflow.domain.audit import AuditEvent
from workerflow.domain.bulk import BulkJob
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.error_group import ErrorGroup
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.refused_call import RefusedCall
from workerflow.domain.rollup import Rollup
from workerflow.domain.run import Run
from workerflow.domain.schedule_cursor import ScheduleCursor
from workerflow.domain.task import Acceptance, TaskMessage
from workerflow.ports.cleanup import CleanupStore
from workerflow.ports.error_groups import ErrorGroupStore
from workerflow.ports.objects import ObjectStore
from workerflow.ports.operations import BulkStore, OperationStore, SessionStore, TokenStore
from workerflow.ports.rollups import RollupStore
from workerflow.ports.schedules import ScheduleStore
from workerflow.ports.stores import (
    AcceptanceStore,
    AttemptRecord,
    AuditLog,
    BlobStore,
    CursorStore,
    ReplayStore,
    RunStore,
    SwitchStore,
)
from workerflow.ports.tenants import RateLimits, RefusedCalls, SlotStore, TenantsStore
from workerflow.ports.world import DeadMessageQueue, QueueGauge, SecretNames, TaskQueue
from workerflow.tables import (
    AUDIT_EVENTS,
    CURSOR_STATE,
    DEAD_LETTERS,
    IDEMPOTENCY_KEYS,
    OPERATIONS,
    REFUSED_CALLS,
    ROLLUPS,
    RUNS,
    Table,
)

type Spoilable = Acceptance | Run | AttemptRecord | DeadLetter | Rollup | BulkJob | ErrorGroup | RefusedCall


@dataclass(frozen=True, slots=True)
class Ports:
    """A world, whoever implements it.

    Attributes:
        sent: takes everything out of the task queue.
        bury: lets a message end in the dead-letter queue.
        make_secret, drop_secret: a secret of this full name comes, and is about to be deleted.
        audit_events: all rows of the audit trail.
        spoil_cursor: makes the row of a schedule's cursor unreadable.
        spoil: makes what was written unreadable.
        refusing: while open, no call is applied.
        losing_answers: while open, calls are applied and their answers lost.
    """

    acceptances: AcceptanceStore
    runs: RunStore
    replays: ReplayStore
    switches: SwitchStore
    cursors: CursorStore
    retry_cursors: CursorStore
    audit: AuditLog
    blobs: BlobStore
    schedules: ScheduleStore
    tenants: TenantsStore
    rate_limits: RateLimits
    slots: SlotStore
    refused_calls: RefusedCalls
    rollups: RollupStore
    objects: ObjectStore
    cleanup: CleanupStore
    bulk: BulkStore
    error_groups: ErrorGroupStore
    tokens: TokenStore
    sessions: SessionStore
    secret_names: SecretNames
    operations: OperationStore
    queue: TaskQueue
    queue_gauge: QueueGauge
    dead_messages: DeadMessageQueue
    sent: Callable[[], list[TaskMessage | None]]
    bury: Callable[[str], None]
    make_secret: Callable[[str], object]
    drop_secret: Callable[[str], object]
    audit_events: Callable[[], list[AuditEvent]]
    spoil_cursor: Callable[[ScheduleCursor], None]
    spoil: Callable[[Spoilable], None]
    refusing: Callable[[], AbstractContextManager[None]]
    losing_answers: Callable[[], AbstractContextManager[None]]


@contextmanager
def in_memory() -> Iterator[Ports]:
    """The fakes."""
    world = FakeWorld()

    def unreachable(_name: str) -> None:
        raise StoreUnavailableError("the line is cut")

    @contextmanager
    def refusing() -> Iterator[None]:
        world.memory.before, kept = unreachable, world.memory.before
        yield
        world.memory.before = kept

    @contextmanager
    def losing_answers() -> Iterator[None]:
        world.memory.after, kept = unreachable, world.memory.after
        yield
        world.memory.after = kept

    def sent() -> list[TaskMessage | None]:
        messages: list[TaskMessage | None] = list(world.queue.messages)
        world.queue.messages.clear()
        return messages

    yield Ports(
        acceptances=world.acceptances,
        runs=world.runs,
        replays=world.replays,
        switches=world.switches,
        cursors=world.cursors,
        retry_cursors=world.retry_cursors,
        audit=world.audit,
        blobs=world.blobs,
        schedules=world.schedules,
        tenants=world.tenants,
        rate_limits=world.rate_limits,
        slots=world.slots,
        refused_calls=world.refused_calls,
        rollups=world.rollups,
        objects=world.blobs,
        cleanup=world.cleanup,
        bulk=world.bulk,
        error_groups=world.error_groups,
        tokens=world.tokens,
        sessions=world.sessions,
        secret_names=world.secret_names,
        operations=world.operations,
        queue=world.queue,
        queue_gauge=world.queue_gauge,
        dead_messages=world.dead_messages,
        sent=sent,
        bury=world.dead_messages.add,
        make_secret=world.secret_names.names.add,
        drop_secret=world.secret_names.names.discard,
        audit_events=lambda: list(world.memory.audit.values()),
        spoil_cursor=lambda cursor: world.memory.spoilt_schedules.add((cursor.tenant, cursor.name)),
        spoil=lambda one: world.memory.spoilt.add(_name_in_memory(one)),
        refusing=refusing,
        losing_answers=losing_answers,
    )


@contextmanager
def on_aws() -> Iterator[Ports]:
    """The adapters, on moto."""
    with aws_world() as world:
        yield Ports(
            acceptances=world.acceptances,
            runs=world.runs,
            replays=world.replays,
            switches=world.switches,
            cursors=world.cursors,
            retry_cursors=world.retry_cursors,
            audit=world.audit,
            blobs=world.blobs,
            schedules=world.schedules,
            tenants=world.tenants,
            rate_limits=world.rate_limits,
            slots=world.slots,
            refused_calls=world.refused_calls,
            rollups=world.rollups,
            objects=world.blobs,
            cleanup=world.cleanup,
            bulk=world.bulk,
            error_groups=world.error_groups,
            tokens=world.tokens,
            sessions=world.sessions,
            secret_names=world.secret_names,
            operations=world.operations,
            queue=world.queue,
            queue_gauge=world.queue_gauge,
            dead_messages=world.dead_messages,
            sent=lambda: _sent(world),
            bury=lambda body: _bury(world, body),
            make_secret=lambda name: world.clients.secrets().create_secret(Name=name, SecretString="hush"),
            drop_secret=lambda name: world.clients.secrets().delete_secret(SecretId=name),
            audit_events=lambda: [audit_codec.from_item(item) for item in world.items(AUDIT_EVENTS)],
            spoil_cursor=_spoil_cursor,
            spoil=_spoil,
            refusing=lambda: world.line.breaking(Fault.REFUSED),
            losing_answers=lambda: world.line.breaking(Fault.SILENT),
        )


def _sent(world: AwsWorld) -> list[TaskMessage | None]:
    sqs, found = world.clients.sqs(), []
    while messages := sqs.receive_message(QueueUrl=world.queue_url, MaxNumberOfMessages=10).get("Messages"):
        found += messages
    return [TaskMessage.from_text(message["Body"]) for message in found]


def _spoil_cursor(cursor: ScheduleCursor) -> None:
    put_item(physical(CURSOR_STATE), schedule_codec.to_item(cursor) | {"missed": {"asleep": 1}})


def _bury(world: AwsWorld, body: str) -> None:
    world.clients.sqs().send_message(QueueUrl=world.dead_letter_queue_url, MessageBody=body)


def _name_in_memory(one: Spoilable) -> tuple[object, ...]:
    return _NAMES[type(one)](one)


_NAMES: Mapping[type[Any], Callable[[Any], tuple[object, ...]]] = {
    Acceptance: lambda one: ("acceptances", one.tenant, one.key_hash),
    Run: lambda one: ("runs", one.tenant, one.trace_id),
    AttemptRecord: lambda one: ("attempts", one.tenant, one.trace_id, one.attempt),
    DeadLetter: lambda one: ("letters", one.tenant, one.trace_id),
    Rollup: lambda one: ("rollups", one.tenant, one.span.value, one.start_ms, one.source),
    BulkJob: lambda one: ("bulk_jobs", one.tenant, one.job_id),
    ErrorGroup: lambda one: ("error_groups", one.tenant, one.fingerprint),
    RefusedCall: lambda one: ("refused_calls", one.tenant, one.reason, one.slot),
}


def _spoil(one: Spoilable) -> None:
    table, to_item, change = _SPOILT[type(one)]
    put_item(physical(table), to_item(one) | change)


_SPOILT: Mapping[type[Any], tuple[Table, Callable[[Any], Item], Item]] = {
    Acceptance: (IDEMPOTENCY_KEYS, acceptance_codec.to_item, {"mode": None}),
    Run: (RUNS, run_codec.to_item, {"state": "asleep"}),
    AttemptRecord: (RUNS, attempt_codec.to_item, {"at_ms": None}),
    DeadLetter: (DEAD_LETTERS, letter_codec.to_item, {"class": "bad_luck"}),
    Rollup: (ROLLUPS, rollup_codec.to_item, {"counted_ms": None}),
    BulkJob: (OPERATIONS, bulk_codec.to_item, {"state": "asleep"}),
    ErrorGroup: (ROLLUPS, group_codec.to_item, {"n": None}),
    RefusedCall: (REFUSED_CALLS, refused_call_codec.to_item, {"status": None}),
}
"""What an item is written over with: one attribute that no code of ours writes, or none where each has one."""

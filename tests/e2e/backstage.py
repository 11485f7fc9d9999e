"""Behind the scenes: the ledger as it stands in the emulator's tables, and the services that have no HTTP face yet.

They run in the test's process, on the real adapters, with the rights of the emulator's root user.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import batched
from pathlib import Path
from typing import Any

from tests.support.runs import a_run, failed, letter_of
from tests.support.tasks import an_acceptance
from tools.local import LocalStack
from tools.local.stack import PREFIX, TENANT
from workerflow.adapters.dynamodb.acceptances import DynamoAcceptances
from workerflow.adapters.dynamodb.attributes import Item, unpack
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.items import acceptance as acceptance_codec
from workerflow.adapters.dynamodb.items import letter as letter_codec
from workerflow.adapters.dynamodb.items import run as run_codec
from workerflow.adapters.dynamodb.replays import DynamoReplays
from workerflow.adapters.dynamodb.runs import DynamoRuns
from workerflow.adapters.dynamodb.switches import DynamoSwitches
from workerflow.adapters.dynamodb.tenants import DynamoTenants
from workerflow.adapters.s3 import S3Blobs
from workerflow.adapters.schema import JsonSchemas
from workerflow.adapters.sqs import SqsTaskQueue
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.identity import acceptance_hash
from workerflow.domain.manifest import Manifest
from workerflow.domain.run import LetterClass, Run
from workerflow.domain.task import Acceptance, TaskMessage
from workerflow.ports.stores import Written
from workerflow.runtime.clock import SystemClock, SystemIds
from workerflow.services.accept_task import Accepted, AcceptTask, Retention, TaskDraft
from workerflow.services.enablement import CheckEnablement
from workerflow.services.replay_task import InvalidEdit, NotReplayable, Replayed, ReplayOrder, ReplayTask
from workerflow.services.set_switch import SetSwitch, SwitchOrder
from workerflow.services.tenants import KnownTenants
from workerflow.tables import (
    AUDIT_EVENTS,
    CURSOR_STATE,
    DEAD_LETTERS,
    IDEMPOTENCY_KEYS,
    REPLAY_LINEAGE,
    RUNS,
    Table,
    table_name,
)

ACTOR = "operator (e2e)"
SENT_AT_ONCE = 10
MOMENT_MS = 60_000
VISIBLE, HIDDEN = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
RETENTION = Retention(retention_seconds=30 * 24 * 3600, deadline_seconds=24 * 3600)


class Silence:
    """Signals that nobody reads."""

    def failure(self, message: str, error: BaseException) -> None:
        """Drop it."""

    def count(self, name: str, value: int = 1, *, schedule: str | None = None) -> None:
        """Drop it."""


class BrokenQueue:
    """A queue that takes nothing: as if the message had been lost."""

    def send(self, _message: TaskMessage) -> None:
        raise StoreUnavailableError("the queue is down")

    def send_many(self, messages: Sequence[TaskMessage]) -> Sequence[TaskMessage]:
        return messages


@dataclass(frozen=True, slots=True)
class ClockBehind:
    """The system's clock, some time ago."""

    seconds: float

    def now_ms(self) -> int:
        return SystemClock().now_ms() - round(self.seconds * 1000)


@dataclass(frozen=True)
class Backstage:
    """The operator's side of one stack. `own_ticks`: when it had the scheduler tick, epoch milliseconds."""

    stack: LocalStack
    own_ticks: list[int] = field(default_factory=list)

    # --- what stands in the tables ---

    def acceptance(self, route: str, key: str, *, tenant: str = TENANT) -> Acceptance | None:
        """What was accepted under a key."""
        return self.acceptances.get(tenant, acceptance_hash(tenant, f"route:{route}", key))

    def accepted(self, source: str) -> list[Acceptance]:
        """All tasks of a source, of every tenant."""
        items = (item for item in self.items(IDEMPOTENCY_KEYS) if item["source"] == source)
        return [acceptance_codec.from_item(item) for item in items]

    def run(self, trace_id: str, *, tenant: str = TENANT) -> Run | None:
        """The ledger's row."""
        return self.runs.get(tenant, trace_id)

    def runs_of(self, tenant: str) -> list[Run]:
        """Every ledger row of a tenant."""
        rows = (item for item in self.items(RUNS) if item["sk"] == "run" and item["pk"].startswith(f"{tenant}#"))
        return [run_codec.from_item(row) for row in rows]

    def letter(self, trace_id: str) -> DeadLetter | None:
        """The dead letter of a failed run."""
        return self.replays.get_letter(TENANT, trace_id)

    def audit(self, action: str) -> list[Item]:
        """The audit rows of one action."""
        return [item for item in self.items(AUDIT_EVENTS) if item["action"] == action]

    def items(self, table: Table) -> Iterator[Item]:
        """Everything in a table."""
        pages = self.stack.client("dynamodb").get_paginator("scan").paginate(TableName=table_name(PREFIX, table))
        return (unpack(item) for page in pages for item in page["Items"])

    def objects(self, prefix: str = "") -> list[str]:
        """The names of all objects in the payload bucket that begin like this."""
        bucket = self.stack.outputs["PayloadBucket"]
        listed = self.stack.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
        return [found["Key"] for found in listed.get("Contents", [])]

    def log_lines(self) -> Iterator[tuple[str, str]]:
        """Every line that the functions wrote, with the function's name."""
        client = self.stack.client("logs")
        group_prefix = f"/aws/lambda/{PREFIX}-"
        for group in client.describe_log_groups(logGroupNamePrefix=group_prefix)["logGroups"]:
            name = group["logGroupName"]
            for page in client.get_paginator("filter_log_events").paginate(logGroupName=name):
                for event in page["events"]:
                    yield name.removeprefix(group_prefix), event["message"].strip()

    # --- what an operator does ---

    def switch(self, source: str, state: Enablement, reason: str, *, tenant: str = TENANT) -> None:
        """Pause, resume, disable or enable a route, by its name, or a schedule, by `schedule:` and its name."""
        source = source if ":" in source else f"route:{source}"
        service = SetSwitch(
            switches=self.switches,
            manifest=self.manifest,
            tenants=self.tenants,
            clock=SystemClock(),
            ids=SystemIds(),
        )
        assert service(SwitchOrder(tenant, source, state, ACTOR, reason)) is not None

    def replay(self, trace_id: str, reason: str, **choices: Any) -> Replayed | NotReplayable | InvalidEdit:
        """Replay a task that has ended."""
        service = ReplayTask(
            acceptances=self.acceptances,
            runs=self.runs,
            replays=self.replays,
            blobs=self.blobs,
            queue=self.queue,
            enablement=CheckEnablement(manifest=self.manifest, switches=self.switches, clock=SystemClock()),
            manifest=self.manifest,
            tenants=self.tenants,
            schemas=JsonSchemas(),
            clock=SystemClock(),
            ids=SystemIds(),
            signals=Silence(),
            retention=RETENTION,
        )
        return service(ReplayOrder(TENANT, trace_id, ACTOR, reason, **choices))

    def tick(self) -> None:
        """Have the scheduler tick now, beside its own minute."""
        self.own_ticks.append(SystemClock().now_ms())
        self.stack.tick()

    # --- what goes wrong in the world ---

    def accept_unsent(
        self, route: str, key: str, body: bytes, *, seconds_ago: float = 0, tenant: str = TENANT
    ) -> Acceptance:
        """Accept a task as ingress does, some time ago, and lose its message."""
        service = AcceptTask(
            acceptances=self.acceptances,
            blobs=self.blobs,
            queue=BrokenQueue(),
            clock=ClockBehind(seconds_ago),
            ids=SystemIds(),
            signals=Silence(),
            retention=RETENTION,
        )
        source = f"route:{route}"
        accepted = service(
            TaskDraft(tenant, source, "http_route", "async", source, key, body, content_type="application/json")
        )
        assert isinstance(accepted, Accepted)
        return accepted.acceptance

    def accept_many(self, tenant: str, route: str, number: int, body: bytes) -> None:
        """Accept tasks as ingress does, in one go: sent in batches, once all are accepted."""
        tasks = [self.accept_unsent(route, f"many-{one}", body, tenant=tenant) for one in range(number)]
        for batch in batched((TaskMessage(tenant, task.trace_id) for task in tasks), SENT_AT_ONCE, strict=False):
            assert self.queue.send_many(batch) == []

    def fail_long_ago(self, route: str, key: str, body: bytes, *, seconds_ago: float) -> Acceptance:
        """A task that failed some time ago by the platform's fault, with its dead letter."""
        task = self.accept_unsent(route, key, body, seconds_ago=seconds_ago)
        run = a_run(task)
        ended = failed(run, finished_at_ms=task.accepted_at_ms, letter_class=LetterClass.PLATFORM)
        assert self.runs.write(run) == Written()
        assert self.runs.write(ended, letter=letter_of(ended, task)) == Written()
        return task

    def fail_many(self, route: str, number: int, body: bytes) -> None:
        """Tasks that failed a moment ago, with their dead letters, put there in batches."""
        now_ms = SystemClock().now_ms() - MOMENT_MS
        tasks = [
            an_acceptance(f"failed-{one}", source=f"route:{route}", accepted_at_ms=now_ms + one, body=body)
            for one in range(number)
        ]
        runs = [failed(a_run(task, updated_at_ms=task.accepted_at_ms)) for task in tasks]
        letters = [letter_of(run, task) for run, task in zip(runs, tasks, strict=True)]
        self.database.put_many(physical(IDEMPOTENCY_KEYS), map(acceptance_codec.to_item, tasks))
        self.database.put_many(physical(RUNS), map(run_codec.to_item, runs))
        self.database.put_many(physical(DEAD_LETTERS), map(letter_codec.to_item, letters))

    def leave_behind(self, pointer: str, body: bytes) -> None:
        """Put an object into the payload bucket."""
        self.blobs.put(pointer, body)

    def send_again(self, trace_id: str) -> None:
        """Put a task's message into the queue once more."""
        self.queue.send(TaskMessage(TENANT, trace_id))

    def bury(self, body: str) -> None:
        """Put a message into the queue's dead-letter queue, as if it had been delivered a hundred times."""
        self.stack.client("sqs").send_message(
            QueueUrl=self.stack.outputs["DeadLetterQueueUrl"], MessageBody=body, MessageGroupId=TENANT
        )

    def stop_deliveries(self) -> None:
        """Hold the queue's messages back from the consumer."""
        self._deliver(enabled=False)

    def resume_deliveries(self) -> None:
        """Let the consumer have them."""
        self._deliver(enabled=True)

    def _deliver(self, *, enabled: bool) -> None:
        client = self.stack.client("lambda")
        [mapping] = client.list_event_source_mappings(FunctionName=f"{PREFIX}-consumer")["EventSourceMappings"]
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)

    def messages_in(self, output: str, *kinds: str) -> int:
        """How many messages a queue holds, visible or not unless `kinds` say which; `output` names it."""
        asked = kinds or (VISIBLE, HIDDEN)
        url = self.stack.outputs[output]
        told = self.stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=asked)
        return sum(int(told["Attributes"][name]) for name in asked)

    def let_time_pass(self, trace_id: str) -> None:
        """Make a run that waits for its due time due now."""
        run = self.run(trace_id)
        assert run is not None
        assert run.due_at_ms is not None
        now_ms = SystemClock().now_ms()
        due = run.change(nonce=SystemIds().nonce(), now_ms=now_ms, not_before_ms=None, due_at_ms=now_ms)
        assert self.runs.write(due) == Written()

    # --- what it stands on ---

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest as it was deployed."""
        return Manifest.from_json(Path(self.stack.state / "build/manifest.json").read_text(encoding="utf-8"))

    @cached_property
    def database(self) -> Database:
        return Database(self.stack.client("dynamodb"))

    @cached_property
    def tenants(self) -> KnownTenants:
        """The declared tenants, at most a minute old."""
        store = DynamoTenants(self.database, state=physical(CURSOR_STATE))
        return KnownTenants(store=store, clock=SystemClock(), faults=Silence())

    @cached_property
    def acceptances(self) -> DynamoAcceptances:
        return DynamoAcceptances(self.database, physical(IDEMPOTENCY_KEYS))

    @cached_property
    def runs(self) -> DynamoRuns:
        return DynamoRuns(self.database, runs=physical(RUNS), letters=physical(DEAD_LETTERS))

    @cached_property
    def switches(self) -> DynamoSwitches:
        return DynamoSwitches(self.database, state=physical(CURSOR_STATE), audit=physical(AUDIT_EVENTS))

    @cached_property
    def replays(self) -> DynamoReplays:
        return DynamoReplays(
            self.database,
            letters=physical(DEAD_LETTERS),
            lineage=physical(REPLAY_LINEAGE),
            acceptances=physical(IDEMPOTENCY_KEYS),
            audit=physical(AUDIT_EVENTS),
        )

    @cached_property
    def queue(self) -> SqsTaskQueue:
        return SqsTaskQueue(self.stack.client("sqs"), self.stack.outputs["QueueUrl"])

    @cached_property
    def blobs(self) -> S3Blobs:
        client = self.stack.client("s3")
        return S3Blobs(lambda: client, self.stack.outputs["PayloadBucket"])


def physical(table: Table) -> str:
    return table_name(PREFIX, table)

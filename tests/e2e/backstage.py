"""Behind the scenes: the ledger as it stands in the emulator's tables, and the services that have no HTTP face yet.

They run in the test's process, on the real adapters, with the rights of the emulator's root user.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tools.local import LocalStack
from tools.local.stack import PREFIX, TENANT
from workerflow.adapters.dynamodb.acceptances import DynamoAcceptances
from workerflow.adapters.dynamodb.attributes import Item, unpack
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.replays import DynamoReplays
from workerflow.adapters.dynamodb.runs import DynamoRuns
from workerflow.adapters.dynamodb.switches import DynamoSwitches
from workerflow.adapters.s3 import S3Blobs
from workerflow.adapters.schema import JsonSchemas
from workerflow.adapters.sqs import SqsTaskQueue
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.identity import acceptance_hash
from workerflow.domain.manifest import Manifest
from workerflow.domain.run import Run
from workerflow.domain.task import Acceptance, TaskMessage
from workerflow.ports.stores import Written
from workerflow.runtime.clock import SystemClock, SystemIds
from workerflow.services.accept_task import Accepted, AcceptTask, Retention, TaskDraft
from workerflow.services.enablement import CheckEnablement
from workerflow.services.replay_task import InvalidEdit, NotReplayable, Replayed, ReplayOrder, ReplayTask
from workerflow.services.set_switch import SetSwitch, SwitchOrder
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
    """The operator's side of one stack."""

    stack: LocalStack

    # --- what stands in the tables ---

    def acceptance(self, route: str, key: str) -> Acceptance | None:
        """What was accepted under a key."""
        return self._acceptances.get(TENANT, acceptance_hash(TENANT, f"route:{route}", key))

    def run(self, trace_id: str) -> Run | None:
        """The ledger's row."""
        return self._runs.get(TENANT, trace_id)

    def letter(self, trace_id: str) -> DeadLetter | None:
        """The dead letter of a failed run."""
        return self._replays.get_letter(TENANT, trace_id)

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

    def switch(self, route: str, state: Enablement, reason: str) -> None:
        """Pause, resume, disable or enable a route."""
        service = SetSwitch(switches=self._switches, manifest=self.manifest, clock=SystemClock(), ids=SystemIds())
        assert service(SwitchOrder(TENANT, f"route:{route}", state, ACTOR, reason)) is not None

    def replay(self, trace_id: str, reason: str, **choices: Any) -> Replayed | NotReplayable | InvalidEdit:
        """Replay a task that has ended."""
        service = ReplayTask(
            acceptances=self._acceptances,
            runs=self._runs,
            replays=self._replays,
            blobs=self._blobs,
            queue=self._queue,
            enablement=CheckEnablement(manifest=self.manifest, switches=self._switches, clock=SystemClock()),
            manifest=self.manifest,
            schemas=JsonSchemas(),
            clock=SystemClock(),
            ids=SystemIds(),
            signals=Silence(),
            retention=RETENTION,
        )
        return service(ReplayOrder(TENANT, trace_id, ACTOR, reason, **choices))

    def tick(self) -> None:
        """Have the scheduler tick now, beside its own minute."""
        answer = self.stack.client("lambda").invoke(FunctionName=f"{PREFIX}-scheduler", Payload=b'{"kind":"tick"}')
        told = json.loads(answer["Payload"].read())
        assert told["failedParts"] == [], told

    # --- what goes wrong in the world ---

    def accept_unsent(self, route: str, key: str, body: bytes, *, seconds_ago: float) -> Acceptance:
        """Accept a task as ingress does, some time ago, and lose its message."""
        service = AcceptTask(
            acceptances=self._acceptances,
            blobs=self._blobs,
            queue=BrokenQueue(),
            clock=ClockBehind(seconds_ago),
            ids=SystemIds(),
            signals=Silence(),
            retention=RETENTION,
        )
        source = f"route:{route}"
        accepted = service(
            TaskDraft(TENANT, source, "http_route", "async", source, key, body, content_type="application/json")
        )
        assert isinstance(accepted, Accepted)
        return accepted.acceptance

    def send_again(self, trace_id: str) -> None:
        """Put a task's message into the queue once more."""
        self._queue.send(TaskMessage(TENANT, trace_id))

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

    def messages_in(self, output: str) -> int:
        """How many messages a queue holds, visible or not; `output` names it."""
        asked = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
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
        assert self._runs.write(due) == Written()

    # --- what it stands on ---

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest as it was deployed."""
        return Manifest.from_json(Path(self.stack.state / "build/manifest.json").read_text(encoding="utf-8"))

    @cached_property
    def _database(self) -> Database:
        return Database(self.stack.client("dynamodb"))

    @cached_property
    def _acceptances(self) -> DynamoAcceptances:
        return DynamoAcceptances(self._database, _physical(IDEMPOTENCY_KEYS))

    @cached_property
    def _runs(self) -> DynamoRuns:
        return DynamoRuns(self._database, runs=_physical(RUNS), letters=_physical(DEAD_LETTERS))

    @cached_property
    def _switches(self) -> DynamoSwitches:
        return DynamoSwitches(self._database, state=_physical(CURSOR_STATE), audit=_physical(AUDIT_EVENTS))

    @cached_property
    def _replays(self) -> DynamoReplays:
        return DynamoReplays(
            self._database,
            letters=_physical(DEAD_LETTERS),
            lineage=_physical(REPLAY_LINEAGE),
            acceptances=_physical(IDEMPOTENCY_KEYS),
            audit=_physical(AUDIT_EVENTS),
        )

    @cached_property
    def _queue(self) -> SqsTaskQueue:
        return SqsTaskQueue(self.stack.client("sqs"), self.stack.outputs["QueueUrl"])

    @cached_property
    def _blobs(self) -> S3Blobs:
        client = self.stack.client("s3")
        return S3Blobs(lambda: client, self.stack.outputs["PayloadBucket"])


def _physical(table: Table) -> str:
    return table_name(PREFIX, table)

"""Consumer, workflow and scheduler as they are deployed, on moto: real handlers, loaders, wiring, adapters, events."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from functions.consumer import handler as consumer_handler
from functions.consumer import wiring as consumer_wiring
from functions.scheduler import handler as scheduler_handler
from functions.scheduler import wiring as scheduler_wiring
from functions.workflow import handler as workflow_handler
from functions.workflow import wiring as workflow_wiring
from tests.integration import scripted_handlers
from tests.support.aws import BUCKET, WORKFLOW_FUNCTION, AwsWorld, aws_world, physical
from tests.support.lambda_stand_in import run_functions
from tests.support.quick_moto import queue_of
from tests.support.tasks import an_acceptance
from workerflow.adapters.lambda_invoke import request
from workerflow.domain.run import Run
from workerflow.domain.task import Acceptance, TaskMessage
from workerflow.ports.stores import Written
from workerflow.tables import TABLES, setting_name

if TYPE_CHECKING:
    import pytest

EVENTS = Path(__file__).parents[1] / "events"
SQS_BATCH = json.loads((EVENTS / "sqs_batch.json").read_text())
TICK = json.loads((EVENTS / "scheduler_tick.json").read_text())
WIRINGS: tuple[ModuleType, ...] = (consumer_wiring, workflow_wiring, scheduler_wiring)
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda tells of an invocation."""

    remaining_ms: int = 270_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@dataclass
class FunctionsWorld:
    """The functions, and AWS around them."""

    aws: AwsWorld

    def take(self, key: str = "key-1", route: str = "succeed", *, age_seconds: float = 0, **changes: Any) -> Acceptance:
        """A task that was accepted `age_seconds` ago."""
        accepted_at_ms = time.time_ns() // 1_000_000 - round(age_seconds * 1000)
        source = changes.pop("source", f"route:{route}")
        acceptance = an_acceptance(key, source=source, accepted_at_ms=accepted_at_ms, **changes)
        assert self.aws.acceptances.put(acceptance, now_ms=accepted_at_ms) == Written()
        return acceptance

    def run(self, task: Acceptance) -> Run:
        """The task's row."""
        run = self.aws.runs.get(task.tenant, task.trace_id)
        assert run is not None
        return run

    # The functions.

    def consume(self, *bodies: str) -> list[str]:
        """Send messages, hand them to the consumer in one batch, and delete as the platform would; who comes back."""
        sqs, url = self.aws.clients.sqs(), self.aws.queue_url
        for body in bodies:
            sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="default")
        found = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=360, MessageSystemAttributeNames=["All"]
        ).get("Messages", [])
        answer = consumer_handler.lambda_handler({"Records": [_record(message) for message in found]}, Context())
        assert answer.keys() == {"batchItemFailures"}
        kept = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for message in found:
            if message["MessageId"] not in kept:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in found if message["MessageId"] in kept]

    def consume_task(self, task: Acceptance) -> bool:
        """Consume the task's message; whether it comes back."""
        return bool(self.consume(text_of(task)))

    def execute(self, task: Acceptance, *, for_caller: bool = False, owner: str = "o" * 16) -> dict[str, Any]:
        """Invoke `workflow` with the event that the invoker sends."""
        event = json.loads(request(TaskMessage(task.tenant, task.trace_id), owner=owner, for_caller=for_caller))
        answer: dict[str, Any] = json.loads(json.dumps(workflow_handler.lambda_handler(event, Context())))
        return answer

    def tick(self) -> list[str]:
        """One tick; the parts that failed."""
        failed: list[str] = scheduler_handler.lambda_handler(deepcopy(TICK), Context())["failedParts"]
        return failed

    # The queue.

    def visible_in(self) -> list[float]:
        """Seconds until each message that is in flight becomes visible."""
        return sorted(message.visible_at / 1000 - time.time() for message in queue_of(self.aws.queue_url)._messages)

    def sent(self) -> list[TaskMessage | None]:
        """What stands in the queue, taken out of it."""
        found = self.aws.clients.sqs().receive_message(QueueUrl=self.aws.queue_url, MaxNumberOfMessages=10)
        return [TaskMessage.from_text(message["Body"]) for message in found.get("Messages", [])]


def text_of(task: Acceptance) -> str:
    return TaskMessage(task.tenant, task.trace_id).to_text()


def _record(message: Any) -> dict[str, Any]:
    """A received message as the event source hands it over, in the shape of the recorded event."""
    [sample] = SQS_BATCH["Records"]
    return {
        **sample,
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "md5OfBody": message["MD5OfBody"],
        "attributes": sample["attributes"]
        | {"ApproximateReceiveCount": message["Attributes"]["ApproximateReceiveCount"]},
    }


@contextmanager
def functions_world(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[FunctionsWorld]:
    """The functions with everything around them; their logs go to the standard output of the moment."""
    scripted_handlers.starts.clear()
    (folder / "manifest.json").write_text(scripted_handlers.manifest().to_json())
    with aws_world() as aws:
        for name, value in _environment(aws).items():
            monkeypatch.setenv(name, value)
        for wiring in WIRINGS:
            monkeypatch.setattr(wiring, "MANIFEST", folder / "manifest.json")
            monkeypatch.setattr(wiring, "Clients", lambda: aws.clients)
        _forget()
        functions = {WORKFLOW_FUNCTION: lambda event: workflow_handler.lambda_handler(event, Context())}
        run_functions(aws.line, functions)
        yield FunctionsWorld(aws)
        _forget()


def _forget() -> None:
    """Let every function start anew."""
    consumer_wiring.consumer.cache_clear()
    workflow_wiring.workflow.cache_clear()
    scheduler_wiring.scheduler.cache_clear()


def _environment(aws: AwsWorld) -> dict[str, str]:
    tables = {setting_name(table): physical(table) for table in TABLES}
    return tables | {
        "ENVIRONMENT": "dev",
        "POWERTOOLS_SERVICE_NAME": f"function-{next(_numbers)}",  # a logger keeps the stream of its first use
        "POWERTOOLS_METRICS_NAMESPACE": "WorkerFlow",
        "LOG_LEVEL": "INFO",
        "QUEUE_URL": aws.queue_url,
        "DEAD_LETTER_QUEUE_URL": aws.dead_letter_queue_url,
        "PAYLOAD_BUCKET": BUCKET,
        "WORKFLOW_FUNCTION": WORKFLOW_FUNCTION,
        "SECRET_PREFIX": "workerflow/dev/",
        "RETENTION_DAYS": "30",
        "DEADLINE_HOURS": "24",
    }

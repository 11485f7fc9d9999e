"""Fifty calls at the same moment with one key: one acceptance, one execution, fifty answers with one trace id.

Each call has a container of its own, as Lambda gives it. The queue hands the message out to fifty consumers at once,
which a standard queue may do. Once on the adapters with moto, once on the fakes, and once through the whole handler.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from moto.core.botocore_stubber import BotocoreStubber

from functions.consumer import handler as consumer_handler
from functions.ingress import handler as ingress_handler
from tests.fakes.surroundings import FakeSecrets
from tests.fakes.world import FakeWorld
from tests.integration.ingress_world import IngressWorld, ingress_world
from tests.support.aws import WORKFLOW_FUNCTION, AwsWorld, aws_world
from tests.support.callers import SECRET, SECRET_NAME, Answer, Caller
from tests.support.in_memory import execution_path
from tests.support.kept import Kept
from tests.support.lambda_stand_in import run_functions
from tests.support.processes import QUIET_LOGGER, Processes
from tests.support.quick_moto import receive
from tests.support.script import Script, ScriptedHandlers
from tests.support.tasks import a_manifest
from tests.support.world import MANIFEST
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import RunState
from workerflow.domain.task import TaskMessage
from workerflow.ports.world import HandlerCall, Invocation, Reached
from workerflow.runtime.clock import SystemClock, SystemIds
from workerflow.runtime.handler_runner import ProcessRunner
from workerflow.services.accept_task import Accepted, AcceptTask, KeyReused, Retention, TaskDraft
from workerflow.services.deliver_task import Delete, Delivery
from workerflow.services.execute_task import ExecutionOrder

pytestmark = pytest.mark.slow

CALLS = 50


def at_once[T](work: Callable[[int], T]) -> list[T]:
    """What fifty threads return that begin at the same moment."""
    barrier = threading.Barrier(CALLS)

    def begin(number: int) -> T:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(CALLS) as pool:
        return list(pool.map(begin, range(CALLS)))


# On AWS's shape.


class Deployment:
    """The functions on moto, with as many containers as there are callers."""

    def __init__(self, aws: AwsWorld) -> None:
        self.aws, self.kept = aws, Kept(aws)
        aws.clients.secrets().create_secret(Name=SECRET_NAME, SecretString=SECRET)
        self.handlers = ScriptedHandlers(Script(), {}, lambda _start: None)
        runner = ProcessRunner(load=self.handlers.load, clock=SystemClock(), secrets=FakeSecrets(), logger=QUIET_LOGGER)
        self.containers = [Processes(aws, MANIFEST, SystemClock(), runner, SystemIds()) for _ in range(CALLS)]
        run_functions(aws.line, {WORKFLOW_FUNCTION: self._execute})

    def _execute(self, event: dict[str, Any]) -> dict[str, Any]:
        order = ExecutionOrder(TaskMessage(event["tenant"], event["traceId"]), event["owner"], event["forCaller"], 9000)
        return self.containers[0].workflow(order).to_json()

    def call(self, number: int, route: str) -> Answer:
        """One caller, with the key of all."""
        event = Caller(route, "the-one-key", b'{"n":1}').event()
        answer = ingress_handler._answer(self.containers[number].ingress, event, f"request-{number}", lambda: 20.0)
        return Answer.read(answer.response.to_dict())

    def deliver(self, number: int, message: Any) -> str | None:
        """One of the consumers that got the message."""
        record = {
            "messageId": message.id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": {"ApproximateReceiveCount": "1"},
        }
        return consumer_handler._deliver(self.containers[number].consumer, record)


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    with aws_world() as aws:
        yield Deployment(aws)


def test_fifty_async_calls_with_one_key_are_one_task(deployment: Deployment) -> None:
    answers = at_once(lambda number: deployment.call(number, "work"))
    assert [answer.status for answer in answers] == [202] * CALLS
    assert len({answer.document["traceId"] for answer in answers}) == 1
    assert sorted(answer.document["duplicate"] for answer in answers) == [False] + [True] * (CALLS - 1)
    assert len(deployment.kept.acceptances()) == 1


def test_one_message_handed_to_fifty_consumers_is_one_execution(deployment: Deployment) -> None:
    at_once(lambda number: deployment.call(number, "work"))
    messages = receive(deployment.aws.queue_url, limit=10, visibility_seconds=60)
    assert len(messages) == 1
    at_once(lambda number: deployment.deliver(number, messages[0]))
    (run,) = deployment.kept.runs().values()
    assert (run.state, run.attempt) == (RunState.SUCCEEDED, 1)
    assert len(deployment.handlers.starts) == 1


def test_fifty_sync_calls_with_one_key_are_one_execution(deployment: Deployment) -> None:
    answers = at_once(lambda number: deployment.call(number, "ask"))
    assert {answer.status for answer in answers} <= {200, 409}
    assert {answer.code for answer in answers} <= {None, "in_flight"}
    assert len({_trace_id(answer) for answer in answers}) == 1
    assert len(deployment.handlers.starts) == 1
    again = at_once(lambda number: deployment.call(number, "ask"))
    assert [answer.status for answer in again] == [200] * CALLS
    assert len(deployment.handlers.starts) == 1


def _trace_id(answer: Answer) -> str:
    return str(answer.headers.get("x-trace-id") or answer.document["traceId"])


# In memory.


class InMemory:
    """The services on the fakes."""

    def __init__(self) -> None:
        world = self.world = FakeWorld()
        clock, ids = SystemClock(), SystemIds()
        self.starts: list[HandlerCall] = []
        self.accept = AcceptTask(
            acceptances=world.acceptances,
            blobs=world.blobs,
            queue=world.queue,
            clock=clock,
            ids=ids,
            signals=world.signals,
            retention=Retention(retention_seconds=86_400, deadline_seconds=3_600),
        )
        self._path = execution_path(world, manifest=a_manifest(), clock=clock, ids=ids, runner=self, invoker=self)
        self.deliver = self._path.deliver

    def run(self, call: HandlerCall) -> HandlerOutput:
        self.starts.append(call)
        return HandlerOutput("document", b"{}")

    def invoke(self, message: TaskMessage, *, owner: str, for_caller: bool, wait_seconds: float) -> Invocation:
        del wait_seconds
        return Reached(self._path.execute(ExecutionOrder(message, owner, for_caller=for_caller, remaining_ms=9000)))


def test_fifty_calls_with_one_key_are_one_task_on_the_fakes_too() -> None:
    system = InMemory()
    draft = TaskDraft("default", "route:echo", "http_route", "async", "route:echo", "the-one-key", b"{}", "text/plain")
    outcomes: Sequence[Accepted | KeyReused] = at_once(lambda _: system.accept(draft))
    assert len({outcome.acceptance.trace_id for outcome in outcomes}) == 1
    assert sum(isinstance(outcome, Accepted) and not outcome.duplicate for outcome in outcomes) == 1
    (message,) = system.world.queue.messages
    deliveries: list[Delivery] = at_once(lambda _: system.deliver(message, receives=1))
    assert len(system.starts) == 1
    assert any(isinstance(delivery, Delete) for delivery in deliveries)
    (run,) = system.world.memory.runs.values()
    assert (run.state, run.attempt) == (RunState.SUCCEEDED, 1)


# Through the whole handler, from event to response.


@pytest.fixture
def front_door(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[IngressWorld]:
    lock, unguarded = threading.Lock(), BotocoreStubber.__call__

    def guarded(*arguments: Any, **named: Any) -> Any:
        with lock:  # moto is not thread-safe
            return unguarded(*arguments, **named)

    monkeypatch.setattr(BotocoreStubber, "__call__", guarded)
    with ingress_world(monkeypatch, tmp_path) as world:
        yield world


def test_fifty_signed_requests_with_one_key_are_one_task(front_door: IngressWorld) -> None:
    answers = at_once(lambda _: front_door.signed("/api/webhook_echo", b'{"hello":"world"}', key="the-one-key"))
    assert [answer.status for answer in answers] == [202] * CALLS
    assert len({answer.document["traceId"] for answer in answers}) == 1
    assert len({answer.headers["x-trace-id"] for answer in answers}) == 1
    assert sum(not answer.document["duplicate"] for answer in answers) == 1
    assert len(front_door.items("idempotency_keys")) == 1
    assert [json.loads(message)["traceId"] for message in front_door.messages()] == [answers[0].document["traceId"]]

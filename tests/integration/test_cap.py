"""A tenant's cap, shown on the functions as they are deployed, and a noisy tenant beside a quiet one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Condition, Event, Lock

import pytest

from functions.consumer import handler as consumer_handler
from tests.fakes.world import FakeWorld
from tests.integration.functions_world import Context, FunctionsWorld, functions_world, text_of
from tests.integration.scripted_handlers import at_once, most_at_once, starts
from tests.support.faults import Fault
from tests.support.in_memory import execution_path
from tests.support.quick_moto import delete, put, queue_of, receive
from tests.support.tasks import a_manifest, an_acceptance
from workerflow.domain.audit import AuditEvent
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import RunState
from workerflow.domain.task import Acceptance, TaskMessage
from workerflow.domain.tenants import TenantPolicy, Tenants
from workerflow.ports.stores import Written
from workerflow.ports.tenants import TenantsDocument
from workerflow.ports.world import HandlerCall, Invocation, Reached
from workerflow.runtime.clock import SystemClock, SystemIds
from workerflow.services.deliver_task import Delete
from workerflow.services.execute_task import ExecutionOrder

BATCH = 10
CAP = 2


# As it is deployed.


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FunctionsWorld]:
    at_once.clear()
    most_at_once.clear()
    with functions_world(monkeypatch, tmp_path) as found:
        yield found


def publish(world: FunctionsWorld, policies: dict[str, TenantPolicy]) -> None:
    document = TenantsDocument(Tenants.of(policies).to_text(), 1, "n")
    audit = AuditEvent("default", 0, "n", "ops", "tenants.published", "tenants:1")
    assert world.aws.tenants.publish(document, audit) == Written()


def accept(world: FunctionsWorld, number: int, tenant: str = "default") -> list[Acceptance]:
    """Tasks of `linger`, each with its message in the queue."""
    tasks = [world.take(f"key-{n}", "linger", tenant=tenant) for n in range(number)]
    for task in tasks:
        put(world.aws.queue_url, text_of(task))
    return tasks


def consume_all(world: FunctionsWorld) -> int:
    """Hand the queue's messages to the consumer, batch after batch, until there are none; how many batches."""
    batches = 0
    while messages := receive(world.aws.queue_url, limit=BATCH, visibility_seconds=360):
        batches += 1
        records = [
            {
                "messageId": message.id,
                "receiptHandle": message.receipt_handle,
                "body": message.body,
                "attributes": {"ApproximateReceiveCount": str(message.approximate_receive_count)},
            }
            for message in messages
        ]
        answer = consumer_handler.lambda_handler({"Records": records}, Context())
        kept = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for message in messages:
            if message.id not in kept:
                delete(world.aws.queue_url, message.receipt_handle or "")
    return batches


@pytest.mark.slow
def test_a_tenant_never_runs_more_than_its_cap_at_once_and_loses_none(world: FunctionsWorld) -> None:
    publish(world, {"acme": TenantPolicy(max_in_flight=CAP)})
    tasks = accept(world, 30, tenant="acme")
    consume_all(world)
    ticks = 0
    while any(world.run(task).state is not RunState.SUCCEEDED for task in tasks):
        ticks += 1
        assert world.tick() == []
        consume_all(world)
        assert ticks < 30
    assert most_at_once["acme"] == CAP
    assert sorted(starts) == sorted((task.trace_id, 1) for task in tasks), "each once, none twice"
    assert ticks <= CAP, "whoever leaves hands on: the tick is there for what goes wrong"
    assert list(world.aws.slots.held("acme")) == []
    assert queue_of(world.aws.queue_url)._messages == []


def test_without_a_cap_a_batch_runs_at_once(world: FunctionsWorld) -> None:
    tasks = accept(world, BATCH)
    consume_all(world)
    assert most_at_once["default"] > CAP
    assert {world.run(task).state for task in tasks} == {RunState.SUCCEEDED}


def test_one_tenants_cap_is_not_anothers(world: FunctionsWorld) -> None:
    publish(world, {"acme": TenantPolicy(max_in_flight=1), "globex": TenantPolicy()})
    capped, free = accept(world, 5, tenant="acme"), accept(world, 5, tenant="globex")
    consume_all(world)
    assert {world.run(task).state for task in (*capped, *free)} <= {RunState.SUCCEEDED, RunState.PARKED}
    assert {world.run(task).state for task in free} == {RunState.SUCCEEDED}
    assert most_at_once["acme"] == 1


def test_a_place_that_was_freed_unseen_is_free(world: FunctionsWorld) -> None:
    publish(world, {"acme": TenantPolicy(max_in_flight=1)})
    running, waiting = (world.take(key, "ask", tenant="acme", mode="sync") for key in ("1", "2"))
    with world.aws.line.breaking(Fault.SILENT, "dynamodb.DeleteItem"):
        assert world.execute(running, for_caller=True)["status"] == "succeeded"
    answer = world.execute(waiting, for_caller=True)
    assert (answer["status"], answer["delaySeconds"]) == ("succeeded", 0), "nobody heard of it"


def test_a_place_that_could_not_be_freed_is_held_and_a_caller_without_one_is_told_to_come_back(
    world: FunctionsWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(world, {"acme": TenantPolicy(max_in_flight=1)})
    first, second = (world.take(key, "ask", tenant="acme", mode="sync") for key in ("1", "2"))
    with world.aws.line.breaking(Fault.REFUSED, "dynamodb.DeleteItem"):
        assert world.execute(first, for_caller=True)["status"] == "succeeded"
    assert "a place was not handed on" in capsys.readouterr().out
    answer = world.execute(second, for_caller=True)
    assert (answer["status"], answer["delaySeconds"]) == ("full", 2.0)
    assert world.execute(first, for_caller=True)["stored"] is True


# A noisy tenant beside a quiet one, on the services in memory: a thousand tasks against one.


class Fleet:
    """Consumers that take batches from one queue, first come, first served, each as busy as its slowest task.

    SQS would serve the quiet tenant first, for its messages are of another group; here it waits for its turn.

    Attributes:
        begun: whose tasks began, in order.
    """

    CONSUMERS = 5  # as in infra/environments.py, dev

    def __init__(self, lasts: Callable[[Fleet, HandlerCall], None]) -> None:
        self.world = FakeWorld()
        self.begun: list[str] = []
        self.delivered = Condition()
        self.deliveries = 0
        self._lasts, self._lock, self._stop = lasts, Lock(), Event()
        self._path = execution_path(
            self.world, manifest=a_manifest(), clock=SystemClock(), ids=SystemIds(), runner=self, invoker=self
        )

    def run(self, call: HandlerCall) -> HandlerOutput:
        with self._lock:
            self.begun.append(call.acceptance.tenant)
        self._lasts(self, call)
        return HandlerOutput("document", b"{}")

    def invoke(self, message: TaskMessage, *, owner: str, for_caller: bool, wait_seconds: float) -> Invocation:
        del wait_seconds
        return Reached(self._path.execute(ExecutionOrder(message, owner, for_caller=for_caller, remaining_ms=270_000)))

    def accept(self, tenant: str, number: int) -> None:
        """Tasks, each with its message behind all that are there."""
        now_ms = SystemClock().now_ms()
        for n in range(number):
            task = an_acceptance(f"key-{n}", tenant=tenant, accepted_at_ms=now_ms)
            assert self.world.acceptances.put(task, now_ms=now_ms) == Written()
            self.world.queue.send(TaskMessage(tenant, task.trace_id))

    def work_until(self, done: Event) -> None:
        """Let all consumers work until something has happened, and what they have begun has ended."""
        with ThreadPoolExecutor(self.CONSUMERS * BATCH) as workers, ThreadPoolExecutor(self.CONSUMERS) as consumers:
            working = [consumers.submit(self._consume, workers, done) for _ in range(self.CONSUMERS)]
        for one in working:
            one.result()

    def _consume(self, workers: ThreadPoolExecutor, done: Event) -> None:
        while not done.is_set():
            list(workers.map(self._deliver_one, self._batch()))

    def _batch(self) -> list[TaskMessage]:
        with self._lock:
            taken = [self.world.queue.take() for _ in range(BATCH)]
        return [message for message in taken if message is not None]

    def _deliver_one(self, message: TaskMessage) -> None:
        assert isinstance(self._path.deliver(message, receives=1), Delete)
        with self.delivered:
            self.deliveries += 1
            self.delivered.notify_all()


NOISY_TASKS = 1_000
A_FEW_BATCHES = 3 * BATCH


def noisy_before_quiet(lasts: Callable[[Fleet, HandlerCall], None]) -> int:
    """How many of the noisy tenant's tasks begin between the quiet one's acceptance and its task's start."""
    quiet_began = Event()

    def handler(fleet: Fleet, call: HandlerCall) -> None:
        if call.acceptance.tenant == "quiet":
            quiet_began.set()
        else:
            lasts(fleet, call)

    fleet = Fleet(handler)
    text = Tenants.of({"noisy": TenantPolicy(max_in_flight=CAP), "quiet": TenantPolicy()}).to_text()
    fleet.world.memory.tenants = TenantsDocument(text, 1, "n")
    fleet.accept("noisy", NOISY_TASKS)
    fleet.accept("quiet", 1)
    fleet.work_until(quiet_began)
    return fleet.begun.index("quiet")


@pytest.mark.slow
def test_a_thousand_tasks_that_take_long_delay_a_quiet_tenants_one_by_its_places() -> None:
    def until_the_quiet_one_began(fleet: Fleet, _call: HandlerCall) -> None:
        with fleet.delivered:
            assert fleet.delivered.wait_for(lambda: "quiet" in fleet.begun, timeout=30)

    assert noisy_before_quiet(until_the_quiet_one_began) == CAP


@pytest.mark.slow
def test_a_thousand_short_tasks_delay_a_quiet_tenants_one_by_a_few_batches() -> None:
    def as_long_as_a_hundred_deliveries(fleet: Fleet, _call: HandlerCall) -> None:
        with fleet.delivered:
            until = fleet.deliveries + 100
            fleet.delivered.wait_for(lambda: fleet.deliveries >= until or "quiet" in fleet.begun, timeout=30)

    began = noisy_before_quiet(as_long_as_a_hundred_deliveries)
    assert CAP <= began <= A_FEW_BATCHES

"""The line that breaks calls: what each fault does, and what it records."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.fakes.world import FakeWorld
from tests.support.aws import AwsWorld, aws_world
from tests.support.faults import Fault, ProcessDied, Site
from tests.support.tasks import NOW_MS, an_acceptance
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.holding import park_for_pause
from workerflow.domain.run import Run
from workerflow.domain.task import TaskMessage
from workerflow.ports.stores import Written
from workerflow.services.ledger import Ledger

ACCEPTANCE = an_acceptance()


@pytest.fixture
def world() -> Iterator[AwsWorld]:
    with aws_world() as world:
        yield world


@pytest.mark.parametrize(
    ("fault", "raises", "applied", "tries"),
    [
        (Fault.REFUSED, StoreUnavailableError, 0, 3),
        (Fault.THROTTLED, StoreUnavailableError, 0, 3),
        (Fault.HICCUP, None, 1, 2),
        (Fault.LOST, None, 2, 2),
        (Fault.SILENT, StoreUnavailableError, 1, 3),
        (Fault.DIES_BEFORE, ProcessDied, 0, 1),
        (Fault.DIES_AFTER, ProcessDied, 1, 1),
    ],
)
def test_a_fault_does_what_it_says(
    world: AwsWorld, fault: Fault, raises: type[BaseException] | None, applied: int, tries: int
) -> None:
    world.line.break_call(1, fault)
    if raises is None:
        assert world.acceptances.put(ACCEPTANCE, now_ms=NOW_MS) == Written()
    else:
        with pytest.raises(raises):
            world.acceptances.put(ACCEPTANCE, now_ms=NOW_MS)
    [call] = world.line.calls
    assert (call.applied, call.tries, call.fault) == (applied, tries, fault)
    there = world.acceptances.get("default", ACCEPTANCE.key_hash)
    assert there == (ACCEPTANCE if applied else None)


@pytest.mark.parametrize("service", ["s3", "sqs", "dynamodb"])
def test_every_service_can_be_throttled(world: AwsWorld, service: str) -> None:
    calls: dict[str, Callable[[], object]] = {
        "s3": lambda: world.blobs.put("a/b/c", b"x"),
        "sqs": lambda: world.queue.send(TaskMessage("default", ACCEPTANCE.trace_id)),
        "dynamodb": lambda: world.runs.get("default", ACCEPTANCE.trace_id),
    }
    with world.line.breaking(Fault.THROTTLED), pytest.raises(StoreUnavailableError):
        calls[service]()
    assert [call.tries for call in world.line.calls] == [3]


def test_only_the_chosen_call_is_broken(world: AwsWorld) -> None:
    world.line.break_call(2, Fault.REFUSED)
    world.acceptances.get("default", ACCEPTANCE.key_hash)
    with pytest.raises(StoreUnavailableError):
        world.acceptances.get("default", ACCEPTANCE.key_hash)
    world.acceptances.get("default", ACCEPTANCE.key_hash)
    assert [call.fault for call in world.line.calls] == [None, Fault.REFUSED, None]


def test_a_hundred_broken_histories_do_not_run_the_sdk_dry(world: AwsWorld) -> None:
    with world.line.breaking(Fault.HICCUP):
        for _ in range(150):
            world.acceptances.get("default", ACCEPTANCE.key_hash)
    assert {call.tries for call in world.line.calls} == {2}


def test_the_place_of_a_call_is_recorded(world: AwsWorld) -> None:
    fake = FakeWorld()
    ledger = Ledger(runs=world.runs, acceptances=world.acceptances, clock=fake.clock, ids=fake.ids)
    ledger.settle(Run.of_task(ACCEPTANCE), park_for_pause)
    assert [call.site for call in world.line.calls] == [
        Site("dynamodb.PutItem", "DynamoRuns.write", "Ledger.settle > Ledger._write")
    ]

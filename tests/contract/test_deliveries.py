"""Deliveries on SQS: a message comes back when it is told to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.aws import AwsWorld, aws_world
from tests.support.faults import Fault
from tests.support.tasks import an_acceptance
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.task import TaskMessage

MESSAGE = TaskMessage("default", an_acceptance().trace_id)


@pytest.fixture
def world() -> Iterator[AwsWorld]:
    with aws_world() as world:
        yield world


def _receipt(world: AwsWorld) -> str:
    world.queue.send(MESSAGE)
    [message] = world.clients.sqs().receive_message(QueueUrl=world.queue_url)["Messages"]
    world.line.reset()
    return message["ReceiptHandle"]


@pytest.mark.parametrize(("delay", "seconds"), [(0, 0), (-1, 0), (0.2, 1), (119.5, 120), (1e9, 39_600)])
def test_a_delay_is_rounded_up_and_kept_in_bounds(world: AwsWorld, delay: float, seconds: int) -> None:
    world.deliveries.return_after(_receipt(world), delay)
    assert [call.parameters["VisibilityTimeout"] for call in world.line.calls] == [seconds]


def test_a_message_that_is_returned_at_once_is_there_again(world: AwsWorld) -> None:
    world.deliveries.return_after(_receipt(world), 0)
    assert "Messages" in world.clients.sqs().receive_message(QueueUrl=world.queue_url)


def test_a_queue_that_does_not_answer_is_told_as_such(world: AwsWorld) -> None:
    receipt = _receipt(world)
    with world.line.breaking(Fault.REFUSED), pytest.raises(StoreUnavailableError):
        world.deliveries.return_after(receipt, 5)


def test_messages_of_a_tenant_are_one_fair_group(world: AwsWorld) -> None:
    world.queue.send(MESSAGE)
    world.queue.send_many([MESSAGE])
    groups = [
        call.parameters.get("MessageGroupId") or call.parameters["Entries"][0]["MessageGroupId"]
        for call in world.line.calls
    ]
    assert groups == ["default", "default"]


def test_messages_that_sqs_refuses_are_told(world: AwsWorld) -> None:
    answer = b'{"Successful": [], "Failed": [{"Id": "1", "SenderFault": false, "Code": "InternalError"}]}'
    world.line.stand_in("sqs.SendMessageBatch", lambda _request: (200, {}, answer))
    other = TaskMessage("default", an_acceptance("other").trace_id)
    assert list(world.queue.send_many([MESSAGE, other])) == [other]

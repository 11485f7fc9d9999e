"""TaskQueue and DeadMessageQueue: what both implementations promise."""

from __future__ import annotations

import pytest

from tests.contract.worlds import Ports
from tests.support.tasks import an_acceptance
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.task import TaskMessage

MESSAGES = [TaskMessage("default", an_acceptance(f"key-{number}").trace_id) for number in range(10)]


def _in_order(messages: list[TaskMessage | None]) -> list[str]:
    return sorted(message.trace_id for message in messages if message is not None)


def test_a_message_arrives(world: Ports) -> None:
    world.queue.send(MESSAGES[0])
    assert world.sent() == [MESSAGES[0]]


def test_a_batch_arrives_whole(world: Ports) -> None:
    assert list(world.queue.send_many(MESSAGES)) == []
    assert _in_order(world.sent()) == _in_order([*MESSAGES])


def test_an_empty_batch_is_no_call(world: Ports) -> None:
    with world.refusing():
        assert list(world.queue.send_many([])) == []


def test_a_queue_that_does_not_answer_is_asked_again(world: Ports) -> None:
    with world.refusing():
        with pytest.raises(StoreUnavailableError):
            world.queue.send(MESSAGES[0])
        with pytest.raises(StoreUnavailableError):
            world.queue.send_many(MESSAGES)
    assert world.sent() == []


def test_a_message_whose_answer_was_lost_may_have_been_sent(world: Ports) -> None:
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.queue.send(MESSAGES[0])
    assert world.sent() == [MESSAGES[0]]


def test_dead_messages_are_received_with_the_task_that_they_name(world: Ports) -> None:
    world.bury(MESSAGES[0].to_text())
    [message] = world.dead_messages.receive(10)
    assert message.message == MESSAGES[0]
    assert message.body == MESSAGES[0].to_text()


@pytest.mark.parametrize(
    "body",
    ["", "no json", "[]", "null", '{"v":2,"tenant":"default","traceId":"x"}', '{"v":1,"tenant":"A B"}', "[" * 50_000],
)
def test_bytes_that_are_no_task_are_received_as_such(world: Ports, body: str) -> None:
    if not body:
        body = " "  # SQS takes no empty message
    world.bury(body)
    [message] = world.dead_messages.receive(10)
    assert message.message is None
    assert message.body == body


def test_a_received_message_is_hidden_from_others(world: Ports) -> None:
    world.bury(MESSAGES[0].to_text())
    assert len(world.dead_messages.receive(10)) == 1
    assert list(world.dead_messages.receive(10)) == []


def test_a_deleted_message_may_be_deleted_again(world: Ports) -> None:
    world.bury(MESSAGES[0].to_text())
    [message] = world.dead_messages.receive(10)
    world.dead_messages.delete(message)
    world.dead_messages.delete(message)


def test_at_most_ten_dead_messages_come_at_once(world: Ports) -> None:
    for message in (*MESSAGES, *MESSAGES):
        world.bury(message.to_text())
    assert len(world.dead_messages.receive(4)) == 4
    assert len(world.dead_messages.receive(100)) == 10

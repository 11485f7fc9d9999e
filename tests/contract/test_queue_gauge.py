"""The queue's three numbers are told by their names, and not for one another."""

from __future__ import annotations

from tests.support.aws import aws_world
from tests.support.tasks import an_acceptance
from workerflow.domain.task import TaskMessage
from workerflow.ports.world import QueueDepth


def test_visible_received_and_delayed_messages_are_told_apart() -> None:
    with aws_world() as world:
        for key in ("one", "two", "three"):
            world.queue.send(TaskMessage("default", an_acceptance(key).trace_id))
        sqs = world.clients.sqs()
        sqs.send_message(QueueUrl=world.queue_url, MessageBody="later", DelaySeconds=900)
        sqs.receive_message(QueueUrl=world.queue_url, MaxNumberOfMessages=1)
        assert world.queue_gauge.depth() == QueueDepth(visible=2, in_flight=1, delayed=1)

"""TaskQueue, QueueGauge, Deliveries and DeadMessageQueue on SQS.

The queue is a standard one with MessageGroupId = tenant ("fair queues"): a tenant that sends a million tasks does not
hold up the others. A message names a task and carries nothing of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workerflow.adapters.aws_errors import in_our_words
from workerflow.domain.task import TaskMessage
from workerflow.ports.world import DeadMessage, QueueDepth

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

MAX_BATCH = 10
"""Messages in one call. Source: AWS, "Amazon SQS message quotas"."""
MAX_VISIBILITY_SECONDS = 11 * 3600
"""SQS counts its 12 hours from the moment in which the message was received, not from the call."""

_DEPTHS: tuple[QueueAttributeNameType, ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class SqsTaskQueue:
    """Sends tasks to the queue."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, message: TaskMessage) -> None:
        with in_our_words():
            self._client.send_message(QueueUrl=self._url, MessageBody=message.to_text(), MessageGroupId=message.tenant)

    def send_many(self, messages: Sequence[TaskMessage]) -> Sequence[TaskMessage]:
        if not messages:
            return ()
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(number), "MessageBody": message.to_text(), "MessageGroupId": message.tenant}
            for number, message in enumerate(messages)
        ]
        with in_our_words():
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        return [messages[int(failed["Id"])] for failed in answer.get("Failed", [])]


class SqsQueueGauge:
    """How many messages the queue holds."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def depth(self) -> QueueDepth:
        with in_our_words():
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=[*_DEPTHS])
        visible, in_flight, delayed = (int(answer["Attributes"][name]) for name in _DEPTHS)
        return QueueDepth(visible, in_flight, delayed)


class SqsDeliveries:
    """The messages that the event source handed to the consumer."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def return_after(self, receipt: str, delay_seconds: float) -> None:
        seconds = min(MAX_VISIBILITY_SECONDS, max(0, math.ceil(delay_seconds)))
        with in_our_words():
            self._client.change_message_visibility(QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds)


class SqsDeadMessages:
    """The queue's own dead-letter queue.

    Short polls: one may overlook a message (AWS, "Amazon SQS short and long polling"), which the next tick then finds.
    A long poll of an empty queue, which it nearly always is, would cost a second of every minute.
    """

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def receive(self, limit: int) -> Sequence[DeadMessage]:
        with in_our_words():
            answer = self._client.receive_message(QueueUrl=self._url, MaxNumberOfMessages=max(1, min(limit, MAX_BATCH)))
        return [
            DeadMessage(
                receipt=message["ReceiptHandle"],
                body=message["Body"],
                message=TaskMessage.from_text(message["Body"]),
            )
            for message in answer.get("Messages", [])
        ]

    def delete(self, message: DeadMessage) -> None:
        with in_our_words():
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt)

"""`consumer`: takes a batch of messages from the task queue, has `workflow` execute each, and says which come back."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from functions.consumer.wiring import Consumer, consumer
from workerflow.domain.task import TaskMessage
from workerflow.runtime import cold_start
from workerflow.services.deliver_task import Delete, Delivery, ReturnAfter

BATCH = 10
REJECT_DELAY_S = 1.0
"""A message that is no task goes quickly to the dead-letter queue, where the tick makes an audit event of it."""


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Deliver a batch concurrently, so that one slow handler holds up no other task.

    Returns:
        The partial batch response: the messages that are not named in it are deleted by the platform.
    """
    wired = consumer()
    records = event["Records"]
    try:
        with ThreadPoolExecutor(max_workers=BATCH) as pool:
            kept = pool.map(lambda record: _deliver(wired, record), records)
            failures = [{"itemIdentifier": name} for name in kept if name is not None]
        return {"batchItemFailures": failures}
    finally:
        wired.telemetry.flush()


def _deliver(wired: Consumer, record: dict[str, Any]) -> str | None:
    """Deliver one message; its id if it must come back."""
    delivery = _delivery(wired, record)
    if isinstance(delivery, Delete):
        return None
    try:
        wired.deliveries.return_after(record["receiptHandle"], math.ceil(delivery.delay_seconds))
    except Exception as error:  # noqa: BLE001 - then it comes back after the queue's own time
        wired.telemetry.failure("a message's return could not be timed", error, message_id=record["messageId"])
    return str(record["messageId"])


def _delivery(wired: Consumer, record: dict[str, Any]) -> Delivery:
    message = TaskMessage.from_text(record["body"])
    if message is None:
        wired.telemetry.warning("a message is no task", message_id=record["messageId"])
        return ReturnAfter(REJECT_DELAY_S, "no_task")
    try:
        delivery = wired.deliver(message, receives=int(record["attributes"]["ApproximateReceiveCount"]))
    except Exception as error:  # noqa: BLE001 - one task's fault must not return the nine others
        wired.telemetry.failure("a delivery failed", error, trace_id=message.trace_id, tenant=message.tenant)
        return ReturnAfter(REJECT_DELAY_S * BATCH, "fault")
    wired.telemetry.info("delivery", trace_id=message.trace_id, tenant=message.tenant, **_fields_of(delivery))
    return delivery


def _fields_of(delivery: Delivery) -> dict[str, object]:
    if isinstance(delivery, Delete):
        return {"status": delivery.status.value}
    return {"status": delivery.reason, "delay_seconds": delivery.delay_seconds}


cold_start.complete(consumer)

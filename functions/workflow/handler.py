"""`workflow`: executes one task. Invoked by `consumer` for queued tasks and by `ingress` for sync calls."""

from __future__ import annotations

from typing import Any

from functions.workflow.wiring import workflow
from workerflow.domain.task import TaskMessage
from workerflow.runtime import cold_start
from workerflow.services.execute_task import ExecutionOrder


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - the platform's context
    """Execute the task that `event` names and answer how it stands (domain.outcome.Execution as JSON).

    Args:
        event: `tenant`, `traceId`, `owner` (nonce of the invoker), `forCaller`.
        context: the platform's; tells how long this invocation may live.
    """
    order = ExecutionOrder(
        message=TaskMessage(event["tenant"], event["traceId"]),
        owner=event["owner"],
        for_caller=event["forCaller"],
        remaining_ms=context.get_remaining_time_in_millis(),
    )
    wired = workflow()
    wired.telemetry.logger.append_keys(trace_id=order.message.trace_id, tenant=order.message.tenant)
    try:
        execution = wired.execute(order)
        # An exception's text may repeat the payload: it stands in the ledger, which forgets, and in no log.
        error_class = execution.error.partition(":")[0] if execution.error else None
        wired.telemetry.info("execution", status=execution.status.value, error_class=error_class)
        return execution.to_json()
    finally:
        wired.telemetry.flush()


cold_start.complete(workflow)

"""What a caller of a sync route is told if its task did not succeed. Part of the tree in refusals.

    RefusedError
    |-- InFlightError, TenantBusyError                          nothing ran: ask again
    |-- SyncTimeoutError, TryAgainError                         it goes on, or may be tried again
    `-- PayloadRejectedError, TaskFailedError, TaskEndedError   the last word

The handler's own words stay in the ledger.
"""

from __future__ import annotations

from workerflow.domain.refusals import RefusedError


class InFlightError(RefusedError):
    """Another call with the key is being answered right now."""

    code = "in_flight"
    status = 409
    title = "The task is being executed"
    retryable = True


class TenantBusyError(RefusedError):
    """As many of the tenant's tasks are being executed as its policy allows; nothing of this one ran."""

    code = "tenant_busy"
    status = 429
    title = "The tenant has too many tasks in flight"
    retryable = True


class SyncTimeoutError(RefusedError):
    """The handler did not end in time, and the task could not be handed over to the queue."""

    code = "sync_timeout"
    status = 504
    title = "The task did not end in time"
    retryable = True


class TryAgainError(RefusedError):
    """The handler failed in a way that another call with the same key may mend."""

    code = "try_again"
    status = 503
    title = "The task failed and may be tried again"
    retryable = True


class PayloadRejectedError(RefusedError):
    """The handler itself found that the payload is not what it takes."""

    code = "payload_rejected"
    status = 422
    title = "The handler rejected the payload"


class TaskFailedError(RefusedError):
    """The task failed for good; its dead letter can be replayed."""

    code = "task_failed"
    status = 500
    title = "The task failed"


class TaskEndedError(RefusedError):
    """The task of this key has ended without an output: it was cancelled, skipped or abandoned."""

    code = "task_ended"
    status = 409
    title = "The task has ended without an output"

"""One message of a batch: invoke `workflow` for its task, and decide what becomes of the message.

The consumer is the asynchronous execution adapter: it knows messages, `workflow` knows tasks.
"""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.errors import InvocationFailedError, StoreUnavailableError
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.task import TaskMessage
from workerflow.domain.transitions import VISIBILITY_WAIT_LIMIT_S
from workerflow.ports.world import Died, Ids, Reached, WorkflowInvoker
from workerflow.services.record_death import Death, RecordDeath

NO_ANSWER_DELAY_S = 60.0
UNREACHABLE_BASE_S = 2.0

_MAY_GO = frozenset(
    {
        ExecutionStatus.SUCCEEDED,
        ExecutionStatus.FAILED,
        ExecutionStatus.ENDED,
        ExecutionStatus.PARKED,
        ExecutionStatus.UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True)
class Delete:
    """The message has done its work: the task has ended, or the ledger holds its due time."""

    status: ExecutionStatus


@dataclass(frozen=True, slots=True)
class ReturnAfter:
    """The message comes back after `delay_seconds`, which is at most VISIBILITY_WAIT_LIMIT_S."""

    delay_seconds: float
    reason: str


type Delivery = Delete | ReturnAfter


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverTask:
    """Delivers one message."""

    invoker: WorkflowInvoker
    record_death: RecordDeath
    ids: Ids
    wait_seconds: float

    def __call__(self, message: TaskMessage, *, receives: int) -> Delivery:
        """Deliver, whatever the task or AWS did.

        Args:
            message: the task.
            receives: how often the queue has handed this message out; spreads the returns of one that cannot be
                delivered.

        Raises:
            IntegrityError: the task's row is none of ours; let the message come back until somebody has mended it.
        """
        owner = self.ids.nonce()
        try:
            invocation = self.invoker.invoke(message, owner=owner, for_caller=False, wait_seconds=self.wait_seconds)
            if isinstance(invocation, Reached):
                return _delivery_of(invocation.execution)
            if isinstance(invocation, Died):
                death = Death(message, owner, invocation.message)
                return _delivery_of(self.record_death(death, for_caller=False))
        except (InvocationFailedError, StoreUnavailableError) as error:
            return ReturnAfter(self._spread(receives), error.code)
        return ReturnAfter(NO_ANSWER_DELAY_S, "no_answer")

    def _spread(self, receives: int) -> float:
        ceiling = min(VISIBILITY_WAIT_LIMIT_S, UNREACHABLE_BASE_S * 2.0 ** min(receives, 10))
        return ceiling * self.ids.jitter()


def _delivery_of(execution: Execution) -> Delivery:
    if execution.status in _MAY_GO:
        return Delete(execution.status)
    return ReturnAfter(min(execution.delay_seconds, VISIBILITY_WAIT_LIMIT_S), execution.status.value)

"""Answer a sync call: run its task while the caller waits, or hand it over when the wait is over.

invoke workflow --answer in time--> that answer
`--none--> mark the run as handed over -> send it to the queue -> 202
(either fails: 504; the mark alone suffices for the tick to execute it)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workerflow.domain.errors import InvocationFailedError, StoreUnavailableError
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.run import LetterClass, Run
from workerflow.domain.task import Acceptance, TaskMessage
from workerflow.domain.transitions import Leave, hand_over
from workerflow.ports.world import Died, Ids, Invocation, Reached, TaskQueue, WorkflowInvoker
from workerflow.services.ledger import Ledger
from workerflow.services.record_death import Death, RecordDeath
from workerflow.services.tell_run import TellRun

UNREACHED_RETRY_S = 2.0


@dataclass(frozen=True, slots=True)
class Finished:
    """The task succeeded. `output` is an encoded HandlerOutput; `stored`: by an earlier call."""

    output: bytes
    stored: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """The task failed for good and has a dead letter; `stored`: by an earlier call."""

    letter_class: LetterClass
    error: str
    stored: bool


@dataclass(frozen=True, slots=True)
class TryAgain:
    """The attempt failed, another may follow: by the caller's next call with the same key."""

    retry_after_seconds: float
    error: str


@dataclass(frozen=True, slots=True)
class InFlight:
    """Another call with the key is being executed right now."""

    retry_after_seconds: float


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The task goes on behind the queue; the caller asks for its run."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """No answer in time and no certainty that the task was handed over: ask again with the same key."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The task ended without an outcome of its own: abandoned, cancelled; `detail` says what is known."""

    detail: str


@dataclass(frozen=True, slots=True)
class Paused:
    """The route was paused in this moment; nothing ran."""


@dataclass(frozen=True, slots=True)
class TenantBusy:
    """As many of the tenant's tasks are being executed as its policy allows; nothing ran."""

    retry_after_seconds: float


type SyncAnswer = Finished | Failed | TryAgain | InFlight | HandedOver | TimedOut | Ended | Paused | TenantBusy


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSync:
    """Executes an accepted sync task for its waiting caller."""

    invoker: WorkflowInvoker
    queue: TaskQueue
    ledger: Ledger
    record_death: RecordDeath
    tell_run: TellRun
    ids: Ids

    def __call__(self, acceptance: Acceptance, *, wait_seconds: float) -> SyncAnswer:
        """Run the task and answer within `wait_seconds` and the moment that a hand-over takes.

        Raises:
            StoreUnavailableError: unknown how the task stands; the caller asks again with the same key.
        """
        message = TaskMessage(acceptance.tenant, acceptance.trace_id)
        owner = self.ids.nonce()
        try:
            invocation = self.invoker.invoke(message, owner=owner, for_caller=True, wait_seconds=wait_seconds)
        except InvocationFailedError:
            return TryAgain(UNREACHED_RETRY_S, "the execution could not be started")
        execution = self._execution_of(invocation, message, owner)
        return self._hand_over(acceptance, message) if execution is None else _answer_of(execution)

    def _execution_of(self, invocation: Invocation, message: TaskMessage, owner: str) -> Execution | None:
        if isinstance(invocation, Reached):
            return invocation.execution
        if isinstance(invocation, Died):
            return self.record_death(Death(message, owner, invocation.message), for_caller=True)
        return None

    def _hand_over(self, acceptance: Acceptance, message: TaskMessage) -> SyncAnswer:
        try:
            settled = self.ledger.settle(Run.of_task(acceptance), hand_over)
            if isinstance(settled.decision, Leave) or settled.run.is_terminal:
                return _answer_of(self.tell_run(settled.run, for_caller=True, stored=False))
            self.queue.send(message)
        except StoreUnavailableError:
            return TimedOut()
        return HandedOver()


def _answer_of(execution: Execution) -> SyncAnswer:
    if execution.status is ExecutionStatus.UNKNOWN:
        raise StoreUnavailableError("the task that was just accepted is not there")
    return _ANSWERS[execution.status](execution)


_ANSWERS: dict[ExecutionStatus, Callable[[Execution], SyncAnswer]] = {
    ExecutionStatus.SUCCEEDED: lambda execution: Finished(execution.output or b"", execution.stored),
    ExecutionStatus.FAILED: lambda execution: Failed(
        execution.letter_class or LetterClass.HANDLER_ERROR, execution.error or "", execution.stored
    ),
    ExecutionStatus.WAITING: lambda execution: TryAgain(execution.delay_seconds, execution.error or ""),
    ExecutionStatus.BUSY: lambda execution: InFlight(execution.delay_seconds),
    ExecutionStatus.PARKED: lambda _: HandedOver(),
    ExecutionStatus.REFUSED: lambda _: Paused(),
    ExecutionStatus.FULL: lambda execution: TenantBusy(execution.delay_seconds),
    ExecutionStatus.ENDED: lambda execution: Ended(execution.error or ""),
}

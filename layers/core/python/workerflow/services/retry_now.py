"""Retry now: a run that waits for its time is tried at once.

Its row loses what it waited for, with the audit row in one transaction; then its message is sent. If that fails, the
tick sends it: the run is due soon.
"""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.audit import AuditEvent
from workerflow.domain.cancelling import Obstacle, obstacle_to_retry, retry_now
from workerflow.domain.operation import OperationKey
from workerflow.domain.run import Run
from workerflow.domain.transitions import Leave
from workerflow.ports.world import Signals, TaskQueue
from workerflow.services.accept_task import send_or_leave
from workerflow.services.find_run import FindRun
from workerflow.services.ledger import Ledger

_CODES = {Obstacle.ENDED: "not_waiting", Obstacle.RUNNING: "not_waiting", Obstacle.CANCELLING: "not_waiting"}
_DETAILS = {
    Obstacle.ENDED: "the run has ended; replay it instead",
    Obstacle.RUNNING: "the run is being worked on",
    Obstacle.CANCELLING: "the run is being cancelled",
    Obstacle.PAUSED: "the run waits for its route or schedule to be resumed",
    Obstacle.CAPPED: "the run waits for another of the tenant's tasks in flight to end",
    Obstacle.WAITS_FOR_CALLER: "the run is for its caller to repeat, with the same key",
    Obstacle.DEADLINE_PASSED: "the run's deadline has passed; it is about to be closed",
}


@dataclass(frozen=True, slots=True)
class RetryOrder:
    """What an operator asks for.

    Attributes:
        actor: a token's name and id, never any part of the token.
        address: where the order came from.
        operation: under which it is remembered.
    """

    tenant: str
    trace_id: str
    actor: str
    reason: str
    address: str = ""
    operation: OperationKey | None = None


@dataclass(frozen=True, slots=True)
class Retried:
    """The run is queued, and its message on its way."""

    run: Run


@dataclass(frozen=True, slots=True)
class NotRetried:
    """Why not. `code` is one of: not_found, not_waiting, paused, capped, waits_for_caller, deadline_passed."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryNow:
    """Has one run tried now."""

    find_run: FindRun
    ledger: Ledger
    queue: TaskQueue
    signals: Signals

    def __call__(self, order: RetryOrder) -> Retried | NotRetried:
        """Queue it and send its message, or tell why not.

        Raises:
            StoreUnavailableError: unknown whether it was queued; it is then due soon, and the tick sends its message.
            OperationRepeatedError: another order was faster with the key.
        """
        run = self.find_run(order.tenant, order.trace_id)
        if run is None:
            return NotRetried("not_found", "there is no such run")
        settled = self.ledger.settle(run, retry_now, tell=lambda before, after: _audit(order, before, after))
        if isinstance(settled.decision, Leave):
            obstacle = obstacle_to_retry(settled.run, self.ledger.now()) or Obstacle.RUNNING  # its lease ended just now
            return NotRetried(_CODES.get(obstacle, obstacle.value), _DETAILS[obstacle])
        send_or_leave(self.queue, self.signals, settled.run)
        return Retried(settled.run)


def _audit(order: RetryOrder, before: Run, after: Run) -> AuditEvent:
    return AuditEvent(
        tenant=order.tenant,
        at_ms=after.updated_at_ms,
        nonce=after.nonce,
        actor=order.actor,
        action="run.retried",
        target=order.trace_id,
        reason=order.reason,
        details={"before": before.state.value, "after": after.state.value, "attempt": str(after.attempt)},
        address=order.address,
        operation=order.operation,
    )

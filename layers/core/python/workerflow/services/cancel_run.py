"""Cancel a run: at once where nobody works on it, else by a mark that its handler may see.

    no live lease --> cancelled: terminal, no dead letter, nothing of it runs any more
    live lease    --> asked: a success that is recorded all the same stands; whatever else happens ends it as cancelled

The audit row, and the order's key if it has one, are written in the transaction of the row.
"""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.audit import AuditEvent
from workerflow.domain.cancelling import cancel
from workerflow.domain.operation import OperationKey
from workerflow.domain.run import Run, RunState
from workerflow.domain.transitions import Leave, Now
from workerflow.ports.operations import OperationStore
from workerflow.services.find_run import FindRun
from workerflow.services.ledger import Ledger
from workerflow.services.once import record_unchanged


@dataclass(frozen=True, slots=True)
class CancelOrder:
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
class Cancelled:
    """The run is cancelled, or will be when its attempt ends, unless that succeeds: see `run.state`.

    `changed` is False if an earlier order had asked for it.
    """

    run: Run
    changed: bool


@dataclass(frozen=True, slots=True)
class NotCancellable:
    """Why not. `code` is one of: not_found, not_cancellable."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRun:
    """Cancels one run."""

    find_run: FindRun
    ledger: Ledger
    operations: OperationStore

    def __call__(self, order: CancelOrder) -> Cancelled | NotCancellable:
        """Cancel it or ask its worker to, or tell that it is so already, or why it cannot be.

        Raises:
            StoreUnavailableError: unknown whether it was cancelled; the same order again finds out.
            OperationRepeatedError: another order was faster with the key.
        """
        run = self.find_run(order.tenant, order.trace_id)
        if run is None:
            return NotCancellable("not_found", "there is no such run")
        settled = self.ledger.settle(run, cancel, tell=lambda before, after: _audit(order, before, after))
        if not isinstance(settled.decision, Leave):
            return Cancelled(settled.run, changed=True)
        if settled.run.is_terminal and settled.run.state is not RunState.CANCELLED:
            return NotCancellable("not_cancellable", f"the run has ended: it is {settled.run.state.value}")
        self._record_unchanged(order, settled.run)
        return Cancelled(settled.run, changed=False)

    def _record_unchanged(self, order: CancelOrder, run: Run) -> None:
        now: Now = self.ledger.now()
        record_unchanged(self.operations, _audit(order, run, run, now))


def _audit(order: CancelOrder, before: Run, after: Run, now: Now | None = None) -> AuditEvent:
    return AuditEvent(
        tenant=order.tenant,
        at_ms=now.ms if now else after.updated_at_ms,
        nonce=now.nonce if now else after.nonce,
        actor=order.actor,
        action="run.cancelled",
        target=order.trace_id,
        reason=order.reason,
        details={"before": _told(before), "after": _told(after), "attempt": str(after.attempt)},
        address=order.address,
        operation=order.operation,
    )


def _told(run: Run) -> str:
    """A run's state; `cancelling` while its worker was asked and has not answered."""
    return "cancelling" if run.cancel_asked_at_ms is not None and not run.is_terminal else run.state.value

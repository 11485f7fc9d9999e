"""Drain the queue's own dead-letter queue, where a message ends that could not be delivered a hundred times.

That means "the platform is broken", never "the handler failed": nothing there is lost, and the queue is empty again
when the platform is whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.audit import AuditEvent
from workerflow.domain.errors import IntegrityError
from workerflow.domain.holding import park_for_drain
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.manifest import Manifest
from workerflow.domain.run import Run
from workerflow.domain.task import TaskMessage
from workerflow.domain.transitions import DueDecision, Now, Wait
from workerflow.ports.stores import AuditLog, RunStore
from workerflow.ports.world import Clock, DeadMessage, DeadMessageQueue, Ids, Signals
from workerflow.services.ledger import Ledger
from workerflow.services.readable_rows import tell_unreadable_one
from workerflow.services.resend import TickBudget
from workerflow.services.sweep import max_attempts_of

RECEIVE = 10
BODY_KEPT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainDeadMessages:
    """Deals with every message of the dead-letter queue."""

    messages: DeadMessageQueue
    runs: RunStore
    ledger: Ledger
    manifest: Manifest
    audit: AuditLog
    clock: Clock
    ids: Ids
    signals: Signals

    def __call__(self, budget: TickBudget) -> None:
        """Receive and deal with messages until there are none, or the budget is spent.

        Raises:
            StoreUnavailableError: the message at hand stays in the queue.
        """
        while not budget.is_spent(self.clock):
            received = self.messages.receive(RECEIVE)
            if not received:
                return
            for dead in received:
                budget.resends_left -= 1
                if self._may_go(dead):
                    self.messages.delete(dead)
                    self.signals.count("Drained")

    def _may_go(self, dead: DeadMessage) -> bool:
        """Whether the message was dealt with. One whose row no code of ours wrote stays until somebody mends it."""
        try:
            return self._deal_with(dead)
        except IntegrityError as error:
            tell_unreadable_one(self.signals, f"a dead message of {dead.message}", error)
            return False

    def _deal_with(self, dead: DeadMessage) -> bool:
        """Whether the message may be deleted."""
        if dead.message is None:
            self._tell(DEFAULT_TENANT, "message.rejected", dead.body[:BODY_KEPT])
            return True
        run = self._find(dead.message)
        if run is None:
            self._tell(dead.message.tenant, "message.unknown", dead.message.trace_id)
            return True
        return not isinstance(self.ledger.settle(run, self._decide).decision, Wait)

    def _find(self, message: TaskMessage) -> Run | None:
        run = self.runs.get(message.tenant, message.trace_id)
        if run is not None:
            return run
        acceptance = self.ledger.acceptance_at(message)
        return Run.of_task(acceptance) if acceptance else None

    def _decide(self, run: Run, now: Now) -> DueDecision | Wait:
        return park_for_drain(run, now, max_attempts=max_attempts_of(self.manifest, run))

    def _tell(self, tenant: str, action: str, target: str) -> None:
        self.audit.append(
            AuditEvent(
                tenant=tenant,
                at_ms=self.clock.now_ms(),
                nonce=self.ids.nonce(),
                actor="scheduler",
                action=action,
                target=target,
                reason="found in the queue's dead-letter queue",
            )
        )

"""The one compare-and-swap loop: every service that changes a run goes through here.

    decide on the row as known -> write -> written: done
          ^                          `---> conflict: decide again on the row that won

Deciding again is always right, because decisions are pure functions of the row (domain.transitions).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.identity import TraceId
from workerflow.domain.run import Run
from workerflow.domain.task import Acceptance, TaskMessage
from workerflow.domain.transitions import Begin, Close, Leave, Now, Resend, Update, Wait
from workerflow.ports.stores import AcceptanceStore, Conflict, RunStore, Written
from workerflow.ports.world import Clock, Ids

MAX_TRIES = 8
"""Writers of one row are few (a worker, its invoker, the tick): losing so often in a row means something is wrong."""

type Decision = Begin | Close | Update | Resend | Wait | Leave


@dataclass(frozen=True, slots=True)
class Settled[D]:
    """The decision that holds, and the row as it stands after it."""

    decision: D
    run: Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Applies decisions to runs."""

    runs: RunStore
    acceptances: AcceptanceStore
    clock: Clock
    ids: Ids

    def settle[D: Decision](
        self,
        run: Run,
        decide: Callable[[Run, Now], D],
        *,
        acceptance: Acceptance | None = None,
        resolves: str | None = None,
        tell: Callable[[Run, Run], AuditEvent] | None = None,
    ) -> Settled[D]:
        """Decide on `run` and write the decision, again and again until a write holds or there is none.

        Args:
            run: the row as last read or written, or `Run.of_task` if none is known.
            decide: a pure function of the row and the moment.
            acceptance: of the task, if at hand; it is read when a dead letter must be written and it is not.
            resolves: the parent whose letter a success resolves.
            tell: of an order: makes the audit event of a write from the row before and after it.

        Raises:
            StoreUnavailableError: whether the write was applied is unknown.
            OperationRepeatedError: another order was faster with the audit event's key.
        """
        first_version = run if run.version == 0 else None
        for _ in range(MAX_TRIES):
            decision = decide(run, self.now())
            if isinstance(decision, Wait | Leave):
                return Settled(decision, run)
            audit = tell(run, decision.run) if tell else None
            outcome = self._write(decision, acceptance, resolves, audit)
            if isinstance(outcome, Written):
                return Settled(decision, decision.run)
            run = _row_that_won(outcome, first_version)
        raise StoreUnavailableError("a run's row is contended")

    def now(self) -> Now:
        """The moment, with a nonce for the write that follows from it."""
        return Now(self.clock.now_ms(), self.ids.nonce())

    def acceptance_at(self, task: Run | TaskMessage) -> Acceptance | None:
        """The acceptance of a task, by one strong read; None if it is gone or stands for a later task."""
        acceptance = self.acceptances.get(task.tenant, TraceId(task.trace_id).key_hash)
        return acceptance if acceptance is not None and acceptance.trace_id == task.trace_id else None

    def _write(
        self,
        decision: Begin | Close | Update | Resend,
        acceptance: Acceptance | None,
        resolves: str | None,
        audit: AuditEvent | None,
    ) -> Written | Conflict[Run]:
        if not isinstance(decision, Close):
            return self.runs.write(decision.run, resolves=resolves, audit=audit)
        acceptance = acceptance or self.acceptance_at(decision.run)
        letter = DeadLetter.of_failed_run(decision.run, decision.failure, acceptance)
        return self.runs.write(decision.run, letter=letter, audit=audit)


def _row_that_won(conflict: Conflict[Run], first_version: Run | None) -> Run:
    if conflict.current is not None:
        return conflict.current
    if first_version is None:
        raise StoreUnavailableError("a run's row expired while it was changed")
    return first_version

"""One invocation of `workflow`: claim the run, run the handler, record the outcome.

    acceptance -> enablement -> place -> payload -> claim -> handler -> (attempt's item) -> finish
                                |                   |<------- lease -------------------------->|
                                |<----- only where the tenant's tasks in flight are capped ------------>|

Everything that can fail without being the handler's fault is done before the claim, where a failure is no attempt.
"""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.cancelling import is_cancelled
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import IntegrityError
from workerflow.domain.failure import Failure
from workerflow.domain.holding import park_for_cap, park_for_pause
from workerflow.domain.manifest import Manifest
from workerflow.domain.objects import output_pointer
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import LetterClass, Run, RunState
from workerflow.domain.source import Source
from workerflow.domain.stored import StoredBytes, fits_inline
from workerflow.domain.task import Acceptance, TaskMessage
from workerflow.domain.transitions import (
    LEASE_MARGIN_S,
    ClaimDecision,
    Close,
    Leave,
    Now,
    Update,
    Wait,
    cancelled,
    close,
    close_disabled,
    decide_claim,
    fail,
    holds_claim,
    succeed,
)
from workerflow.ports.stores import AttemptRecord, BlobStore, RunStore
from workerflow.ports.world import HandlerCall, HandlerRunner, Ids
from workerflow.services.enablement import CheckEnablement
from workerflow.services.in_flight import InFlight
from workerflow.services.ledger import Ledger
from workerflow.services.tell_run import TellRun

FULL_RETRY_S = 2.0
"""When a caller may ask again for whom no place was free: handlers that callers wait for take seconds."""

AROUND_HANDLER_S = 60
"""From the wish for a place to the handler's start at the latest: four calls of AWS, each tried three times."""


@dataclass(frozen=True, slots=True)
class ExecutionOrder:
    """What the invoker asks for.

    Attributes:
        message: the task.
        owner: nonce of the invoker, who alone may record this attempt's crash.
        for_caller: a sync caller waits for the answer.
        remaining_ms: until the platform ends this invocation; the lease outlives it.
    """

    message: TaskMessage
    owner: str
    for_caller: bool
    remaining_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecuteTask:
    """Executes one task, at most one worker at a time."""

    runs: RunStore
    blobs: BlobStore
    ledger: Ledger
    tell_run: TellRun
    enablement: CheckEnablement
    in_flight: InFlight
    manifest: Manifest
    runner: HandlerRunner
    ids: Ids

    def __call__(self, order: ExecutionOrder) -> Execution:
        """Execute the task if it may run now, and tell how it stands.

        Raises:
            StoreUnavailableError: before the claim, this was no attempt; after it, the invoker sees a function error
                and records what the ledger then shows.
        """
        acceptance = self._acceptance(order.message)
        if acceptance is None:
            return Execution(ExecutionStatus.UNKNOWN)
        source = self.manifest.find(acceptance.source)
        state = self.enablement(acceptance.tenant, acceptance.source)
        if source is None or state is Enablement.DISABLED:
            return self._close_disabled(acceptance, order)
        if state is Enablement.PAUSED:
            return self._park(acceptance, order)
        return self._enter(acceptance, source, order)

    def _acceptance(self, message: TaskMessage) -> Acceptance | None:
        acceptance = self.ledger.acceptance_at(message)
        return None if acceptance is None or acceptance.is_expired(self.ledger.now().ms) else acceptance

    def _close_disabled(self, acceptance: Acceptance, order: ExecutionOrder) -> Execution:
        settled = self.ledger.settle(Run.of_task(acceptance), close_disabled, acceptance=acceptance)
        return self.tell_run(settled.run, for_caller=order.for_caller, stored=isinstance(settled.decision, Leave))

    def _park(self, acceptance: Acceptance, order: ExecutionOrder) -> Execution:
        if order.for_caller:
            return Execution(ExecutionStatus.REFUSED)
        settled = self.ledger.settle(Run.of_task(acceptance), park_for_pause)
        return self.tell_run(settled.run, for_caller=False, stored=True)

    def _enter(self, acceptance: Acceptance, source: Source, order: ExecutionOrder) -> Execution:
        # Neither `finally` nor a context manager: the place of a process that died is free when its time ends.
        until_ms = _place_until_ms(self.ledger.now(), source, order)
        entry = self.in_flight.enter(acceptance.tenant, acceptance.trace_id, until_ms=until_ms)
        if entry is None:
            return self._put_aside(acceptance, source, order)
        try:
            execution = self._attempt(acceptance, source, order)
        except Exception:
            self.in_flight.leave(entry)
            raise
        self.in_flight.leave(entry)
        return execution

    def _put_aside(self, acceptance: Acceptance, source: Source, order: ExecutionOrder) -> Execution:
        """No place is free: the run waits for one, unless it is for its caller to come back."""

        def decide(run: Run, now: Now) -> Close | Update | Wait | Leave:
            return park_for_cap(run, now, max_attempts=source.retry.max_attempts, for_caller=order.for_caller)

        settled = self.ledger.settle(self._row(acceptance, order), decide, acceptance=acceptance)
        if isinstance(settled.decision, Wait):
            return Execution(ExecutionStatus.BUSY, delay_seconds=settled.decision.delay_seconds)
        if order.for_caller and settled.run.belongs_to_caller and not settled.run.is_terminal:
            return Execution(ExecutionStatus.FULL, delay_seconds=FULL_RETRY_S)
        if isinstance(settled.decision, Update) and not settled.run.is_terminal:
            self.in_flight.look_again(settled.run)
        return self.tell_run(settled.run, for_caller=order.for_caller, stored=isinstance(settled.decision, Leave))

    def _row(self, acceptance: Acceptance, order: ExecutionOrder) -> Run:
        """A caller's row is read, for he comes every few seconds and hardly ever anything is written."""
        task = Run.of_task(acceptance)
        return (self.runs.get(task.tenant, task.trace_id) or task) if order.for_caller else task

    def _attempt(self, acceptance: Acceptance, source: Source, order: ExecutionOrder) -> Execution:
        try:
            body = self.blobs.get(acceptance.payload)
        except IntegrityError as error:
            return self._close_unreadable(acceptance, order, str(error))
        claimed = self._claim(acceptance, source, order)
        if not isinstance(claimed, Run):
            return claimed
        call = HandlerCall(
            source, acceptance, body, claimed.attempt, claimed.updated_at_ms, lambda: self._is_cancelled(claimed)
        )
        result = self.runner.run(call)
        if isinstance(result, HandlerOutput):
            return self._succeed(claimed, acceptance, result, order)
        return self._fail(claimed, acceptance, source, result, order)

    def _is_cancelled(self, claimed: Run) -> bool:
        return is_cancelled(self.runs.get(claimed.tenant, claimed.trace_id), claimed.attempt)

    def _close_unreadable(self, acceptance: Acceptance, order: ExecutionOrder, message: str) -> Execution:
        def decide(run: Run, now: Now) -> Close | Update | Leave:
            if run.is_terminal or run.has_live_lease(now.ms):
                return Leave()
            if run.cancel_asked_at_ms is not None:
                return cancelled(run, now)
            return close(run, now, LetterClass.PLATFORM, f"the payload cannot be read: {message}")

        settled = self.ledger.settle(Run.of_task(acceptance), decide, acceptance=acceptance)
        return self.tell_run(settled.run, for_caller=order.for_caller, stored=isinstance(settled.decision, Leave))

    def _claim(self, acceptance: Acceptance, source: Source, order: ExecutionOrder) -> Run | Execution:
        """The claimed run, or how the task stands if it could not be claimed."""
        claims = self.ids.nonce()  # one nonce for all tries: a claim that was applied unseen is found to be ours

        def decide(run: Run, now: Now) -> ClaimDecision:
            if run.state is RunState.RUNNING and run.claim == claims:
                return Leave()
            return decide_claim(
                run,
                Now(now.ms, claims),
                owner=order.owner,
                lease_until_ms=_lease_until_ms(now, order),
                max_attempts=source.retry.max_attempts,
                for_caller=order.for_caller,
            )

        settled = self.ledger.settle(Run.of_task(acceptance), decide, acceptance=acceptance)
        if settled.run.state is RunState.RUNNING and settled.run.claim == claims:
            return settled.run
        if isinstance(settled.decision, Wait):
            return Execution(ExecutionStatus.BUSY, delay_seconds=settled.decision.delay_seconds)
        return self.tell_run(settled.run, for_caller=order.for_caller, stored=isinstance(settled.decision, Leave))

    def _succeed(self, claimed: Run, acceptance: Acceptance, output: HandlerOutput, order: ExecutionOrder) -> Execution:
        document = output.encode()
        now = self.ledger.now()
        inline = self.runs.holds(succeed(claimed, now, output=document, has_output_item=False).run)
        if not inline:
            self.runs.put_attempt(self._record(claimed, now, output=self._keep(claimed, document)))

        def decide(run: Run, now: Now) -> Update | Leave:
            if not holds_claim(run, attempt=claimed.attempt, claim=claimed.claim or ""):
                return Leave()
            return succeed(run, now, output=document if inline else None, has_output_item=not inline)

        resolves = acceptance.lineage.parent if acceptance.lineage else None
        settled = self.ledger.settle(claimed, decide, acceptance=acceptance, resolves=resolves)
        if isinstance(settled.decision, Leave):
            return self.tell_run(settled.run, for_caller=order.for_caller, stored=True)
        return Execution(ExecutionStatus.SUCCEEDED, output=document if order.for_caller else None)

    def _fail(
        self, claimed: Run, acceptance: Acceptance, source: Source, failure: Failure, order: ExecutionOrder
    ) -> Execution:
        self.runs.put_attempt(self._record(claimed, self.ledger.now(), failure=failure))
        jitter = self.ids.jitter()

        def decide(run: Run, now: Now) -> Update | Close | Leave:
            if not holds_claim(run, attempt=claimed.attempt, claim=claimed.claim or ""):
                return Leave()
            return fail(run, now, failure, source.retry, jitter=jitter)

        settled = self.ledger.settle(claimed, decide, acceptance=acceptance)
        return self.tell_run(settled.run, for_caller=order.for_caller, stored=isinstance(settled.decision, Leave))

    def _record(
        self, run: Run, now: Now, *, output: StoredBytes | None = None, failure: Failure | None = None
    ) -> AttemptRecord:
        return AttemptRecord(run.tenant, run.trace_id, run.attempt, now.ms, run.expires_at_s, output, failure)

    def _keep(self, run: Run, document: bytes) -> StoredBytes:
        if fits_inline(document):
            return StoredBytes.inlined(document)
        pointer = output_pointer(run.tenant, run.trace_id, run.attempt)
        self.blobs.put(pointer, document)
        return StoredBytes.pointed(document, pointer)


def _lease_until_ms(now: Now, order: ExecutionOrder) -> int:
    return now.ms + order.remaining_ms + LEASE_MARGIN_S * 1000


def _place_until_ms(now: Now, source: Source, order: ExecutionOrder) -> int:
    """When no handler of this invocation can run any more: it is ended with its process when its time is out."""
    ended_ms = now.after(source.timeout_seconds + AROUND_HANDLER_S)
    return min(ended_ms, _lease_until_ms(now, order))

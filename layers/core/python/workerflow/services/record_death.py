"""An invocation of `workflow` died: crash, out of memory, time-out. Its invoker records it, and nobody else.

The row decides: only the attempt whose `owner` is the invoker's nonce is recorded. A worker that died before its
claim made no attempt; one that recorded its outcome and then died has done its work.
"""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.failure import Failure
from workerflow.domain.manifest import Manifest
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.retry import RetryPolicy
from workerflow.domain.run import Run, RunState
from workerflow.domain.source import DEFAULT_TIMEOUT_SECONDS
from workerflow.domain.task import TaskMessage
from workerflow.domain.transitions import DueDecision, Now, record_crash
from workerflow.ports.stores import RunStore
from workerflow.ports.world import Ids
from workerflow.services.ledger import Ledger
from workerflow.services.tell_run import TellRun

RETRY_AFTER_NO_ATTEMPT_S = 10.0
CLOCK_TOLERANCE_MS = 500
"""The worker's clock began the attempt, the invoker's ends it: they agree within milliseconds, not exactly."""

_NO_ATTEMPT = Execution(
    ExecutionStatus.WAITING,
    delay_seconds=RETRY_AFTER_NO_ATTEMPT_S,
    error="ProcessDied: the process ended before an attempt began",
)
_WITHOUT_US = {
    RunState.QUEUED: _NO_ATTEMPT,
    RunState.WAITING: _NO_ATTEMPT,
    RunState.RUNNING: Execution(ExecutionStatus.BUSY, delay_seconds=RETRY_AFTER_NO_ATTEMPT_S),
}


@dataclass(frozen=True, slots=True)
class Death:
    """What the invoker saw: the task, its own nonce, and the platform's words."""

    message: TaskMessage
    owner: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDeath:
    """Records the death of an attempt that this invoker began."""

    runs: RunStore
    ledger: Ledger
    tell_run: TellRun
    manifest: Manifest
    ids: Ids

    def __call__(self, death: Death, *, for_caller: bool) -> Execution:
        """Record it, and tell how the task stands; `waiting` for a short while if no attempt had begun.

        Raises:
            StoreUnavailableError: not recorded; the lease's expiry will tell it.
        """
        run = self.runs.get(death.message.tenant, death.message.trace_id)
        if run is None:
            return _NO_ATTEMPT
        jitter = self.ids.jitter()

        def decide(row: Run, now: Now) -> DueDecision:
            failure = self._failure(row, now, death)
            return record_crash(row, now, owner=death.owner, failure=failure, policy=self._policy(row), jitter=jitter)

        settled = self.ledger.settle(run, decide)
        if settled.run.owner != death.owner and settled.run.state in _WITHOUT_US:
            return _WITHOUT_US[settled.run.state]
        return self.tell_run(settled.run, for_caller=for_caller, stored=False)

    def _policy(self, run: Run) -> RetryPolicy:
        source = self.manifest.find(run.source)
        return source.retry if source else RetryPolicy()

    def _failure(self, run: Run, now: Now, death: Death) -> Failure:
        """A process that lived as long as its source's time-out was ended by it; a shorter life is a crash."""
        source = self.manifest.find(run.source)
        timeout_seconds = source.timeout_seconds if source else DEFAULT_TIMEOUT_SECONDS
        if now.ms - (run.claimed_at_ms or now.ms) >= timeout_seconds * 1000 - CLOCK_TOLERANCE_MS:
            return Failure.by_platform("timeout", "HandlerTimeout", f"no outcome within {timeout_seconds} s")
        return Failure.by_platform("crash", "ProcessDied", death.words)

"""Tell whoever invoked or asked how a run stands."""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.errors import IntegrityError
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.run import Run, RunState
from workerflow.domain.transitions import Now
from workerflow.ports.stores import BlobStore, RunStore
from workerflow.ports.world import Clock

_ENDED = {RunState.SUCCEEDED: ExecutionStatus.SUCCEEDED, RunState.FAILED: ExecutionStatus.FAILED}
_RECHECK_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TellRun:
    """From a row to an Execution, and to its output."""

    runs: RunStore
    blobs: BlobStore
    clock: Clock

    def __call__(self, run: Run, *, for_caller: bool, stored: bool) -> Execution:
        """How a run stands.

        Args:
            run: the row, as it is after the last decision.
            for_caller: the output of a success is wanted.
            stored: nothing ran for this answer.
        """
        if run.is_terminal:
            return self._ended(run, for_caller=for_caller, stored=stored)
        if run.state is RunState.PARKED:
            return Execution(ExecutionStatus.PARKED, error=run.error)
        if run.state is RunState.WAITING:
            delay = self._seconds_until(run.not_before_ms)
            return Execution(ExecutionStatus.WAITING, delay_seconds=delay, error=run.error)
        return Execution(ExecutionStatus.BUSY, delay_seconds=self._busy_delay(run))

    def output(self, run: Run) -> bytes | None:
        """The encoded output of a succeeded run; raises IntegrityError if it should be there and is not."""
        if run.state is not RunState.SUCCEEDED:
            return None
        if not run.has_output_item:
            return run.output
        record = self.runs.get_attempt(run.tenant, run.trace_id, run.attempt)
        if record is None or record.output is None:
            raise IntegrityError(f"the output of {run.trace_id} is gone")
        return self.blobs.get(record.output)

    def _ended(self, run: Run, *, for_caller: bool, stored: bool) -> Execution:
        return Execution(
            _ENDED.get(run.state, ExecutionStatus.ENDED),
            output=self.output(run) if for_caller else None,
            stored=stored,
            letter_class=run.letter_class,
            error=run.error,
        )

    def _busy_delay(self, run: Run) -> float:
        return self._seconds_until(run.lease_until_ms) if run.state is RunState.RUNNING else _RECHECK_S

    def _seconds_until(self, time_ms: int | None) -> float:
        return Now(self.clock.now_ms(), "").seconds_until(time_ms)

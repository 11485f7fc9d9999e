"""Read one run by its trace id, for the caller that was answered 202."""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.errors import InvalidIdentifierError
from workerflow.domain.identity import TraceId
from workerflow.domain.run import Run
from workerflow.domain.task import Acceptance
from workerflow.ports.stores import AcceptanceStore, RunStore
from workerflow.ports.world import Clock
from workerflow.services.tell_run import TellRun


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as its caller sees it.

    Attributes:
        run: the ledger row; for a task that was not claimed yet, the queued row that it does not have yet.
        accepted_at_ms: from the trace id.
        acceptance: None when its key is forgotten; the row outlives it by 7 days.
        output: the encoded HandlerOutput of a success.
    """

    run: Run
    accepted_at_ms: int
    acceptance: Acceptance | None
    output: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRun:
    """Reads at most two items, and the output if there is one outside the row."""

    acceptances: AcceptanceStore
    runs: RunStore
    tell_run: TellRun
    clock: Clock

    def __call__(self, tenant: str, trace_id: str) -> RunView | None:
        """The run, or None for anything that is not this tenant's: malformed, foreign, forgotten.

        Raises:
            StoreUnavailableError: ask again.
        """
        try:
            trace = TraceId.parse(trace_id)
        except InvalidIdentifierError:
            return None
        acceptance = self._acceptance(tenant, trace)
        run = self.runs.get(tenant, trace.value)
        if run is None and acceptance is not None:
            run = Run.of_task(acceptance)
        if run is None or run.expires_at_s * 1000 <= self.clock.now_ms():
            return None
        return RunView(run, trace.accepted_at_ms, acceptance, self.tell_run.output(run))

    def _acceptance(self, tenant: str, trace: TraceId) -> Acceptance | None:
        acceptance = self.acceptances.get(tenant, trace.key_hash)
        if acceptance is None or acceptance.trace_id != trace.value:
            return None
        return None if acceptance.is_expired(self.clock.now_ms()) else acceptance

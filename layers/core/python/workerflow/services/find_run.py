"""Find the run that an operator means: its row, or the queued one that it does not have yet."""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.errors import InvalidIdentifierError
from workerflow.domain.identity import TraceId
from workerflow.domain.run import Run
from workerflow.ports.stores import AcceptanceStore, RunStore
from workerflow.ports.world import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class FindRun:
    """Reads one row, and the acceptance of a task that has none."""

    acceptances: AcceptanceStore
    runs: RunStore
    clock: Clock

    def __call__(self, tenant: str, trace_id: str) -> Run | None:
        """The run, of version 0 where nothing was written yet; None for what is malformed, foreign or forgotten.

        Raises:
            StoreUnavailableError: ask again.
        """
        try:
            trace = TraceId.parse(trace_id)
        except InvalidIdentifierError:
            return None
        now_ms = self.clock.now_ms()
        run = self.runs.get(tenant, trace.value)
        if run is not None:
            return run if run.expires_at_s * 1000 > now_ms else None
        acceptance = self.acceptances.get(tenant, trace.key_hash)
        if acceptance is None or acceptance.trace_id != trace.value or acceptance.is_expired(now_ms):
            return None
        return Run.of_task(acceptance)

"""Find what became of a fire that its cursor does not tell of: its tick died, or has not moved the cursor yet."""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.errors import IntegrityError
from workerflow.domain.fire import fire_key, fire_scope
from workerflow.domain.firing import MadeFire
from workerflow.domain.identity import acceptance_hash
from workerflow.domain.run import Run, RunState
from workerflow.domain.schedule_cursor import ScheduleCursor
from workerflow.domain.task import Acceptance
from workerflow.ports.stores import AcceptanceStore, RunStore
from workerflow.ports.world import Signals
from workerflow.services.readable_rows import tell_unreadable_one


@dataclass(frozen=True, slots=True, kw_only=True)
class FindScheduledFire:
    """Looks for a fire under its own key: one read, and one more if it is there."""

    acceptances: AcceptanceStore
    runs: RunStore
    signals: Signals

    def __call__(self, cursor: ScheduleCursor) -> MadeFire | None:
        """The fire that the cursor has as its next one, if it was made or recorded as skipped.

        An acceptance that nobody can read is none; a run that nobody can read was not skipped.

        Raises:
            StoreUnavailableError: ask again.
        """
        if cursor.next_due_ms is None:
            return None
        key = fire_key(cursor.next_due_ms)
        standing = self._acceptance(cursor.tenant, acceptance_hash(cursor.tenant, fire_scope(cursor.name), key))
        if standing is None:
            return None
        row = self._row(cursor.tenant, standing.trace_id)
        return MadeFire(
            cursor.next_due_ms, standing.trace_id, skipped=row is not None and row.state is RunState.SKIPPED
        )

    def _acceptance(self, tenant: str, key_hash: str) -> Acceptance | None:
        try:
            return self.acceptances.get(tenant, key_hash)
        except IntegrityError as error:
            tell_unreadable_one(self.signals, f"acceptance {key_hash} of {tenant}", error)
            return None

    def _row(self, tenant: str, trace_id: str) -> Run | None:
        try:
            return self.runs.get(tenant, trace_id)
        except IntegrityError as error:
            tell_unreadable_one(self.signals, f"run {trace_id} of {tenant}", error)
            return None

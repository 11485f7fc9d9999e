"""The cap on a tenant's tasks in flight, as one invocation of `workflow` meets it.

    enter: a place is taken ------> attempt ------> leave: the place is kept for the oldest that waits, or else freed
       `-- none is free: the run is put aside (its message may go) -> is there one by now? then it is sent again

Nothing that goes wrong on leaving touches the attempt, which is recorded by then: the place is free when its time ends,
and the tick does what was left undone.
"""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.run import Run
from workerflow.ports.tenants import Slot
from workerflow.ports.world import Faults
from workerflow.services.capped_runs import CappedRuns
from workerflow.services.places import Places


@dataclass(frozen=True, slots=True)
class Entry:
    """Leave to run. `slot` is None where the tenant has no cap."""

    slot: Slot | None


NO_CAP = Entry(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """Lets tasks in, one to a place."""

    places: Places
    capped: CappedRuns
    faults: Faults

    def enter(self, tenant: str, trace_id: str, *, until_ms: int) -> Entry | None:
        """Ask for leave to run a task until `until_ms`; None: as many of the tenant's tasks run as may.

        Raises:
            StoreUnavailableError: unknown; nothing was begun.
        """
        cap = self.places.cap_of(tenant)
        if cap is None:
            return NO_CAP
        slot = self.places.take(tenant, cap, trace_id, until_ms=until_ms)
        return None if slot is None else Entry(slot)

    def leave(self, entry: Entry) -> None:
        """Hand the place on, or free it. Never raises."""
        if entry.slot is None:
            return
        try:
            self._hand_on(entry.slot)
        except Exception as error:  # noqa: BLE001 - the attempt has ended and is recorded: nothing may undo that
            self.faults.failure("a place was not handed on: it is free when its time ends, at the latest", error)

    def look_again(self, run: Run) -> None:
        """After `run` was put aside: whoever left meanwhile may not have seen it. Never raises."""
        try:
            self.capped.admit(run)
        except Exception as error:  # noqa: BLE001 - the run is put aside, and the tick finds it
            self.faults.failure("a task was put aside and not looked after: the tick does it", error)

    def _hand_on(self, slot: Slot) -> None:
        try:
            self.capped.hand_on(slot)
        except Exception:
            self.places.release(slot)  # nothing if it is kept already
            raise

"""Runs that wait for a place among their tenant's tasks in flight: which is next, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter

from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import IntegrityError
from workerflow.domain.holding import park_for_pause, release_capped
from workerflow.domain.identity import SHARDS
from workerflow.domain.manifest import Manifest
from workerflow.domain.run import Run, RunState, capped_partition
from workerflow.domain.task import TaskMessage
from workerflow.domain.transitions import DueDecision, Leave, Now, Resend, close_disabled
from workerflow.ports.stores import DueRun, RunStore
from workerflow.ports.tenants import Slot
from workerflow.ports.world import TaskQueue
from workerflow.services.enablement import CheckEnablement
from workerflow.services.ledger import Ledger, Settled
from workerflow.services.places import Places
from workerflow.services.sweep import max_attempts_of

END_OF_TIME_MS = 9_999_999_999_999
"""The year 2286, and the largest due time that sorts (13 digits)."""

CANDIDATES = 5
"""Entries of each shard that are looked at for the next one: the index shows some that are gone already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CappedRuns:
    """Hands free places on, oldest task first. `queue` is asked for when there is something to send, which is rare."""

    runs: RunStore
    enablement: CheckEnablement
    ledger: Ledger
    manifest: Manifest
    places: Places
    queue: Callable[[], TaskQueue]

    def decide(self, run: Run, now: Now) -> DueDecision:
        """What becomes of a waiting run that could have a place: Resend, unless its source is switched off or paused.

        Leave for one that waits no longer, Close for one that is over.
        """
        if not (run.state is RunState.PARKED and run.capped):
            return Leave()
        if run.deadline_ms > now.ms:
            state = self.enablement(run.tenant, run.source)
            if state is Enablement.DISABLED:
                return close_disabled(run, now)
            if state is Enablement.PAUSED:
                return park_for_pause(run, now)
        return release_capped(run, now, max_attempts=max_attempts_of(self.manifest, run))

    def decide_without_place(self, run: Run, now: Now) -> DueDecision:
        """What becomes of it whether there is a place or not: Leave for one that goes on waiting."""
        decision = self.decide(run, now)
        return Leave() if isinstance(decision, Resend) else decision

    def hand_on(self, slot: Slot) -> None:
        """Keep a place for the oldest of its tenant's waiting tasks, and send that on its way; free it if none waits.

        The place first: it is never free in between, so that nobody who comes by gets in before those who wait.

        Raises:
            StoreUnavailableError: the place is held or kept until its time ends, and the tick finds the task.
        """
        cap = self.places.cap_of(slot.tenant)
        waiting = self._oldest(slot.tenant) if cap is not None and slot.number < cap else iter(())
        for entry in waiting:
            run = self._that_waits(entry)
            if run is None:
                continue
            kept = self.places.hand(slot, run.trace_id)
            if kept is None or self._send_if_released(self.ledger.settle(run, self.decide)):
                return
            slot = kept
        self.places.release(slot)

    def admit(self, run: Run) -> None:
        """Send one waiting task on its way if there is a place for it, which is kept. Raises as `hand_on`."""
        settled = self.release(run)
        if settled is not None:
            self._send_if_released(settled)

    def release(self, run: Run) -> Settled[DueDecision] | None:
        """Keep a place for a waiting task and make it ready to be sent; None: there is no place for it.

        Raises:
            StoreUnavailableError: unknown; a place that is kept for nobody is free when its time ends.
        """
        cap = self.places.cap_of(run.tenant)
        kept = self.places.keep(run.tenant, cap, run.trace_id) if cap is not None else None
        if cap is not None and kept is None:
            return None
        settled = self.ledger.settle(run, self.decide)
        if kept is not None and not isinstance(settled.decision, Resend):
            self.places.release(kept)
        return settled

    def _oldest(self, tenant: str) -> Iterator[DueRun]:
        found = chain.from_iterable(
            self.runs.due(capped_partition(tenant, shard), until_ms=END_OF_TIME_MS, limit=CANDIDATES)
            for shard in range(SHARDS)
        )
        return iter(sorted(found, key=attrgetter("due_at_ms", "trace_id")))

    def _that_waits(self, entry: DueRun) -> Run | None:
        """The run, if it still waits. A row that no code of ours wrote is passed: the tick counts it."""
        try:
            run = self.runs.get(entry.tenant, entry.trace_id)
            run = None if run is None else self.ledger.settle(run, self.decide_without_place).run
        except IntegrityError:
            return None
        return run if run is not None and run.state is RunState.PARKED and run.capped else None

    def _send_if_released(self, settled: Settled[DueDecision]) -> bool:
        if not isinstance(settled.decision, Resend):
            return False
        self.queue().send(TaskMessage(settled.run.tenant, settled.run.trace_id))
        return True

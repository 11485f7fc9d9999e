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
from workerflow.ports.world import TaskQueue
from workerflow.services.enablement import CheckEnablement
from workerflow.services.ledger import Ledger
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

    def hand_on(self, tenant: str) -> bool:
        """Send the oldest of a tenant's waiting tasks on its way; False: none waits.

        Raises:
            StoreUnavailableError: the tick finds it.
        """
        return any(self._send_if_it_waits(entry) for entry in self._oldest(tenant))

    def send(self, run: Run) -> bool:
        """Send one waiting task on its way, unless it waits no longer. Raises StoreUnavailableError as `hand_on`."""
        settled = self.ledger.settle(run, self.decide)
        if not isinstance(settled.decision, Resend):
            return False
        self.queue().send(TaskMessage(run.tenant, run.trace_id))
        return True

    def _oldest(self, tenant: str) -> Iterator[DueRun]:
        found = chain.from_iterable(
            self.runs.due(capped_partition(tenant, shard), until_ms=END_OF_TIME_MS, limit=CANDIDATES)
            for shard in range(SHARDS)
        )
        return iter(sorted(found, key=attrgetter("due_at_ms", "trace_id")))

    def _send_if_it_waits(self, entry: DueRun) -> bool:
        """Whether it did. A row that no code of ours wrote is passed: the tick counts it."""
        try:
            run = self.runs.get(entry.tenant, entry.trace_id)
            return run is not None and self.send(run)
        except IntegrityError:
            return False

"""Read how a tenant is doing: what became of a window's tasks, and what wants attention now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.errors import PlatformError
from workerflow.domain.manifest import Manifest
from workerflow.domain.rollup import quantile_ms
from workerflow.domain.run import RunState
from workerflow.ports.stores import ReplayStore
from workerflow.ports.world import Clock, QueueDepth, QueueGauge
from workerflow.services.count_tasks import CountTasks
from workerflow.services.enablement import CheckEnablement
from workerflow.services.find_oldest_queued import FindOldestQueued
from workerflow.services.read_schedules import ReadSchedules
from workerflow.services.read_timeline import by_state

LETTERS_COUNTED = 1_000
NEXT_FIRES = 5


@dataclass(frozen=True, slots=True)
class NextFire:
    """A schedule's next fire, if nothing changes."""

    schedule: str
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class Summary:
    """How a tenant is doing.

    Attributes:
        from_ms, until_ms: the window, widened to whole spans, up to now at most.
        counts: its tasks by state; only positive numbers.
        success_rate: of those that succeeded or failed, 0 to 1; None if none did.
        p50_ms, p95_ms: of the last attempts' durations of ended tasks, within 5 %; None if there are none.
        is_exact: whether no task is missing in `counts`, and none has ended since it was counted.
        open_letters: dead letters that nobody has replayed or resolved, whenever they failed.
        open_letters_exact: False: there are more.
        queue: how full the queue is, with messages of all tenants; None if it does not say.
        oldest_queued_seconds: how long the oldest task waits for its first attempt; None if none is known to wait.
        oldest_queued_exact: False: there may be one that waits longer.
        next_fires: of the tenant's schedules, the soonest first.
        switches: of sources that are paused or disabled at run time, by name.
    """

    from_ms: int
    until_ms: int
    counts: Mapping[RunState, int]
    success_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    is_exact: bool
    open_letters: int
    open_letters_exact: bool
    queue: QueueDepth | None
    oldest_queued_seconds: float | None
    oldest_queued_exact: bool
    next_fires: Sequence[NextFire]
    switches: Sequence[Switch]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSummary:
    """Reads a summary."""

    count_tasks: CountTasks
    find_oldest_queued: FindOldestQueued
    replays: ReplayStore
    read_schedules: ReadSchedules
    enablement: CheckEnablement
    manifest: Manifest
    gauge: QueueGauge
    clock: Clock

    def __call__(self, tenant: str, from_ms: int, until_ms: int) -> Summary:
        """The summary of a window.

        Args:
            tenant: whose.
            from_ms: of the window's beginning.
            until_ms: of its end, exclusive.

        Raises:
            StoreUnavailableError: ask again.
        """
        now_ms = self.clock.now_ms()
        counts = self.count_tasks(tenant, from_ms, until_ms)
        total = counts.total()
        oldest = self.find_oldest_queued(tenant, counts)
        letters = self.replays.count_open_letters(tenant, LETTERS_COUNTED + 1, now_ms=now_ms)
        return Summary(
            from_ms=counts.from_ms,
            until_ms=min(counts.until_ms, now_ms),
            counts=by_state(total),
            success_rate=_success_rate(total.counts),
            p50_ms=quantile_ms(total.durations, 0.5),
            p95_ms=quantile_ms(total.durations, 0.95),
            is_exact=counts.is_exact(),
            open_letters=min(letters, LETTERS_COUNTED),
            open_letters_exact=letters <= LETTERS_COUNTED,
            queue=self._depth(),
            oldest_queued_seconds=_seconds_since(oldest.accepted_at_ms, now_ms),
            oldest_queued_exact=oldest.is_exact,
            next_fires=self._next_fires(tenant),
            switches=self._switches(tenant),
        )

    def _depth(self) -> QueueDepth | None:
        try:
            return self.gauge.depth()
        except PlatformError:
            return None

    def _next_fires(self, tenant: str) -> Sequence[NextFire]:
        views = self.read_schedules(tenant, next_fires=1)
        fires = [NextFire(view.name, view.next_fires_ms[0]) for view in views if view.next_fires_ms]
        return sorted(fires, key=lambda fire: (fire.due_at_ms, fire.schedule))[:NEXT_FIRES]

    def _switches(self, tenant: str) -> Sequence[Switch]:
        sources = [*self.manifest.routes.values(), *self.manifest.schedules.values()]
        found = [self.enablement.switch(tenant, one.source) for one in sources if one.serves(tenant)]
        switched = [switch for switch in found if switch is not None and switch.state is not Enablement.ENABLED]
        return sorted(switched, key=lambda switch: switch.source)


def _success_rate(counts: Mapping[str, int]) -> float | None:
    succeeded, failed = counts.get(RunState.SUCCEEDED.value, 0), counts.get(RunState.FAILED.value, 0)
    return succeeded / (succeeded + failed) if succeeded + failed else None


def _seconds_since(time_ms: int | None, now_ms: int) -> float | None:
    return None if time_ms is None else max(0, now_ms - time_ms) / 1000

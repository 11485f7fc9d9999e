"""Read how many tasks there were over time, and what became of them: for a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workerflow.domain.rollup import ALL_SOURCES, Rollup, Span, merge, quantile_ms
from workerflow.domain.run import RunState
from workerflow.services.count_tasks import CountTasks, TaskCounts

MAX_BUCKETS = 100


@dataclass(frozen=True, slots=True)
class TimelineBucket:
    """Tasks that were accepted within [start, end), by state; with the durations of the ended ones."""

    start_ms: int
    end_ms: int
    counts: Mapping[RunState, int]
    p50_ms: float | None
    p95_ms: float | None
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """Buckets without gap, the oldest first. Each is one span long; of very long windows several spans."""

    span: Span
    buckets: Sequence[TimelineBucket]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTimeline:
    """Reads a timeline."""

    count_tasks: CountTasks

    def __call__(self, tenant: str, from_ms: int, until_ms: int, source: str | None = None) -> Timeline:
        """The timeline of a window, which is widened to whole spans: at most MAX_BUCKETS and some.

        Args:
            tenant: whose tasks.
            from_ms: of the window's beginning.
            until_ms: of its end, exclusive.
            source: only this one's tasks; None for all.

        Raises:
            StoreUnavailableError: ask again.
        """
        counts = self.count_tasks(tenant, from_ms, until_ms)
        length_ms = counts.span.ms * -(-(counts.until_ms - counts.from_ms) // (counts.span.ms * MAX_BUCKETS))
        found: dict[int, list[Rollup]] = {
            start_ms: [] for start_ms in range(counts.from_ms, counts.until_ms, length_ms)
        }
        for one in counts.rollups:
            if one.source == (source or ALL_SOURCES):
                found[one.start_ms - (one.start_ms - counts.from_ms) % length_ms].append(one)
        buckets = [_bucket(counts, start_ms, length_ms, parts) for start_ms, parts in found.items()]
        return Timeline(counts.span, buckets)


def _bucket(counts: TaskCounts, start_ms: int, length_ms: int, parts: Sequence[Rollup]) -> TimelineBucket:
    end_ms = min(start_ms + length_ms, counts.until_ms)
    whole = next(iter(merge(parts, counts.span, start_ms, 0)), None)
    durations = whole.durations if whole else {}
    return TimelineBucket(
        start_ms=start_ms,
        end_ms=end_ms,
        counts=by_state(whole) if whole else {},
        p50_ms=quantile_ms(durations, 0.5),
        p95_ms=quantile_ms(durations, 0.95),
        is_exact=counts.is_exact(start_ms, end_ms),
    )


def by_state(rollup: Rollup) -> Mapping[RunState, int]:
    """The numbers of a rollup, in the order of the states; only positive ones."""
    return {state: rollup.counts[state.value] for state in RunState if rollup.counts.get(state.value)}

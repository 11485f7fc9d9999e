"""Rollups: what became of a source's tasks within a span of time, counted afterwards and never while they run.

    runs of a quarter --count--> quarters --merge--> hours --merge--> days

A rollup is always written whole, from what it is counted from: counting again never adds. Durations go into buckets
whose bounds grow by a tenth, so that any quantile is known to within 5 %, and histograms add up.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from workerflow.domain.run import Run, RunState

ALL_SOURCES = "*"
"""Stands for all sources together. Its rollup is written for every counted bucket, also for an empty one."""
BUCKET_GROWTH = 1.1
"""Each bucket's upper bound is this much above the one below: 133 buckets reach to the longest attempt."""
RELATIVE_ERROR = (BUCKET_GROWTH - 1) / (BUCKET_GROWTH + 1)
"""How far an estimated duration is from a true one at most: 4.8 %.

Source: Masson, Rim, Lee, "DDSketch: A fast and fully-mergeable quantile sketch" (VLDB 2019), section 2.1.
"""
SETTLED_AFTER_MS = 5 * 60 * 1000
"""The index of accepted tasks lags: a quarter that was counted sooner after its end may lack some of them."""


class Span(StrEnum):
    """Lengths of time that are counted."""

    QUARTER = "15m"
    HOUR = "1h"
    DAY = "1d"

    @property
    def ms(self) -> int:
        return _LENGTHS[self]

    def start_of(self, time_ms: int) -> int:
        """Where the bucket begins that a moment lies in."""
        return time_ms // self.ms * self.ms


_LENGTHS = {Span.QUARTER: 15 * 60_000, Span.HOUR: 3_600_000, Span.DAY: 24 * 3_600_000}


@dataclass(frozen=True, slots=True)
class Rollup:
    """Tasks of one source that were accepted within [start, start + span).

    Attributes:
        start_ms: a multiple of the span, in UTC.
        source: or ALL_SOURCES.
        counts: by state of the run (`queued` where it has no row yet); only positive numbers.
        durations: a histogram of the last attempts' durations of ended tasks: bucket number to count.
        counted_at_ms: when; a task that had not ended then is counted anew later.
    """

    tenant: str
    span: Span
    start_ms: int
    source: str
    counted_at_ms: int
    counts: Mapping[str, int] = field(default_factory=dict)
    durations: Mapping[int, int] = field(default_factory=dict)

    @property
    def end_ms(self) -> int:
        return self.start_ms + self.span.ms

    @property
    def tasks(self) -> int:
        """How many tasks were accepted."""
        return sum(self.counts.values())

    @property
    def open_tasks(self) -> int:
        """How many of them had not ended."""
        return sum(count for state, count in self.counts.items() if not RunState(state).is_terminal)

    @property
    def was_counted_late(self) -> bool:
        """Whether the index of accepted tasks showed all of them when they were counted."""
        return self.counted_at_ms >= self.end_ms + SETTLED_AFTER_MS

    @property
    def is_settled(self) -> bool:
        """Whether counting again would give the same."""
        return self.open_tasks == 0 and self.was_counted_late


@dataclass(slots=True)
class Tally:
    """Counts the tasks of one quarter."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: {ALL_SOURCES: Counter()})
    durations: dict[str, Counter[int]] = field(default_factory=dict)

    def add(self, run: Run) -> None:
        """Count a task by its row; the row of a task that has none yet is `Run.of_task`."""
        for source in (run.source, ALL_SOURCES):
            self.counts.setdefault(source, Counter())[run.state.value] += 1
            if run.is_terminal and run.history:
                last = run.history[-1]
                bucket = bucket_of(last.ended_at_ms - last.started_at_ms)
                self.durations.setdefault(source, Counter())[bucket] += 1

    @classmethod
    def of(cls, rollups: Iterable[Rollup]) -> Tally:
        """What `rollups` gave, to go on with."""
        tally = cls()
        for one in rollups:
            tally.counts[one.source] = Counter(one.counts)
            tally.durations[one.source] = Counter(one.durations)
        return tally

    def rollups(self, tenant: str, start_ms: int, counted_at_ms: int) -> list[Rollup]:
        """One for each source, and the one of ALL_SOURCES, even if there was no task."""
        none: Counter[int] = Counter()
        return [
            Rollup(
                tenant=tenant,
                span=Span.QUARTER,
                start_ms=start_ms,
                source=source,
                counted_at_ms=counted_at_ms,
                counts=dict(counts),
                durations=dict(self.durations.get(source, none)),
            )
            for source, counts in sorted(self.counts.items())
        ]


@dataclass(frozen=True, slots=True)
class PartialCount:
    """How far the count of a quarter has come: the next run goes on there.

    Attributes:
        start_ms: of the quarter.
        begun_at_ms: when the count began. Its rollups are as old as that: what was seen first may have changed since.
        shard, position: tasks of the shards before, and of this one up to this trace id, are in `rollups`.
        rollups: of what was seen so far, one for each source.
    """

    tenant: str
    start_ms: int
    begun_at_ms: int
    shard: int = 0
    position: str = ""
    rollups: tuple[Rollup, ...] = ()

    def is_newer_than(self, total: Rollup | None) -> bool:
        """Whether the count goes on; False if the quarter was counted to its end since it began."""
        return total is None or self.begun_at_ms > total.counted_at_ms


def merge(parts: Iterable[Rollup], span: Span, start_ms: int, counted_at_ms: int) -> list[Rollup]:
    """The rollups of a longer span, by source, from all that lie within it."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    durations: dict[tuple[str, str], Counter[int]] = {}
    for part in parts:
        key = (part.tenant, part.source)
        counts.setdefault(key, Counter()).update(part.counts)
        durations.setdefault(key, Counter()).update(part.durations)
    return [
        Rollup(tenant, span, start_ms, source, counted_at_ms, dict(counted), dict(durations[tenant, source]))
        for (tenant, source), counted in sorted(counts.items())
    ]


def bucket_of(duration_ms: int) -> int:
    """The number of the bucket that holds a duration: 0 up to 1 ms, n up to BUCKET_GROWTH ** n ms."""
    if duration_ms <= 1:
        return 0
    return math.ceil(math.log(duration_ms) / math.log(BUCKET_GROWTH) - 1e-9)


def bucket_duration_ms(bucket: int) -> float:
    """The duration that stands for a bucket: within RELATIVE_ERROR of every duration above 1 ms in it."""
    return 1.0 if bucket <= 0 else 2 * BUCKET_GROWTH**bucket / (BUCKET_GROWTH + 1)


def quantile_ms(durations: Mapping[int, int], quantile: float) -> float | None:
    """A quantile of a histogram of durations.

    Args:
        durations: bucket number to count.
        quantile: 0 to 1: 0.5 is the median.

    Returns:
        Milliseconds, within RELATIVE_ERROR of the true quantile; None if the histogram is empty.
    """
    wanted = quantile * (sum(durations.values()) - 1)
    seen = 0
    for bucket, count in sorted(durations.items()):
        seen += count
        if count and seen > wanted:
            return bucket_duration_ms(bucket)
    return None

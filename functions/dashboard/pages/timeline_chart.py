"""What became of tasks over time, as stacked bars: geometry for SVG, and the same numbers for a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workerflow.domain.run import RunState
from workerflow.services.read_timeline import Timeline, TimelineBucket

WIDTH, HEIGHT = 1_000, 120
"""Of the drawing, in its own units; browsers stretch it to the place that there is."""
PARTS = ("succeeded", "other", "open", "failed")
"""From the bottom up; failures stand on top, where they are seen."""
_GAP = 0.18
_LEAST_HEIGHT = 2.0
"""One failure among a thousand successes is still seen."""
_LABELS = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a bucket's bar."""

    part: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """A bucket.

    Attributes:
        x, width: of its bars.
        slot_x, slot_width: of the whole place that it takes.
        numbers: tasks of each of PARTS.
    """

    bucket: TimelineBucket
    x: float
    width: float
    slot_x: float
    slot_width: float
    bars: Sequence[Bar]
    numbers: Sequence[int]

    @property
    def total(self) -> int:
        """All its tasks."""
        return sum(self.numbers)


@dataclass(frozen=True, slots=True)
class TimelineChart:
    """All buckets; `top` is what the whole height stands for, `labels` are moments along the axis."""

    columns: Sequence[Column]
    top: int
    labels: Sequence[int]

    @classmethod
    def of(cls, timeline: Timeline) -> TimelineChart:
        """Lay a timeline out."""
        numbers = [_numbers(bucket) for bucket in timeline.buckets]
        top = _round_up(max((sum(one) for one in numbers), default=0))
        slot = WIDTH / max(len(numbers), 1)
        columns = [
            _column(bucket, counts, at * slot, slot, top)
            for at, (bucket, counts) in enumerate(zip(timeline.buckets, numbers, strict=True))
        ]
        return cls(columns, top, _labels(timeline.buckets))

    @property
    def is_empty(self) -> bool:
        """Whether there was no task at all."""
        return not any(column.total for column in self.columns)


def _numbers(bucket: TimelineBucket) -> Sequence[int]:
    counts = dict.fromkeys(PARTS, 0)
    for state, count in bucket.counts.items():
        counts[_part_of(state)] += count
    return tuple(counts.values())


def _part_of(state: RunState) -> str:
    if state in {RunState.SUCCEEDED, RunState.FAILED}:
        return state.value
    return "other" if state.is_terminal else "open"


def _column(bucket: TimelineBucket, numbers: Sequence[int], x: float, slot: float, top: int) -> Column:
    bars: list[Bar] = []
    base = float(HEIGHT)
    for part, count in zip(PARTS, numbers, strict=True):
        if count:
            height = max(_LEAST_HEIGHT, count * HEIGHT / top)
            base -= height
            bars.append(Bar(part, round(max(0.0, base), 2), round(height, 2)))
    gap = slot * _GAP / 2
    return Column(bucket, round(x + gap, 2), round(slot - 2 * gap, 2), round(x, 2), round(slot, 2), bars, numbers)


def _round_up(count: int) -> int:
    """The next number of one digit and zeros, or of a half: 7 is 8, 130 is 150, 2,100 is 2,500."""
    if count <= 4:  # noqa: PLR2004 - below, every number is round
        return 4
    power = 10 ** math.floor(math.log10(count))
    return next(int(power * step) for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if power * step >= count)


def _labels(buckets: Sequence[TimelineBucket]) -> Sequence[int]:
    if not buckets:
        return ()
    first, last = buckets[0].start_ms, buckets[-1].end_ms
    return [first + (last - first) * at // _LABELS for at in range(_LABELS + 1)]

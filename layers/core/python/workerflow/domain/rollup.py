"""Rollups: what became of a source's tasks within a span of time, counted once by the tick and never while they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Span(StrEnum):
    """Lengths of time that are counted."""

    QUARTER = "15m"
    HOUR = "1h"
    DAY = "1d"


@dataclass(frozen=True, slots=True)
class Rollup:
    """Tasks of one source that were accepted within [start, start + span).

    Attributes:
        start_ms: a multiple of the span, in UTC.
        counts: by state of the run (`queued` where it has no row yet); only positive numbers.
        durations: a histogram of the last attempts' durations of ended tasks: bucket number to count (domain.rollup
            defines the buckets).
        counted_at_ms: when; a task that had not ended then is counted anew later.
    """

    tenant: str
    span: Span
    start_ms: int
    source: str
    counted_at_ms: int
    counts: Mapping[str, int] = field(default_factory=dict)
    durations: Mapping[int, int] = field(default_factory=dict)

"""A timeline has a bucket for every span of its window, also for an empty one, and says which of them are exact."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.runs import a_run
from tests.unit.services.reading import Reading
from tests.unit.services.wired import TENANT, Wired
from workerflow.domain.rollup import ALL_SOURCES, Rollup, Span
from workerflow.domain.run import Attempt, AttemptResult, RunState
from workerflow.services.read_timeline import MAX_BUCKETS, Timeline

QUARTER, HOUR, DAY = Span.QUARTER.ms, Span.HOUR.ms, Span.DAY.ms
NOON = 1_760_000_000_000 // DAY * DAY + DAY // 2


@pytest.fixture(autouse=True)
def at_noon(wired: Wired) -> None:
    wired.clock.ms = NOON


def timeline(wired: Wired, length_ms: int, source: str | None = None) -> Timeline:
    return Reading(wired).read_timeline(TENANT, NOON - length_ms, NOON, source)


def test_buckets_lie_side_by_side_from_end_to_end(wired: Wired) -> None:
    wired.take(accepted_at_ms=NOON - QUARTER)
    line = timeline(wired, 6 * HOUR)
    assert line.span is Span.QUARTER
    assert [bucket.start_ms for bucket in line.buckets] == list(range(NOON - 6 * HOUR, NOON, QUARTER))
    assert [bucket.end_ms - bucket.start_ms for bucket in line.buckets] == [QUARTER] * 24
    assert [bucket.counts for bucket in line.buckets] == [{}] * 23 + [{RunState.QUEUED: 1}]


@pytest.mark.parametrize(
    ("length_ms", "number", "spans"),
    [(3 * DAY, 72, 1), (90 * DAY, 91, 1), (120 * DAY, 61, 2), (400 * DAY, 81, 5)],
)
def test_no_chart_has_more_buckets_than_can_be_seen(wired: Wired, length_ms: int, number: int, spans: int) -> None:
    line = timeline(wired, length_ms)
    assert len(line.buckets) == number <= MAX_BUCKETS
    assert line.buckets[0].end_ms - line.buckets[0].start_ms == spans * line.span.ms
    ends = [bucket.end_ms for bucket in line.buckets]
    assert [bucket.start_ms for bucket in line.buckets[1:]] == ends[:-1]
    assert line.buckets[-1].start_ms < NOON <= ends[-1]


def test_several_spans_of_one_bucket_add_up(wired: Wired) -> None:
    for number in range(1, 121):
        start_ms = Span.DAY.start_of(NOON) - number * DAY
        rollup = Rollup(TENANT, Span.DAY, start_ms, ALL_SOURCES, NOON, {"succeeded": 1})
        wired.memory.rollups[TENANT, "1d", start_ms, ALL_SOURCES] = rollup
    counts = [bucket.counts.get(RunState.SUCCEEDED, 0) for bucket in timeline(wired, 120 * DAY).buckets]
    assert counts == [2] * 60 + [0]


def test_one_sources_timeline_tells_of_no_other(wired: Wired) -> None:
    wired.take("one", accepted_at_ms=NOON - 1)
    wired.take("two", accepted_at_ms=NOON - 2, source="route:ask")
    assert timeline(wired, HOUR, "route:ask").buckets[-1].counts == {RunState.QUEUED: 1}
    assert timeline(wired, HOUR).buckets[-1].counts == {RunState.QUEUED: 2}
    assert timeline(wired, HOUR, "route:gone").buckets[-1].counts == {}


def test_durations_are_those_of_the_bucket(wired: Wired) -> None:
    task = wired.take(accepted_at_ms=NOON - 5_000)
    ended = Attempt(1, NOON - 5_000, NOON - 4_000, AttemptResult.SUCCEEDED)
    wired.keep(replace(a_run(task), state=RunState.SUCCEEDED, history=(ended,)))
    *_, before, last = timeline(wired, HOUR).buckets
    assert (before.p50_ms, before.p95_ms) == (None, None)
    assert last.p50_ms == pytest.approx(1_000, rel=0.05)
    assert last.p95_ms == last.p50_ms


def test_a_doubt_is_told_where_it_is(wired: Wired) -> None:
    task = wired.take(accepted_at_ms=NOON - 2 * QUARTER)
    wired.memory.spoilt.add(("runs", TENANT, task.trace_id))
    assert [bucket.is_exact for bucket in timeline(wired, HOUR).buckets] == [True, True, False, True]

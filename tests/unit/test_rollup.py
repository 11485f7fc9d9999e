"""Buckets, quantiles, and rollups that are made from rollups."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.runs import a_run, failed
from tests.support.tasks import an_acceptance
from workerflow.domain.rollup import (
    ALL_SOURCES,
    BUCKET_GROWTH,
    RELATIVE_ERROR,
    SETTLED_AFTER_MS,
    Rollup,
    Span,
    Tally,
    bucket_duration_ms,
    bucket_of,
    merge,
    quantile_ms,
)
from workerflow.domain.run import Run

LONGEST_MS = 300_000
HOUR = 3_600_000 * 500_000
DURATIONS = st.lists(st.integers(0, LONGEST_MS), min_size=1, max_size=200)


@given(st.integers(2, LONGEST_MS))
def test_a_bucket_stands_for_each_duration_in_it_to_within_the_relative_error(duration_ms: int) -> None:
    estimate = bucket_duration_ms(bucket_of(duration_ms))
    assert abs(estimate - duration_ms) <= duration_ms * RELATIVE_ERROR * 1.000001


def test_buckets_are_few_and_in_order() -> None:
    buckets = [bucket_of(duration) for duration in range(LONGEST_MS)]
    assert buckets == sorted(buckets)
    assert (buckets[0], buckets[1], buckets[-1]) == (0, 0, 133)
    assert bucket_of(round(BUCKET_GROWTH**100)) in {100, 101}
    assert round(RELATIVE_ERROR, 3) == 0.048


@given(DURATIONS, st.sampled_from([0.0, 0.5, 0.9, 0.95, 1.0]))
def test_a_quantile_is_that_of_the_durations_to_within_the_relative_error(
    durations: list[int], quantile: float
) -> None:
    histogram = Counter(map(bucket_of, durations))
    true = max(1, sorted(durations)[int(quantile * (len(durations) - 1))])
    estimate = quantile_ms(histogram, quantile)
    assert estimate is not None
    assert abs(estimate - true) <= true * RELATIVE_ERROR * 1.000001


def test_nothing_has_no_quantile() -> None:
    assert quantile_ms({}, 0.5) is None


def _quarter(start_ms: int, source: str, **counts: int) -> Rollup:
    return Rollup("default", Span.QUARTER, start_ms, source, HOUR, counts, {7: sum(counts.values())})


def test_hours_are_the_sum_of_their_quarters_by_source() -> None:
    quarters = [
        _quarter(HOUR, "route:a", succeeded=2, failed=1),
        _quarter(HOUR, "route:b", succeeded=1),
        _quarter(HOUR + Span.QUARTER.ms, "route:a", succeeded=3),
    ]
    assert merge(quarters, Span.HOUR, HOUR, 9) == [
        Rollup("default", Span.HOUR, HOUR, "route:a", 9, {"succeeded": 5, "failed": 1}, {7: 6}),
        Rollup("default", Span.HOUR, HOUR, "route:b", 9, {"succeeded": 1}, {7: 1}),
    ]


def test_a_tally_counts_by_source_and_for_all_of_them() -> None:
    tally = Tally()
    for run in (failed(a_run()), Run.of_task(an_acceptance("2")), replace(a_run(), source="route:other")):
        tally.add(run)
    found = {one.source: one for one in tally.rollups("default", HOUR, 5)}
    assert found["route:echo"].counts == {"failed": 1, "queued": 1}
    assert found["route:other"].counts == {"running": 1}
    assert found[ALL_SOURCES].counts == {"failed": 1, "queued": 1, "running": 1}
    assert found["route:echo"].durations == found[ALL_SOURCES].durations == {bucket_of(1000): 1}
    assert found[ALL_SOURCES].open_tasks == 2


def test_an_empty_quarter_is_told_as_counted() -> None:
    assert Tally().rollups("default", HOUR, 5) == [Rollup("default", Span.QUARTER, HOUR, ALL_SOURCES, 5)]


@pytest.mark.parametrize(
    ("after_ms", "counts", "settled"),
    [
        (SETTLED_AFTER_MS, {"succeeded": 1, "skipped": 1}, True),
        (SETTLED_AFTER_MS - 1, {"succeeded": 1}, False),
        (SETTLED_AFTER_MS, {"succeeded": 1, "parked": 1}, False),
        (SETTLED_AFTER_MS, {}, True),
    ],
)
def test_a_quarter_is_settled_when_all_have_ended_and_the_index_had_time(
    after_ms: int, counts: dict[str, int], settled: bool
) -> None:
    rollup = Rollup("default", Span.QUARTER, HOUR, ALL_SOURCES, HOUR + Span.QUARTER.ms + after_ms, counts)
    assert rollup.is_settled is settled


@pytest.mark.parametrize("span", Span)
def test_a_moment_lies_in_the_bucket_that_began_last(span: Span) -> None:
    start = span.start_of(HOUR + 12_345_678)
    assert start % span.ms == 0
    assert start <= HOUR + 12_345_678 < start + span.ms

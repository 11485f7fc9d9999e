"""Geometry of the charts: everything lies inside, nothing that is there is invisible."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from functions.dashboard.pages.attempt_chart import WIDTH, AttemptChart
from functions.dashboard.pages.timeline_chart import HEIGHT, TimelineChart
from workerflow.domain.rollup import Span
from workerflow.domain.run import AttemptResult, RunState
from workerflow.services.read_run_detail import AttemptView
from workerflow.services.read_timeline import Timeline, TimelineBucket

T = 1_790_000_000_000


def timeline(*counts: dict[RunState, int]) -> Timeline:
    hour = Span.HOUR.ms
    buckets = [
        TimelineBucket(T + at * hour, T + at * hour + hour, one, None, None, is_exact=True)
        for at, one in enumerate(counts)
    ]
    return Timeline(Span.HOUR, buckets)


def test_parts_are_stacked_with_the_failures_on_top() -> None:
    chart = TimelineChart.of(timeline({RunState.SUCCEEDED: 6, RunState.FAILED: 2, RunState.PARKED: 2}))
    bars = chart.columns[0].bars
    assert [bar.part for bar in bars] == ["succeeded", "open", "failed"]
    assert chart.top == 10
    assert bars[0].y + bars[0].height == HEIGHT
    assert bars[1].y + bars[1].height == bars[0].y
    assert bars[2].y == 0


def test_one_failure_among_ten_thousand_is_seen() -> None:
    chart = TimelineChart.of(timeline({RunState.SUCCEEDED: 10_000, RunState.FAILED: 1}))
    assert chart.columns[0].bars[-1].height >= 2


@given(st.lists(st.dictionaries(st.sampled_from(list(RunState)), st.integers(1, 10**7)), max_size=100))
def test_bars_lie_inside_and_every_task_is_in_one(counts: list[dict[RunState, int]]) -> None:
    chart = TimelineChart.of(timeline(*counts))
    for column, one in zip(chart.columns, counts, strict=True):
        assert column.total == sum(one.values()) <= chart.top
        assert column.x >= 0
        assert column.x + column.width <= WIDTH + 0.1
        assert all(bar.y >= 0 and bar.height > 0 for bar in column.bars)
    assert chart.is_empty == (not any(counts))


def test_an_empty_window_has_a_scale() -> None:
    assert TimelineChart.of(timeline()).labels == ()
    assert TimelineChart.of(timeline({}, {})).top == 4


def attempt(number: int, began: int | None, ended: int | None, *, running: bool = False) -> AttemptView:
    return AttemptView(number, began, ended, None if running else AttemptResult.RETRYABLE, is_running=running)


def test_attempts_stand_where_they_were_made_with_the_waits_between() -> None:
    attempts = [attempt(1, T + 1_000, T + 2_000), attempt(2, T + 9_000, T + 10_000)]
    chart = AttemptChart.of(attempts, accepted_at_ms=T, until_ms=T + 10_000)
    first, second = chart.bars
    assert (first.x, first.width, first.wait_width) == (100, 100, 100)
    assert (second.x, second.width) == (900, 100)
    assert (second.wait_x, second.wait_width) == (200, 700)
    assert chart.length_ms == 10_000


def test_a_run_that_waits_has_its_wait_drawn_until_now() -> None:
    chart = AttemptChart.of([attempt(1, T + 1_000, T + 2_000)], accepted_at_ms=T, until_ms=T + 10_000)
    [bar] = chart.bars
    assert (bar.x, bar.width, bar.rest_width) == (100, 100, 800)
    assert chart.length_ms == 10_000


def test_a_running_attempt_reaches_to_now_and_an_old_one_has_no_place() -> None:
    attempts = [attempt(1, None, T + 5), attempt(2, T, None, running=True)]
    chart = AttemptChart.of(attempts, accepted_at_ms=T, until_ms=T + 1_000)
    assert chart.bars[0].x is None
    assert (chart.bars[1].outcome, chart.bars[1].took_ms, chart.bars[1].width) == ("running", 1_000, WIDTH)


@given(st.lists(st.tuples(st.integers(-5, 10**9), st.integers(-5, 10**6)), max_size=25))
def test_attempts_lie_inside_whatever_the_clocks_said(times: list[tuple[int, int]]) -> None:
    attempts = [attempt(at + 1, T + began, T + began + took) for at, (began, took) in enumerate(times)]
    for bar in AttemptChart.of(attempts, accepted_at_ms=T, until_ms=T).bars:
        assert bar.x is not None
        assert bar.x >= 0
        assert bar.width >= 6
        assert bar.x + bar.width <= WIDTH + 0.2
        assert bar.wait_width >= 0

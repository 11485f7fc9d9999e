"""A window's counts are those of its rows, whatever was counted when; and where they may not be, they say so."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.runs import a_run, failed
from tests.unit.services.reading import Reading
from tests.unit.services.wired import TENANT, Wired
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.rollup import ALL_SOURCES, Rollup, Span
from workerflow.domain.run import Attempt, AttemptResult, Run, RunState
from workerflow.domain.task import Acceptance
from workerflow.services.count_tasks import MAX_WINDOW_MS, Doubt, TaskCounts
from workerflow.services.newest_first import ENTRIES_READ

QUARTER, HOUR, DAY = Span.QUARTER.ms, Span.HOUR.ms, Span.DAY.ms
MIDNIGHT = 1_760_000_000_000 // DAY * DAY
NOON = MIDNIGHT + DAY // 2
NEVER = NOON * 2


@pytest.fixture(autouse=True)
def at_noon(wired: Wired) -> None:
    wired.clock.ms = NOON


def count(wired: Wired, from_ms: int = NOON - HOUR, until_ms: int = NOON) -> TaskCounts:
    return Reading(wired).count_tasks(TENANT, from_ms, until_ms)


def take(wired: Wired, number: int, at_ms: int, **changes: object) -> list[Acceptance]:
    """Tasks a millisecond apart, oldest first."""
    return [wired.take(f"key-{at_ms + n}", accepted_at_ms=at_ms + n, **changes) for n in range(number)]


def counted(wired: Wired, start_ms: int, *, at_ms: int | None = None, span: Span = Span.QUARTER, **counts: int) -> None:
    """Let a rollup stand, counted for good unless `at_ms` says otherwise."""
    for source in (ALL_SOURCES, "route:echo"):
        late_ms = start_ms + span.ms + QUARTER
        rollup = Rollup(TENANT, span, start_ms, source, at_ms or late_ms, counts, {10: sum(counts.values())})
        wired.memory.rollups[TENANT, span.value, start_ms, source] = rollup


def counted_to(wired: Wired, until_ms: int, *, hours: int = 24, succeeded: int) -> None:
    """Let all quarters and hours of some hours stand, the last of them whole."""
    first_ms = Span.HOUR.start_of(until_ms) - hours * HOUR
    for start_ms in range(first_ms, until_ms, QUARTER):
        counted(wired, start_ms, succeeded=succeeded)
    for start_ms in range(first_ms, until_ms, HOUR):
        counted(wired, start_ms, span=Span.HOUR, succeeded=4 * succeeded)


def roll_up(wired: Wired, due_at_ms: int) -> None:
    wired.clock.ms = due_at_ms + 1_000
    Reading(wired).roll_up(TENANT, due_at_ms=due_at_ms, until_ms=NEVER)


class TestSpans:
    @pytest.mark.parametrize(
        ("length_ms", "age_ms", "span"),
        [
            (HOUR, 0, Span.QUARTER),
            (6 * HOUR, 0, Span.QUARTER),
            (6 * HOUR + 1, 0, Span.HOUR),
            (3 * DAY, 0, Span.HOUR),
            (3 * DAY + 1, 0, Span.DAY),
            (HOUR, 4 * DAY, Span.HOUR),
            (HOUR, 50 * DAY, Span.DAY),
        ],
    )
    def test_a_window_is_told_as_finely_as_is_of_use_and_kept(
        self, wired: Wired, length_ms: int, age_ms: int, span: Span
    ) -> None:
        until_ms = NOON - age_ms
        counts = count(wired, until_ms - length_ms, until_ms)
        assert counts.span is span
        assert counts.from_ms <= until_ms - length_ms < counts.from_ms + span.ms
        assert counts.until_ms - span.ms < until_ms <= counts.until_ms

    def test_no_window_is_longer_than_what_is_kept(self, wired: Wired) -> None:
        counts = count(wired, 0, NOON)
        assert counts.from_ms == Span.DAY.start_of(NOON - MAX_WINDOW_MS)

    def test_an_empty_window_is_one_span_long(self, wired: Wired) -> None:
        counts = count(wired, NOON, NOON)
        assert (counts.from_ms, counts.until_ms) == (NOON, NOON + QUARTER)


class TestBeforeAnythingWasCounted:
    def test_the_rows_tell(self, wired: Wired) -> None:
        first, _, last = take(wired, 3, NOON - 60_000)
        wired.keep(failed(a_run(first)))
        counts = count(wired)
        assert dict(counts.total().counts) == {"failed": 1, "queued": 2}
        assert counts.is_exact()
        assert counts.fresh[0].trace_id == last.trace_id

    def test_what_is_outside_the_window_does_not_count(self, wired: Wired) -> None:
        take(wired, 1, NOON - HOUR - 1)
        take(wired, 1, NOON - HOUR)
        counts = count(wired, NOON - HOUR, NOON)
        assert dict(counts.total().counts) == {"queued": 1}

    def test_more_than_can_be_read_are_told_as_a_part(self, wired: Wired) -> None:
        tasks = take(wired, ENTRIES_READ + 10, NOON - HOUR // 2)
        counts = count(wired)
        told = sum(counts.total().counts.values())
        assert ENTRIES_READ - 100 < told <= ENTRIES_READ
        assert not counts.is_exact()
        assert not counts.is_exact(NOON - HOUR, NOON - HOUR // 2 + 1)
        assert counts.is_exact(tasks[-1].accepted_at_ms, NOON)


class TestCounted:
    def test_what_is_settled_is_not_read_again(self, wired: Wired) -> None:
        counted_to(wired, NOON, succeeded=10)
        wired.memory.calls.clear()
        counts = count(wired)
        assert dict(counts.total().counts) == {"succeeded": 40}
        assert (counts.is_exact(), counts.fresh_from_ms) == (True, NOON)
        assert "runs.view_many" not in wired.memory.calls

    def test_the_quarter_in_progress_is_told_by_its_rows(self, wired: Wired) -> None:
        counted_to(wired, NOON, succeeded=10)
        wired.clock.ms = NOON + 60_000
        take(wired, 2, NOON + 1)
        counts = count(wired, NOON - HOUR, wired.clock.ms)
        assert dict(counts.total().counts) == {"succeeded": 40, "queued": 2}
        assert dict(counts.total("route:echo").counts) == {"succeeded": 40, "queued": 2}
        assert dict(counts.total("route:ask").counts) == {}
        assert counts.is_exact()

    def test_a_quarter_that_was_counted_before_its_tasks_ended_is_told_by_its_rows(self, wired: Wired) -> None:
        counted_to(wired, NOON - QUARTER, succeeded=10)
        [task] = take(wired, 1, NOON - QUARTER + 5)
        counted(wired, NOON - QUARTER, running=1)
        wired.keep(failed(a_run(task)))
        counts = count(wired)
        assert dict(counts.total().counts) == {"succeeded": 30, "failed": 1}
        assert counts.is_exact()

    def test_a_quarter_that_was_counted_while_the_index_lagged_is_told_by_its_rows(self, wired: Wired) -> None:
        counted_to(wired, NOON - QUARTER, succeeded=10)
        take(wired, 2, NOON - QUARTER + 5)
        counted(wired, NOON - QUARTER, at_ms=NOON + 1, succeeded=1)
        wired.clock.ms = NOON + 60_000
        assert dict(count(wired, NOON - HOUR, NOON + 1).total().counts) == {"succeeded": 30, "queued": 2}

    def test_a_busy_quarter_is_told_as_it_was_counted_and_says_so(self, wired: Wired) -> None:
        counted_to(wired, NOON - QUARTER, succeeded=10)
        take(wired, ENTRIES_READ + 10, NOON - QUARTER + 5)
        counted(wired, NOON - QUARTER, running=ENTRIES_READ)
        take(wired, 3, NOON + 5)
        wired.clock.ms = NOON + 60_000
        counts = count(wired, NOON - HOUR, wired.clock.ms)
        assert dict(counts.total().counts) == {"succeeded": 30, "running": ENTRIES_READ, "queued": 3}
        assert not counts.is_exact()
        assert counts.is_exact(NOON - HOUR, NOON - QUARTER)
        assert counts.is_exact(NOON, NOON + QUARTER)

    def test_days_are_told_by_days_hours_quarters_and_rows_none_of_them_twice(self, wired: Wired) -> None:
        for number in range(1, 6):
            counted(wired, MIDNIGHT - number * DAY, span=Span.DAY, succeeded=1_000)
        counted_to(wired, NOON, hours=12, succeeded=1)
        take(wired, 1, NOON + 1)
        wired.clock.ms = NOON + 60_000
        counts = count(wired, NOON - 5 * DAY, wired.clock.ms)
        assert dict(counts.total().counts) == {"succeeded": 5_000 + 48, "queued": 1}
        assert {one.span for one in counts.rollups} == {Span.DAY, Span.HOUR, Span.QUARTER}
        assert counts.is_exact()

    def test_durations_add_up(self, wired: Wired) -> None:
        counted_to(wired, NOON, succeeded=1)
        [task] = take(wired, 1, NOON + 1)
        ended = Attempt(1, NOON, NOON + 2, AttemptResult.SUCCEEDED)
        wired.keep(replace(a_run(task), state=RunState.SUCCEEDED, history=(ended,)))
        wired.clock.ms = NOON + 60_000
        assert dict(count(wired, NOON - HOUR, NOON + 1).total().durations) == {10: 4, 8: 1}


class TestDoubts:
    def test_a_task_that_waits_longer_than_an_hour_may_have_ended_since(self, wired: Wired) -> None:
        counted_to(wired, NOON, succeeded=1)
        counted(wired, NOON - 3 * HOUR, waiting=1)
        counts = count(wired, NOON - 5 * HOUR, NOON)
        assert counts.doubts == [Doubt(NOON - 3 * HOUR, NOON - 3 * HOUR + QUARTER)]

    def test_a_quarter_that_was_left_out_is_missing(self, wired: Wired) -> None:
        counted_to(wired, NOON, succeeded=1)
        for source in (ALL_SOURCES, "route:echo"):
            del wired.memory.rollups[TENANT, "15m", NOON - 3 * HOUR, source]
        counts = count(wired, NOON - 5 * HOUR, NOON)
        assert counts.doubts == [Doubt(NOON - 3 * HOUR, NOON - 3 * HOUR + QUARTER)]

    def test_tasks_before_all_that_was_counted_are_missing(self, wired: Wired) -> None:
        """Counting began, or began again, within the window."""
        take(wired, 1, NOON - 5 * HOUR)
        counted_to(wired, NOON, hours=3, succeeded=1)
        counts = count(wired, NOON - 6 * HOUR, NOON)
        assert counts.doubts == [Doubt(NOON - 6 * HOUR, NOON - 3 * HOUR)]
        assert counts.is_exact(NOON - 3 * HOUR, NOON)

    def test_before_the_first_task_nothing_is_missing(self, wired: Wired) -> None:
        take(wired, 1, NOON - 6 * HOUR - 1)
        take(wired, 1, NOON - 3 * HOUR)
        counted_to(wired, NOON, hours=3, succeeded=1)
        assert count(wired, NOON - 6 * HOUR, NOON).is_exact()

    def test_when_counting_stopped_hours_ago_the_rows_tell_from_there_on(self, wired: Wired) -> None:
        stopped_ms = NOON - 4 * HOUR
        counted_to(wired, stopped_ms, succeeded=1)
        take(wired, 3, NOON - 2 * HOUR)
        counts = count(wired, NOON - 6 * HOUR, NOON)
        assert dict(counts.total().counts) == {"succeeded": 8, "queued": 3}
        assert counts.is_exact()

    def test_an_hour_that_was_counted_in_part_says_so(self, wired: Wired) -> None:
        counted_to(wired, NOON - 4 * HOUR, succeeded=1)
        counted(wired, NOON - 4 * HOUR, span=Span.HOUR, at_ms=NOON - 4 * HOUR + 2 * QUARTER, succeeded=1)
        counts = count(wired, NOON - 12 * HOUR, NOON)
        assert counts.doubts == [Doubt(NOON - 4 * HOUR, NOON - 3 * HOUR)]

    def test_a_rollup_that_cannot_be_read_says_so_and_hides_no_other(self, wired: Wired) -> None:
        counted_to(wired, NOON, succeeded=1)
        wired.memory.spoilt.add(("rollups", TENANT, "15m", NOON - 3 * HOUR, "route:echo"))
        counts = count(wired, NOON - 5 * HOUR, NOON)
        assert dict(counts.total().counts) == {"succeeded": 20}
        assert not counts.is_exact()

    def test_a_row_that_cannot_be_read_says_so_and_counts_as_queued(self, wired: Wired) -> None:
        first, _ = take(wired, 2, NOON - 60_000)
        wired.memory.spoilt.add(("runs", TENANT, first.trace_id))
        counts = count(wired)
        assert dict(counts.total().counts) == {"queued": 2}
        assert counts.doubts == [Doubt(NOON - 60_000, NOON - 60_000 + 1)]

    def test_a_task_whose_entry_cannot_be_read_is_missing_and_leaves_a_doubt(self, wired: Wired) -> None:
        first, _ = take(wired, 2, NOON - 60_000)
        wired.memory.spoilt.add(("acceptances", TENANT, first.key_hash))
        counts = count(wired)
        assert dict(counts.total().counts) == {"queued": 1}
        assert not counts.is_exact()

    def test_one_before_all_that_was_counted_leaves_a_doubt_there(self, wired: Wired) -> None:
        counted_to(wired, NOON, hours=1, succeeded=1)
        [task] = take(wired, 1, NOON - 2 * HOUR)
        assert not count(wired, NOON - 3 * HOUR, NOON).is_exact()
        wired.memory.spoilt.add(("acceptances", TENANT, task.key_hash))
        assert not count(wired, NOON - 3 * HOUR, NOON).is_exact()
        wired.memory.acceptances.clear()
        assert count(wired, NOON - 3 * HOUR, NOON).is_exact()

    @pytest.mark.parametrize("name", ["rollups.view_rollups", "acceptances.view_accepted", "runs.view_many"])
    def test_a_store_that_does_not_answer_is_no_zero(self, wired: Wired, name: str) -> None:
        take(wired, 1, NOON - 60_000)
        wired.refuse(name)
        with pytest.raises(StoreUnavailableError):
            count(wired)


@dataclass(frozen=True)
class Life:
    """A task: accepted so many minutes after the beginning, begun and ended so many minutes later."""

    accepted: int
    begins: int
    ends: int
    state: RunState

    def row(self, task: Acceptance, minute: int) -> Run | None:
        """Its row at a moment; None before it began."""
        if minute < self.accepted + self.begins:
            return None
        run = a_run(task)
        return run if minute < self.accepted + self.ends else replace(run, state=self.state, lease_until_ms=None)


MINUTE = 60_000
LIVES = st.builds(
    lambda accepted, begins, lasts, state: Life(accepted, begins, begins + lasts, state),
    st.integers(0, 9 * 60 - 1),
    st.sampled_from([0, 0, 1, 20]),
    st.sampled_from([0, 0, 1, 10, 45, 300]),
    st.sampled_from([RunState.SUCCEEDED, RunState.FAILED]),
)


BEGIN = MIDNIGHT - 5 * HOUR


@dataclass
class Nine:
    """Nine hours over midnight, minute by minute."""

    wired: Wired
    lives: list[Life]
    tasks: dict[int, Acceptance] = field(default_factory=dict)

    def play_to(self, minute: int) -> None:
        """Let everything stand as it does then."""
        for number, life in enumerate(self.lives):
            if life.accepted <= minute:
                self._accept(number, life)
                if (row := life.row(self.tasks[number], minute)) is not None:
                    self.wired.keep(row)

    def _accept(self, number: int, life: Life) -> None:
        if number not in self.tasks:
            [self.tasks[number]] = take(self.wired, 1, BEGIN + life.accepted * MINUTE + number)

    def truth(self, from_ms: int, until_ms: int) -> Counter[RunState]:
        """The tasks of a stretch of time by their rows."""
        names = [one.trace_id for one in self.tasks.values() if from_ms <= one.accepted_at_ms < until_ms]
        rows = (self.wired.memory.runs.get((TENANT, name)) for name in names)
        return Counter(row.state if row else RunState.QUEUED for row in rows)


@settings(max_examples=40)
@given(
    st.lists(LIVES, max_size=14),
    st.sets(st.integers(1, 36), max_size=20),
    st.integers(30, 9 * 60),
    st.sampled_from([1, 3, 6, 8, 24, 90]),
)
def test_whatever_was_counted_when_exact_numbers_are_those_of_the_rows(
    lives: list[Life], lost_fires: set[int], now: int, hours: int
) -> None:
    wired = Wired()
    nine = Nine(wired, lives)
    for fire in range(1, now // 15 + 1):
        nine.play_to(fire * 15)
        if fire not in lost_fires:
            roll_up(wired, BEGIN + fire * QUARTER)
    nine.play_to(now)
    wired.clock.ms = BEGIN + now * MINUTE + 2_000
    from_ms = wired.clock.ms - hours * HOUR
    buckets = Reading(wired).read_timeline(TENANT, from_ms, wired.clock.ms).buckets
    for bucket in buckets:
        true = nine.truth(bucket.start_ms, bucket.end_ms)
        assert sum(bucket.counts.values()) <= true.total()
        assert not bucket.is_exact or Counter(bucket.counts) == true
    assert buckets[0].start_ms <= from_ms
    assert buckets[-1].end_ms > wired.clock.ms

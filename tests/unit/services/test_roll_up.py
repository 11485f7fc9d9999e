"""Rollups are counted from the ledger, again and again until they are settled, and counting again never adds."""

from __future__ import annotations

import pytest

from tests.support.runs import a_run, failed
from tests.unit.services.wired import TENANT, Wired
from workerflow.domain.errors import RetryableError, StoreUnavailableError
from workerflow.domain.identity import SHARDS
from workerflow.domain.rollup import ALL_SOURCES, Rollup, Span, bucket_of
from workerflow.domain.run import RunState
from workerflow.domain.task import Acceptance
from workerflow.services.roll_up import QUARTERS_A_RUN, RollUp

QUARTER, HOUR, DAY = Span.QUARTER.ms, Span.HOUR.ms, Span.DAY.ms
NOON = 1_760_000_000_000 // DAY * DAY + DAY // 2
NEVER = NOON * 2


@pytest.fixture(autouse=True)
def at_noon(wired: Wired) -> None:
    wired.clock.ms = NOON + 1_000


def roll_up(wired: Wired) -> RollUp:
    return RollUp(
        acceptances=wired.world.acceptances,
        runs=wired.runs,
        rollups=wired.world.rollups,
        clock=wired.clock,
        pages_a_keep=2,
    )


def run_at(wired: Wired, due_at_ms: int) -> dict[str, object]:
    """A fire that is run a second after it was due."""
    wired.clock.ms = due_at_ms + 1_000
    return roll_up(wired)(TENANT, due_at_ms=due_at_ms, until_ms=NEVER)


def take(wired: Wired, key: str, at_ms: int, **changes: object) -> Acceptance:
    return wired.take(key, accepted_at_ms=at_ms, **changes)


def end(wired: Wired, task: Acceptance) -> None:
    wired.keep(failed(a_run(task)))


def found(wired: Wired, span: Span, start_ms: int, source: str = ALL_SOURCES) -> Rollup | None:
    return wired.memory.rollups.get((TENANT, span.value, start_ms, source))


def counts(wired: Wired, span: Span, start_ms: int, source: str = ALL_SOURCES) -> dict[str, int] | None:
    rollup = found(wired, span, start_ms, source)
    return None if rollup is None else dict(rollup.counts)


PAGES_OF_450 = 8
"""Four shards of some 112 tasks each."""


def many_tasks(wired: Wired, number: int, at_ms: int = NOON - QUARTER) -> list[Acceptance]:
    return [take(wired, f"key-{at_ms + one}", at_ms + one) for one in range(number)]


def slow_pages(wired: Wired, *, seconds: float) -> None:
    """From now on a page of tasks takes its time."""
    wired.meanwhile("runs.get_many", lambda: wired.clock.advance(seconds), times=10**6)


def attempts_to_count(wired: Wired, *, seconds: float) -> int:
    """Attempts of one fire, of so many seconds each, until all is counted."""
    for attempt in range(1, 10):
        try:
            roll_up(wired)(TENANT, due_at_ms=NOON + 1, until_ms=wired.clock.ms + round(seconds * 1000))
        except RetryableError:
            continue
        return attempt
    raise AssertionError("never counted")


class TestCounts:
    def test_a_quarter_is_counted_by_source_and_state_when_it_is_over(self, wired: Wired) -> None:
        end(wired, take(wired, "1", NOON - QUARTER))
        take(wired, "2", NOON - 1)
        take(wired, "3", NOON - 1, source="route:other")
        take(wired, "not yet", NOON)
        take(wired, "too old for this run", NOON - 3 * HOUR)
        report = run_at(wired, NOON)
        assert counts(wired, Span.QUARTER, NOON - QUARTER, "route:echo") == {"failed": 1, "queued": 1}
        assert counts(wired, Span.QUARTER, NOON - QUARTER, "route:other") == {"queued": 1}
        assert counts(wired, Span.QUARTER, NOON - QUARTER) == {"failed": 1, "queued": 2}
        assert counts(wired, Span.QUARTER, NOON) is None
        assert report["tasks"] == 4

    def test_hours_and_days_are_made_of_it(self, wired: Wired) -> None:
        end(wired, take(wired, "1", NOON - QUARTER))
        end(wired, take(wired, "2", NOON - HOUR))
        run_at(wired, NOON)
        assert counts(wired, Span.HOUR, NOON - HOUR) == counts(wired, Span.DAY, NOON - DAY // 2) == {"failed": 2}
        day = found(wired, Span.DAY, NOON - DAY // 2, "route:echo")
        assert day is not None
        assert day.durations == {bucket_of(1000): 2}

    def test_more_than_a_page_is_counted(self, wired: Wired) -> None:
        for number in range(450):
            take(wired, f"key-{number}", NOON - QUARTER + number)
        assert run_at(wired, NOON)["tasks"] == 450
        assert counts(wired, Span.QUARTER, NOON - QUARTER) == {"queued": 450}

    def test_another_tenants_tasks_are_not(self, wired: Wired) -> None:
        wired.take("1", accepted_at_ms=NOON - 1, tenant="another")
        assert run_at(wired, NOON)["tasks"] == 0

    def test_a_row_that_nobody_can_read_counts_as_queued(self, wired: Wired) -> None:
        wired.runs.poison.add(take(wired, "1", NOON - 1).trace_id)
        run_at(wired, NOON)
        assert counts(wired, Span.QUARTER, NOON - QUARTER) == {"queued": 1}

    def test_tasks_whose_entries_cannot_be_read_are_left_out_and_hold_up_no_other(self, wired: Wired) -> None:
        tasks = many_tasks(wired, 450)
        for task in tasks[:440]:
            wired.memory.spoilt.add(("acceptances", TENANT, task.key_hash))
        assert run_at(wired, NOON)["tasks"] == 10

    def test_the_fires_due_time_decides_and_not_the_clock(self, wired: Wired) -> None:
        take(wired, "1", NOON - 1)
        wired.clock.ms = NOON + HOUR
        roll_up(wired)(TENANT, due_at_ms=NOON - QUARTER, until_ms=NEVER)
        assert counts(wired, Span.QUARTER, NOON - QUARTER) is None


class TestCountingAgain:
    def test_it_never_adds(self, wired: Wired) -> None:
        take(wired, "1", NOON - 1)
        for _ in range(3):
            run_at(wired, NOON)
        assert counts(wired, Span.DAY, NOON - DAY // 2) == {"queued": 1}

    def test_what_had_not_ended_is_counted_anew_until_it_has(self, wired: Wired) -> None:
        task = take(wired, "1", NOON - 1)
        run_at(wired, NOON)
        end(wired, task)
        run_at(wired, NOON + QUARTER)
        for span, start in ((Span.QUARTER, NOON - QUARTER), (Span.HOUR, NOON - HOUR), (Span.DAY, NOON - DAY // 2)):
            assert counts(wired, span, start) == {"failed": 1}

    def test_a_settled_quarter_is_left_alone(self, wired: Wired) -> None:
        for due in (NOON, NOON + QUARTER, NOON + 2 * QUARTER):
            run_at(wired, due)
        kept = found(wired, Span.QUARTER, NOON - QUARTER)
        assert kept is not None
        assert kept.counted_at_ms == NOON + QUARTER + 1_000

    def test_what_the_index_showed_late_is_counted_by_the_next_run(self, wired: Wired) -> None:
        run_at(wired, NOON)
        take(wired, "late", NOON - 1)
        run_at(wired, NOON + QUARTER)
        assert counts(wired, Span.QUARTER, NOON - QUARTER) == {"queued": 1}

    def test_a_task_that_waits_for_hours_is_found_at_the_hour(self, wired: Wired) -> None:
        task = take(wired, "1", NOON - 1)
        for due in range(NOON, NOON + 5 * HOUR, QUARTER):
            run_at(wired, due)
        end(wired, task)
        run_at(wired, NOON + 5 * HOUR + QUARTER)
        assert counts(wired, Span.QUARTER, NOON - QUARTER) == {"queued": 1}
        run_at(wired, NOON + 6 * HOUR)
        assert counts(wired, Span.QUARTER, NOON - QUARTER) == {"failed": 1}
        assert counts(wired, Span.HOUR, NOON - HOUR) == {"failed": 1}

    def test_what_an_outage_left_out_is_found_for_three_days(self, wired: Wired) -> None:
        take(wired, "1", NOON - 60 * HOUR)
        take(wired, "beyond", NOON - 73 * HOUR)
        while run_at(wired, NOON)["left"]:
            pass
        assert counts(wired, Span.HOUR, NOON - 60 * HOUR) == {"queued": 1}
        assert found(wired, Span.HOUR, NOON - 73 * HOUR) is None

    def test_an_hour_is_never_made_of_what_is_left_of_its_quarters(self, wired: Wired) -> None:
        wired.clock.ms = NOON + 5 * DAY
        report = roll_up(wired)(TENANT, due_at_ms=NOON, until_ms=NEVER)
        assert (report["quarters"], report["left"]) == (0, 0)
        assert wired.memory.rollups == {}


class TestBounds:
    def test_a_run_counts_so_many_quarters_and_the_last_hour_first(self, wired: Wired) -> None:
        report = run_at(wired, NOON)
        assert report["quarters"] == QUARTERS_A_RUN
        assert report["left"] == 70 * 4 - QUARTERS_A_RUN
        assert all(found(wired, Span.QUARTER, NOON - step * QUARTER) for step in (1, 2, 3, 4))

    def test_within_the_hour_only_the_last_hour_is_looked_at(self, wired: Wired) -> None:
        assert run_at(wired, NOON + QUARTER)["quarters"] == 5

    def test_without_time_it_says_so_and_keeps_what_it_has(self, wired: Wired) -> None:
        take(wired, "1", NOON - 1)

        def later() -> None:
            wired.clock.ms += 40_000

        wired.meanwhile("rollups.put_many", later, times=3)
        with pytest.raises(RetryableError, match="2 quarters"):
            roll_up(wired)(TENANT, due_at_ms=NOON, until_ms=NOON + 100_000)
        assert counts(wired, Span.HOUR, NOON - HOUR) == {"queued": 1}

    def test_an_hour_or_a_day_of_which_something_is_not_counted_yet_is_not_settled(self, wired: Wired) -> None:
        """An outage is made up for, and the time is over in the midst of an hour."""
        late, midnight = NOON - 18 * HOUR, NOON - 12 * HOUR
        for number in range(4):
            end(wired, take(wired, str(number), late + number * QUARTER))
        wired.meanwhile("acceptances.list_accepted", lambda: wired.clock.advance(1), times=10**6)
        quarters = 17 * 4 + 2
        roll_up(wired)(TENANT, due_at_ms=NOON, until_ms=wired.clock.ms + quarters * SHARDS * 1000 + 500)
        hour, day = found(wired, Span.HOUR, late), found(wired, Span.DAY, midnight - DAY)
        assert hour is not None
        assert day is not None
        assert (hour.tasks, hour.is_settled, day.is_settled) == (2, False, False)
        run_at(wired, NOON + HOUR)
        hour, day = found(wired, Span.HOUR, late), found(wired, Span.DAY, midnight - DAY)
        assert hour is not None
        assert day is not None
        assert (hour.tasks, hour.is_settled, day.is_settled) == (4, True, True)

    def test_a_day_of_which_nothing_was_left_out_is_settled(self, wired: Wired) -> None:
        """What is counted begins within it, three days ago; before that there was no task."""
        task = take(wired, "1", NOON - 70 * HOUR)
        end(wired, task)
        while run_at(wired, NOON)["left"]:
            pass
        day = found(wired, Span.DAY, Span.DAY.start_of(NOON - 70 * HOUR))
        assert day is not None
        assert (day.tasks, day.is_settled) == (1, True)

    def test_a_day_that_began_before_what_can_be_counted_is_not_settled(self, wired: Wired) -> None:
        for key, at_ms in (("lost", NOON - 72 * HOUR), ("1", NOON - 70 * HOUR)):
            end(wired, take(wired, key, at_ms))
        while run_at(wired, NOON)["left"]:
            pass
        day = found(wired, Span.DAY, Span.DAY.start_of(NOON - 70 * HOUR))
        assert day is not None
        assert (day.tasks, day.is_settled) == (1, False)

    def test_the_time_is_looked_at_in_the_midst_of_a_quarter(self, wired: Wired) -> None:
        many_tasks(wired, 450)
        slow_pages(wired, seconds=1)
        began_ms = wired.clock.ms
        with pytest.raises(RetryableError, match="4 quarters"):
            roll_up(wired)(TENANT, due_at_ms=NOON, until_ms=began_ms + 2_500)
        assert wired.clock.ms - began_ms == 3_000
        assert found(wired, Span.QUARTER, NOON - QUARTER) is None

    def test_the_next_attempt_goes_on_where_this_one_stopped(self, wired: Wired) -> None:
        many_tasks(wired, 450)
        slow_pages(wired, seconds=1)
        assert attempts_to_count(wired, seconds=2.5) == 3
        assert counts(wired, Span.HOUR, NOON - HOUR) == {"queued": 450}
        assert counts(wired, Span.QUARTER, NOON - QUARTER, "route:echo") == {"queued": 450}

    def test_so_does_the_next_fire_and_a_new_quarter_does_not_push_in(self, wired: Wired) -> None:
        many_tasks(wired, 450)
        slow_pages(wired, seconds=1)
        with pytest.raises(RetryableError):
            roll_up(wired)(TENANT, due_at_ms=NOON, until_ms=wired.clock.ms + 2_500)
        wired.clock.ms = NOON + QUARTER
        many_tasks(wired, 450, at_ms=NOON)
        with pytest.raises(RetryableError):
            roll_up(wired)(TENANT, due_at_ms=NOON + QUARTER, until_ms=wired.clock.ms + 5_500)
        assert counts(wired, Span.QUARTER, NOON - QUARTER) == {"queued": 450}
        assert counts(wired, Span.QUARTER, NOON) is None

    def test_what_was_broken_off_counts_as_seen_when_the_count_began(self, wired: Wired) -> None:
        """The tasks of its first pages may have ended since: it is not settled by having been ended late."""
        many_tasks(wired, 450)
        slow_pages(wired, seconds=1)
        attempts_to_count(wired, seconds=2.5)
        counted = found(wired, Span.QUARTER, NOON - QUARTER)
        assert counted is not None
        assert counted.counted_at_ms == NOON + 1_000

    def test_a_quarter_that_was_counted_to_its_end_is_counted_anew_from_its_beginning(self, wired: Wired) -> None:
        tasks = many_tasks(wired, 450)
        slow_pages(wired, seconds=1)
        attempts_to_count(wired, seconds=2.5)
        for task in tasks:
            end(wired, task)
        run_at(wired, NOON + QUARTER)
        assert counts(wired, Span.QUARTER, NOON - QUARTER) == {"failed": 450}

    def test_a_crash_loses_some_pages_and_not_all(self, wired: Wired) -> None:
        many_tasks(wired, 450)
        wired.refuse("runs.get_many", after=3)
        with pytest.raises(StoreUnavailableError):
            run_at(wired, NOON)
        read_before = wired.memory.calls.count("runs.get_many")
        run_at(wired, NOON)
        assert counts(wired, Span.DAY, NOON - DAY // 2) == {"queued": 450}
        assert wired.memory.calls.count("runs.get_many") - read_before == PAGES_OF_450 - 2

    def test_a_quarter_shows_as_counted_when_all_its_sources_are_written(self, wired: Wired) -> None:
        take(wired, "1", NOON - 1)
        wired.refuse("rollups.put_many", after=1)
        with pytest.raises(StoreUnavailableError):
            run_at(wired, NOON)
        assert found(wired, Span.QUARTER, NOON - QUARTER, "route:echo") is not None
        assert found(wired, Span.QUARTER, NOON - QUARTER) is None

    def test_a_store_that_does_not_answer_fails_the_run_and_the_next_attempt_goes_on(self, wired: Wired) -> None:
        take(wired, "1", NOON - 1)
        wired.refuse("runs.get_many")
        with pytest.raises(StoreUnavailableError):
            run_at(wired, NOON)
        run_at(wired, NOON)
        assert counts(wired, Span.DAY, NOON - DAY // 2) == {RunState.QUEUED.value: 1}

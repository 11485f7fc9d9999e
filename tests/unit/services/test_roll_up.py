"""Rollups are counted from the ledger, again and again until they are settled, and counting again never adds."""

from __future__ import annotations

import pytest

from tests.support.runs import a_run, failed
from tests.unit.services.wired import TENANT, Wired
from workerflow.domain.errors import RetryableError, StoreUnavailableError
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
    return RollUp(acceptances=wired.world.acceptances, runs=wired.runs, rollups=wired.world.rollups, clock=wired.clock)


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
            wired.clock.ms += 60_000

        wired.meanwhile("rollups.put_many", later, times=2)
        with pytest.raises(RetryableError, match="2 quarters"):
            roll_up(wired)(TENANT, due_at_ms=NOON, until_ms=NOON + 100_000)
        assert counts(wired, Span.HOUR, NOON - HOUR) == {"queued": 1}

    def test_a_store_that_does_not_answer_fails_the_run_and_the_next_attempt_goes_on(self, wired: Wired) -> None:
        take(wired, "1", NOON - 1)
        wired.refuse("runs.get_many")
        with pytest.raises(StoreUnavailableError):
            run_at(wired, NOON)
        run_at(wired, NOON)
        assert counts(wired, Span.DAY, NOON - DAY // 2) == {RunState.QUEUED.value: 1}

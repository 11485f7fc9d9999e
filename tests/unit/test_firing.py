"""What one tick decides about one schedule: every rule of docs/schedules.md about late, paused and missed fires."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.schedules import a_cursor
from tests.support.tasks import NOW_MS
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.firing import (
    COUNTED_FIRES,
    LATE_AFTER_SECONDS,
    DueFires,
    Fires,
    FiringPlan,
    Gate,
    MissedFire,
    due_fires,
    moved,
    newest_needed,
    plan_fires,
    undecided_after,
    upcoming_fires,
)
from workerflow.domain.schedule import CatchUp
from workerflow.domain.schedule_cursor import Missed

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOW = NOW_MS - NOW_MS % DAY
"""Midnight."""
OPEN = Gate(Enablement.ENABLED)
SKIP, LATEST, ALL = CatchUp("skip"), CatchUp("latest"), CatchUp("all")


def every(period_ms: int, first_ms: int = 0) -> Fires:
    """Fires at `first_ms` and every `period_ms` from there, before and after."""

    def fires(after_ms: int) -> Iterator[int]:
        return count(after_ms - (after_ms - first_ms) % period_ms + period_ms, period_ms)

    return fires


def plan(
    period_ms: int,
    *,
    since: int,
    catch_up: CatchUp = LATEST,
    gate: Gate = OPEN,
    now: int = NOW,
    first_ms: int = 0,
) -> FiringPlan:
    """The plan for a schedule of which everything after `since` (before `now`) is undecided."""
    fires = every(period_ms, first_ms)
    due = due_fires(fires, after_ms=now - since, now_ms=now, newest=newest_needed(catch_up))
    return plan_fires(catch_up, due, gate, now)


def reasons(found: FiringPlan) -> Counter[Missed]:
    return Counter(one.reason for one in found.missed)


class TestOnTime:
    def test_what_is_due_fires_and_the_cursor_moves_to_the_next(self) -> None:
        assert plan(HOUR, since=30 * MINUTE) == FiringPlan((NOW,), (), complete=True, next_due_ms=NOW + HOUR)

    def test_nothing_is_due_before_its_time(self) -> None:
        assert plan(HOUR, since=30 * MINUTE, now=NOW - 1).fires == ()

    @pytest.mark.parametrize("catch_up", [SKIP, LATEST, ALL])
    def test_each_of_several_happens_whatever_the_policy(self, catch_up: CatchUp) -> None:
        found = plan(MINUTE, since=4 * MINUTE, catch_up=catch_up)
        assert (found.fires, found.missed) == (tuple(NOW - n * MINUTE for n in (3, 2, 1, 0)), ())

    @pytest.mark.parametrize("catch_up", [SKIP, LATEST, ALL])
    def test_five_minutes_are_not_late_yet(self, catch_up: CatchUp) -> None:
        now = NOW + LATE_AFTER_SECONDS * 1000
        assert plan(HOUR, since=30 * MINUTE, catch_up=catch_up, now=now).fires == (NOW,)

    def test_a_millisecond_more_is(self) -> None:
        now = NOW + LATE_AFTER_SECONDS * 1000 + 1
        found = plan(HOUR, since=30 * MINUTE, catch_up=SKIP, now=now)
        assert (found.fires, found.missed) == ((), (MissedFire(NOW, Missed.LATE),))


class TestCatchUp:
    """An hourly schedule, after an outage; the tick comes at half past."""

    NOW = NOW + 30 * MINUTE

    def test_skip_makes_up_for_none(self) -> None:
        found = plan(HOUR, since=5 * HOUR, catch_up=SKIP, now=self.NOW)
        assert (found.fires, reasons(found)) == ((), {Missed.LATE: 5})
        assert found.next_due_ms == NOW + HOUR

    def test_latest_makes_up_for_the_newest(self) -> None:
        found = plan(HOUR, since=5 * HOUR, now=self.NOW)
        assert (found.fires, reasons(found)) == ((NOW,), {Missed.LATE: 4})

    def test_but_not_where_one_is_due_on_time_anyway(self) -> None:
        found = plan(HOUR, since=5 * HOUR, now=NOW)
        assert (found.fires, reasons(found)) == ((NOW,), {Missed.LATE: 4})

    def test_latest_makes_up_for_none_that_is_older_than_the_window(self) -> None:
        found = plan(DAY, since=3 * DAY, catch_up=CatchUp("latest", window_seconds=1800), now=self.NOW + 1)
        assert (found.fires, reasons(found)) == ((), {Missed.WINDOW: 3})

    def test_all_makes_up_for_each_oldest_first(self) -> None:
        found = plan(HOUR, since=5 * HOUR, catch_up=ALL, now=self.NOW)
        assert found.fires == tuple(NOW - n * HOUR for n in (4, 3, 2, 1, 0))
        assert found.missed == ()

    def test_all_makes_up_for_the_newest_so_many(self) -> None:
        found = plan(HOUR, since=5 * HOUR, catch_up=CatchUp("all", max_fires=2), now=self.NOW)
        assert (found.fires, reasons(found)) == ((NOW - HOUR, NOW), {Missed.CAP: 3})

    def test_all_makes_up_for_what_is_within_the_window(self) -> None:
        found = plan(HOUR, since=5 * HOUR, catch_up=CatchUp("all", window_seconds=2 * 3600), now=self.NOW)
        assert (found.fires, reasons(found)) == ((NOW - HOUR, NOW), {Missed.WINDOW: 3})

    def test_the_window_reaches_to_its_last_millisecond(self) -> None:
        window = CatchUp("latest", window_seconds=1800)
        assert plan(DAY, since=HOUR, catch_up=window, now=self.NOW).fires == (NOW,)
        assert plan(DAY, since=HOUR, catch_up=window, now=self.NOW + 1).fires == ()

    def test_what_is_on_time_is_beyond_cap_and_window(self) -> None:
        found = plan(MINUTE, since=10 * MINUTE, catch_up=CatchUp("all", max_fires=1, window_seconds=1))
        assert len(found.fires) == 6
        assert reasons(found) == {Missed.WINDOW: 4}

    def test_misses_are_told_oldest_first(self) -> None:
        found = plan(HOUR, since=5 * HOUR, catch_up=SKIP, now=self.NOW)
        assert [one.due_ms for one in found.missed] == [NOW - n * HOUR for n in (4, 3, 2, 1, 0)]


class TestGate:
    @pytest.mark.parametrize(
        ("state", "reason"), [(Enablement.PAUSED, Missed.PAUSED), (Enablement.DISABLED, Missed.DISABLED)]
    )
    @pytest.mark.parametrize("catch_up", [SKIP, LATEST, ALL])
    def test_nothing_fires_while_it_is_shut(self, state: Enablement, reason: Missed, catch_up: CatchUp) -> None:
        found = plan(HOUR, since=5 * HOUR, catch_up=catch_up, gate=Gate(state))
        assert (found.fires, reasons(found)) == ((), {reason: 5})
        assert found.next_due_ms == NOW + HOUR

    def test_what_was_due_until_the_resume_belongs_to_the_pause(self) -> None:
        gate = Gate(Enablement.ENABLED, resumed_at_ms=NOW - HOUR)
        found = plan(HOUR, since=5 * HOUR, catch_up=ALL, gate=gate)
        assert (found.fires, reasons(found)) == ((NOW,), {Missed.PAUSED: 4})

    def test_a_switch_back_to_enabled_says_when(self) -> None:
        switch = Switch("default", "schedule:report", Enablement.ENABLED, "", "ops", NOW, 2, "n", NOW - 5)
        assert Gate.of(Enablement.ENABLED, switch) == Gate(Enablement.ENABLED, NOW - 5)

    def test_one_that_never_was_shut_does_not(self) -> None:
        switch = Switch("default", "schedule:report", Enablement.ENABLED, "just to be sure", "ops", NOW, 1, "n")
        assert Gate.of(Enablement.ENABLED, switch) == OPEN

    @pytest.mark.parametrize("state", [Enablement.PAUSED, Enablement.DISABLED])
    def test_any_other_switch_does_not(self, state: Enablement) -> None:
        switch = Switch("default", "schedule:report", state, "", "ops", NOW, 2, "n")
        assert Gate.of(state, switch) == Gate(state)
        assert Gate.of(Enablement.ENABLED, None) == OPEN


class TestLongOutage:
    OUTAGE = 30 * DAY

    @pytest.mark.parametrize("catch_up", [SKIP, LATEST, ALL])
    def test_the_work_is_bounded(self, catch_up: CatchUp) -> None:
        asked = 0

        def fires(after_ms: int) -> Iterator[int]:
            nonlocal asked
            for due_ms in every(MINUTE)(after_ms):
                asked += 1
                yield due_ms

        due_fires(fires, after_ms=NOW - self.OUTAGE, now_ms=NOW, newest=newest_needed(catch_up))
        assert asked < COUNTED_FIRES + 1_000

    @pytest.mark.parametrize(
        "catch_up", [SKIP, LATEST, ALL, CatchUp("all", 7, 600), CatchUp("all", 100, 7 * 24 * 3600)]
    )
    @pytest.mark.slow
    @pytest.mark.parametrize("now", [NOW, NOW + 30_000])
    def test_what_fires_is_what_would_fire_if_all_were_looked_at(self, catch_up: CatchUp, now: int) -> None:
        times = tuple(takewhile(lambda due_ms: due_ms <= now, every(MINUTE)(now - self.OUTAGE)))
        whole = plan_fires(catch_up, DueFires(times, complete=True, next_due_ms=now + MINUTE), OPEN, now)
        found = plan(MINUTE, since=self.OUTAGE, catch_up=catch_up, now=now)
        assert found.fires == whole.fires
        assert not found.complete
        assert COUNTED_FIRES - 200 < len(found.missed) < len(whole.missed)
        assert found.missed[0] == whole.missed[0]

    def test_a_week_of_minutes_is_counted_exactly(self) -> None:
        found = plan(MINUTE, since=7 * DAY, catch_up=SKIP)
        assert found.complete
        assert len(found.missed) + len(found.fires) == COUNTED_FIRES

    def test_a_few_more_than_are_counted_are_all_told(self) -> None:
        found = plan(MINUTE, since=7 * DAY + 3 * MINUTE, catch_up=ALL)
        assert len(found.missed) + len(found.fires) == COUNTED_FIRES + 3

    def test_a_schedule_that_never_fires_again_has_no_next(self) -> None:
        due = due_fires(lambda after_ms: iter([NOW] if after_ms < NOW else []), after_ms=0, now_ms=NOW, newest=7)
        assert due == DueFires((NOW,), complete=True, next_due_ms=None)


class TestCursor:
    def test_misses_are_added_up_and_the_newest_is_kept(self) -> None:
        cursor = a_cursor(missed={Missed.LATE: 2}, last_missed_ms=1, last_missed_reason=Missed.LATE)
        missed = (MissedFire(10, Missed.LATE), MissedFire(30, Missed.OVERLAP), MissedFire(20, Missed.LATE))
        after = moved(cursor, missed=missed, next_due_ms=40, nonce="n", last_due_ms=5)
        assert after == replace(
            cursor,
            version=2,
            nonce="n",
            next_due_ms=40,
            last_due_ms=5,
            missed={Missed.LATE: 4, Missed.OVERLAP: 1},
            last_missed_ms=30,
            last_missed_reason=Missed.OVERLAP,
        )

    def test_without_a_miss_the_old_ones_stay(self) -> None:
        cursor = a_cursor(missed={Missed.LATE: 2}, last_missed_ms=1, last_missed_reason=Missed.LATE)
        after = moved(cursor, missed=(), next_due_ms=40, nonce="n")
        assert (after.missed, after.last_missed_ms, after.last_missed_reason) == ({Missed.LATE: 2}, 1, Missed.LATE)

    def test_nothing_before_since_is_undecided(self) -> None:
        assert undecided_after(a_cursor(since_ms=NOW, next_due_ms=NOW - HOUR)) == NOW
        assert undecided_after(a_cursor(since_ms=NOW, next_due_ms=NOW + HOUR)) == NOW + HOUR - 1


class TestUpcoming:
    def next_three(self, period_ms: int, *, since: int, gate: Gate = OPEN, now: int = NOW) -> list[int]:
        fires = every(period_ms)
        due = due_fires(fires, after_ms=now - since, now_ms=now, newest=newest_needed(LATEST))
        return list(islice(upcoming_fires(LATEST, due, gate, now, fires), 3))

    def test_the_next_fires_are_those_after_now(self) -> None:
        assert self.next_three(HOUR, since=MINUTE, now=NOW + MINUTE) == [NOW + n * HOUR for n in (1, 2, 3)]

    def test_what_is_due_and_will_be_made_comes_first(self) -> None:
        assert self.next_three(HOUR, since=3 * HOUR, now=NOW + MINUTE) == [NOW, NOW + HOUR, NOW + 2 * HOUR]

    @pytest.mark.parametrize("state", [Enablement.PAUSED, Enablement.DISABLED])
    def test_nothing_will_fire_while_the_gate_is_shut(self, state: Enablement) -> None:
        assert self.next_three(HOUR, since=MINUTE, gate=Gate(state)) == []


catch_ups = st.builds(
    CatchUp,
    st.sampled_from(["skip", "latest", "all"]),
    max_fires=st.integers(1, 100),
    window_seconds=st.integers(1, 7 * 24 * 3600),
)
gates = st.builds(Gate, st.sampled_from(Enablement), st.none() | st.integers(NOW - DAY, NOW))


@given(catch_up=catch_ups, gate=gates, times=st.sets(st.integers(0, 3 * DAY), max_size=50))
def test_every_due_fire_is_made_or_missed_and_none_is_both(catch_up: CatchUp, gate: Gate, times: set[int]) -> None:
    due = DueFires(tuple(sorted(NOW - one for one in times)), complete=True, next_due_ms=NOW + 1)
    found = plan_fires(catch_up, due, gate, NOW)
    assert sorted([*found.fires, *(one.due_ms for one in found.missed)]) == list(due.times_ms)
    assert list(found.fires) == sorted(found.fires)
    assert found == plan_fires(catch_up, due, gate, NOW)
    on_time = [one for one in due.times_ms if one >= NOW - 300_000 and gate.reason_against(one) is None]
    assert set(on_time) <= set(found.fires)
    if due.times_ms and gate.state is not Enablement.ENABLED:
        assert not found.fires

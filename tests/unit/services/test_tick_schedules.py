"""The mark that ticks leave for one another: who is behind stays away, and nothing fires by a clock that steps back."""

from __future__ import annotations

import pytest

from tests.support.tasks import a_schedule
from tests.unit.services.clockwork import Clockwork, ms
from tests.unit.services.wired import a_budget
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.schedule_cursor import TickMark


@pytest.fixture
def hourly() -> Clockwork:
    clockwork = Clockwork()
    clockwork.tick("08:30")
    return clockwork


def mark(clockwork: Clockwork) -> TickMark:
    found = clockwork.memory.tick_mark
    assert found is not None
    return found


def test_every_tick_leaves_its_time(hourly: Clockwork) -> None:
    assert mark(hourly).ticked_at_ms == ms("08:30")
    hourly.tick("08:31")
    assert (mark(hourly).ticked_at_ms, mark(hourly).version) == (ms("08:31"), 2)


def test_a_clock_that_steps_back_fires_nothing_until_it_has_caught_up(hourly: Clockwork) -> None:
    hourly.tick("09:00:04", "08:10", "08:59:59")
    assert hourly.sent() == ["09:00"]
    assert hourly.wired.signals.counts["TickBehind"] == 2
    hourly.tick("09:01", "10:00:04")
    assert hourly.sent() == ["09:00", "10:00"]


def test_a_tick_at_the_very_same_moment_is_not_behind(hourly: Clockwork) -> None:
    hourly.tick("08:30")
    assert hourly.wired.signals.counts["TickBehind"] == 0


def test_one_that_is_overtaken_while_it_begins_stays_away(hourly: Clockwork) -> None:
    hourly.wired.meanwhile("schedules.write_mark", lambda: hourly.tick("09:01:04"))
    hourly.tick("09:00:04")
    assert hourly.wired.signals.counts["TickBehind"] == 1
    assert hourly.sent() == ["09:00"]
    assert mark(hourly).ticked_at_ms == ms("09:01:04")


def test_one_that_overtakes_goes_on(hourly: Clockwork) -> None:
    def slower() -> None:
        now_ms, hourly.clock.ms = hourly.clock.ms, ms("09:00:03")
        hourly.wired.fire_schedules(hourly.wired.tenants, a_budget(hourly.wired))
        hourly.clock.ms = now_ms

    hourly.wired.meanwhile("schedules.write_mark", slower)
    hourly.tick("09:00:04")
    assert hourly.wired.signals.counts["TickBehind"] == 0
    assert hourly.sent() == ["09:00"]
    assert (mark(hourly).ticked_at_ms, mark(hourly).version) == (ms("09:00:04"), 3)


def test_one_that_is_always_overtaken_gives_up(hourly: Clockwork) -> None:
    def touched() -> None:
        before = mark(hourly)
        hourly.memory.tick_mark = TickMark(before.ticked_at_ms, before.reconciled, before.version + 1, "another")

    hourly.wired.meanwhile("schedules.write_mark", touched, times=100)
    with pytest.raises(StoreUnavailableError):
        hourly.tick("09:00:04")
    assert hourly.fires() == []


@pytest.mark.parametrize("name", ["schedules.get_mark", "schedules.write_mark"])
def test_without_the_mark_nothing_fires(hourly: Clockwork, name: str) -> None:
    hourly.wired.refuse(name)
    with pytest.raises(StoreUnavailableError):
        hourly.tick("09:00:04")
    assert hourly.fires() == []
    hourly.tick("09:01:04")
    assert hourly.fires() == ["09:00"]


def test_the_whole_tick_fires_and_sends() -> None:
    clockwork = Clockwork(a_schedule(cron="* * * * *"))
    for minute in range(3):
        clockwork.clock.ms = ms(f"08:3{minute}:04")
        assert clockwork.wired.tick(ms(f"08:3{minute}")).failed_parts == ()
    assert clockwork.sent() == ["08:31", "08:32"]

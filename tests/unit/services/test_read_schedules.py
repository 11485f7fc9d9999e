"""What operators see of schedules: whether and when they fire, what fired, what was missed; it is what will happen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.tasks import a_schedule
from tests.unit.services.clockwork import Clockwork, hour, ms
from tests.unit.services.wired import TENANT
from workerflow.domain.enablement import Enablement
from workerflow.domain.schedule import EVERY_TENANT, CatchUp
from workerflow.domain.schedule_cursor import Missed
from workerflow.domain.tenants import UNLIMITED, Tenants
from workerflow.services.read_schedules import MAX_NEXT_FIRES, ScheduleView


@pytest.fixture
def hourly() -> Clockwork:
    clockwork = Clockwork()
    clockwork.tick("08:30")
    return clockwork


def view(clockwork: Clockwork, next_fires: int = 3, name: str = "report") -> ScheduleView:
    [found] = [one for one in clockwork.wired.read_schedules(TENANT, next_fires=next_fires) if one.name == name]
    return found


def shown(clockwork: Clockwork, next_fires: int = 3) -> list[str]:
    return [hour(due_ms) for due_ms in view(clockwork, next_fires).next_fires_ms]


def test_a_schedule_is_shown_with_all_that_is_known(hourly: Clockwork) -> None:
    hourly.tick("09:00:04", "12:30")
    found = view(hourly)
    assert found == ScheduleView(
        name="report",
        schedule=hourly.wired.manifest.schedules["report"],
        state=Enablement.ENABLED,
        reason="",
        since_ms=ms("08:30"),
        last_due_ms=ms("12:00"),
        last_trace_id=hourly.fire("12:00").trace_id,
        next_fires_ms=(ms("13:00"), ms("14:00"), ms("15:00")),
        missed={Missed.LATE: 2},
        last_missed_ms=ms("11:00"),
        last_missed_reason=Missed.LATE,
    )


def test_one_that_no_tick_has_seen_is_shown_without_fires() -> None:
    found = view(Clockwork())
    assert (found.since_ms, found.next_fires_ms, found.state) == (None, (), Enablement.ENABLED)


def test_one_that_was_edited_is_shown_without_fires_until_a_tick_has_seen_it(hourly: Clockwork) -> None:
    hourly.deploy(a_schedule(cron="30 * * * *"))
    assert shown(hourly) == []
    hourly.tick("08:40")
    assert shown(hourly) == ["09:30", "10:30", "11:30"]


def test_what_is_due_and_will_be_made_is_shown_first(hourly: Clockwork) -> None:
    hourly.clock.ms = ms("11:30")
    assert shown(hourly) == ["11:00", "12:00", "13:00"]


@pytest.mark.parametrize("state", [Enablement.PAUSED, Enablement.DISABLED])
def test_while_it_may_not_fire_the_reason_is_shown_and_no_fire(hourly: Clockwork, state: Enablement) -> None:
    hourly.switch("08:40", state)
    found = view(hourly)
    assert (found.state, found.reason, found.next_fires_ms) == (state, "because", ())
    assert found.switch is not None
    assert (found.switch.state, found.switch.changed_at_ms) == (state, ms("08:40"))


def test_what_the_manifest_disables_says_why() -> None:
    clockwork = Clockwork(a_schedule(enabled=False, disabled_reason="not yet"))
    found = view(clockwork)
    assert (found.state, found.reason) == (Enablement.DISABLED, "not yet")


def test_a_switch_does_not_hide_that_the_manifest_disables_it() -> None:
    clockwork = Clockwork(a_schedule(enabled=False, disabled_reason="not yet"))
    clockwork.switch("08:10", Enablement.PAUSED)
    assert (view(clockwork).state, view(clockwork).reason) == (Enablement.DISABLED, "not yet")


def test_a_removed_one_is_shown_with_its_history(hourly: Clockwork) -> None:
    hourly.tick("09:00:04")
    hourly.deploy(a_schedule("other"))
    hourly.tick("09:30")
    found = view(hourly)
    assert (found.schedule, found.state, found.reason) == (None, Enablement.DISABLED, "removed")
    assert (found.last_due_ms, found.next_fires_ms) == (ms("09:00"), ())


def test_all_of_a_tenant_are_shown_by_name_and_no_others() -> None:
    clockwork = Clockwork(a_schedule("b"), a_schedule("a", tenants=(EVERY_TENANT,)), a_schedule("c", tenants=("acme",)))
    clockwork.wired.tenants = Tenants.of({"acme": UNLIMITED})
    clockwork.tick("08:30")
    assert [one.name for one in clockwork.wired.read_schedules(TENANT)] == ["a", "b"]
    assert [one.name for one in clockwork.wired.read_schedules("acme")] == ["a", "c"]
    assert [one.name for one in clockwork.wired.read_schedules("unknown")] == ["a"]


def test_the_number_of_fires_is_what_was_asked_for_within_bounds(hourly: Clockwork) -> None:
    assert [len(view(hourly, number).next_fires_ms) for number in (-1, 0, 25, 10_000)] == [0, 0, 25, MAX_NEXT_FIRES]


EXPRESSIONS = ("* * * * *", "*/7 * * * *", "13 */2 * * *", "30 2 * * *", "0 9 * * mon-fri")


@settings(deadline=None, max_examples=60)
@given(
    cron=st.sampled_from(EXPRESSIONS),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
    minutes_without_tick=st.integers(0, 600),
    catch_up=st.sampled_from([CatchUp("skip"), CatchUp("latest"), CatchUp("all", max_fires=5)]),
)
def test_what_is_shown_is_what_then_fires(cron: str, zone: str, minutes_without_tick: int, catch_up: CatchUp) -> None:
    clockwork = Clockwork(a_schedule(cron=cron, zone=zone, catch_up=catch_up))
    clockwork.tick("2025-10-04T12:00")
    clockwork.clock.ms += minutes_without_tick * 60_000
    promised = view(clockwork, 15).next_fires_ms
    before = set(clockwork.fires())
    for due_ms in (clockwork.clock.ms, *(one for one in promised if one > clockwork.clock.ms)):
        clockwork.tick(hour_with_date(due_ms))
    made = sorted(set(clockwork.fires()) - before, key=ms)
    assert made == [hour(due_ms) for due_ms in promised]


def hour_with_date(time_ms: int) -> str:
    text = hour(time_ms)
    return text if "T" in text else f"2025-10-09T{text}"


def test_a_view_costs_two_queries_one_of_them_for_the_switches_as_they_are_now(hourly: Clockwork) -> None:
    for _ in range(2):
        hourly.memory.calls.clear()
        view(hourly)
        assert hourly.memory.calls == ["switches.list_switches", "schedules.list_cursors"]


def test_it_is_the_tenants_own_switch(hourly: Clockwork) -> None:
    hourly.switch("08:40", Enablement.PAUSED)
    other = replace(hourly.memory.switches[TENANT, "schedule:report"], tenant="acme")
    hourly.memory.switches = {("acme", "schedule:report"): other}
    hourly.wired.enablement._cache.clear()
    assert view(hourly).state is Enablement.ENABLED


def test_a_cursor_that_nobody_can_read_is_a_fault_and_hides_no_other() -> None:
    clockwork = Clockwork(a_schedule("aaa"), a_schedule())
    clockwork.tick("08:30")
    clockwork.memory.spoilt_schedules |= {(TENANT, "aaa"), (TENANT, "gone")}
    spoilt, gone, report = clockwork.wired.read_schedules(TENANT, next_fires=1)
    assert ([one.name for one in (spoilt, gone)], spoilt.next_fires_ms, gone.schedule) == (["aaa", "gone"], (), None)
    assert "is no cursor" in spoilt.fault
    assert "is no cursor" in gone.fault
    assert (report.next_fires_ms, report.fault) == ((ms("09:00"),), "")


def test_a_zone_that_nobody_knows_is_a_fault_and_hides_no_other() -> None:
    clockwork = Clockwork(a_schedule("aaa"), a_schedule())
    clockwork.tick("08:30")
    clockwork.deploy(a_schedule("aaa", zone="Mars/Phobos"), a_schedule())
    timing = clockwork.wired.manifest.schedules["aaa"].timing
    clockwork.memory.schedules[TENANT, "aaa"] = replace(clockwork.cursor("aaa"), timing=timing)
    lost, report = clockwork.wired.read_schedules(TENANT, next_fires=1)
    assert (lost.next_fires_ms, "Mars/Phobos" in lost.fault) == ((), True)
    assert (report.next_fires_ms, report.fault) == ((ms("09:00"),), "")

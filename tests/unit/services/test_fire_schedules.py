"""Ticks and what they fire: late, twice, in disorder, not at all, two at a time; outages, pauses, overlaps, errors."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.tasks import a_schedule
from tests.unit.services.clockwork import Clockwork, ms
from tests.unit.services.wired import TENANT, a_budget, message_of
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.domain.run import RunState
from workerflow.domain.schedule import EVERY_TENANT, CatchUp
from workerflow.domain.schedule_cursor import DUE_SHARDS, Missed, due_shard
from workerflow.domain.tenants import UNLIMITED, Tenants
from workerflow.services.fire_schedules import PAGE
from workerflow.services.set_switch import SwitchOrder
from workerflow.services.sweep import GRACE_S

SKIP, ALL = CatchUp("skip"), CatchUp("all")
MINUTELY = a_schedule(cron="* * * * *")


@pytest.fixture
def hourly() -> Clockwork:
    """An hourly schedule that a tick has seen at 08:30."""
    clockwork = Clockwork()
    clockwork.tick("08:30")
    return clockwork


class TestFire:
    def test_a_tick_after_its_time_accepts_and_sends_it(self, hourly: Clockwork) -> None:
        hourly.tick("09:00:04")
        assert hourly.fires() == hourly.sent() == ["09:00"]
        assert hourly.next_due() == "10:00"
        assert hourly.wired.signals.counts["ScheduleFired"] == 1

    def test_its_task_says_what_it_is(self, hourly: Clockwork) -> None:
        hourly.tick("09:00:04")
        task = hourly.fire("09:00")
        assert (task.source, task.kind, task.mode, task.manual) == ("schedule:report", "scheduled_job", "async", False)
        assert (task.key, task.content_type) == ("2025-10-09T09:00:00.000Z", "application/json")
        assert hourly.payload("09:00") == {"schedule": "report", "dueAt": "2025-10-09T09:00:00.000Z"}

    def test_its_deadline_counts_from_the_acceptance(self, hourly: Clockwork) -> None:
        hourly.tick("09:04")
        assert hourly.fire("09:00").deadline_ms == ms("09:04") + 24 * 3600 * 1000

    def test_the_cursor_knows_the_last_fire_and_its_task(self, hourly: Clockwork) -> None:
        hourly.tick("09:00:04")
        cursor = hourly.cursor()
        assert (cursor.last_due_ms, cursor.last_trace_id) == (ms("09:00"), hourly.fire("09:00").trace_id)

    def test_the_cursor_moves_after_the_acceptance(self, hourly: Clockwork) -> None:
        hourly.memory.calls.clear()
        hourly.tick("09:00:04")
        work = ["acceptances.put", "schedules.write_cursor", "queue.send_many"]
        assert hourly.wired.order_of(*work) == work

    def test_what_is_not_due_costs_nothing(self, hourly: Clockwork) -> None:
        hourly.memory.calls.clear()
        hourly.tick("08:59:59")
        assert sorted(hourly.memory.calls) == sorted(
            ["schedules.get_mark", "schedules.write_mark", *["schedules.due"] * DUE_SHARDS]
        )

    def test_a_handler_runs_with_it(self, hourly: Clockwork) -> None:
        hourly.tick("09:00:04")
        hourly.wired.run_once(hourly.fire("09:00"))
        assert hourly.wired.row(hourly.fire("09:00")).state is RunState.SUCCEEDED


class TestTicks:
    def test_twice_is_once(self, hourly: Clockwork) -> None:
        hourly.tick("09:00:04", "09:00:04", "09:00:05")
        assert hourly.sent() == ["09:00"]

    def test_a_missing_one_is_made_up_for_by_the_next(self, hourly: Clockwork) -> None:
        hourly.tick("09:02")
        assert hourly.sent() == ["09:00"]
        assert hourly.missed() == {}

    def test_each_minute_of_missing_ticks_happens(self) -> None:
        clockwork = Clockwork(MINUTELY)
        clockwork.tick("08:30", "08:34")
        assert clockwork.sent() == ["08:31", "08:32", "08:33", "08:34"]

    def test_an_older_one_that_comes_later_does_nothing(self, hourly: Clockwork) -> None:
        hourly.tick("09:00:04")
        hourly.memory.calls.clear()
        hourly.tick("08:59:04")
        assert hourly.memory.calls == ["schedules.get_mark"]
        assert hourly.wired.signals.counts["TickBehind"] == 1

    def test_two_at_once_accept_it_once_and_one_moves_the_cursor(self, hourly: Clockwork) -> None:
        hourly.wired.meanwhile("schedules.write_cursor", lambda: hourly.tick("09:00:05"))
        hourly.tick("09:00:04")
        assert hourly.sent() == ["09:00"]
        assert hourly.cursor().version == 2

    def test_two_at_once_count_what_was_missed_once(self) -> None:
        clockwork = Clockwork(a_schedule(catch_up=SKIP))
        clockwork.tick("08:30")
        clockwork.wired.meanwhile("schedules.write_cursor", lambda: clockwork.tick("11:30:01"))
        clockwork.tick("11:30:00")
        assert clockwork.missed() == {Missed.LATE: 3}
        assert clockwork.wired.signals.by_schedule["FireMissed", "report"] == 3

    def test_one_that_died_before_it_moved_the_cursor_is_followed_up(self, hourly: Clockwork) -> None:
        hourly.wired.refuse("schedules.write_cursor")
        hourly.tick("09:00:04")
        assert hourly.wired.signals.by_schedule["FireFailed", "report"] == 1
        hourly.tick("09:01:04")
        assert hourly.fires() == hourly.sent() == ["09:00"]
        assert hourly.next_due() == "10:00"
        assert hourly.cursor().last_trace_id == hourly.fire("09:00").trace_id

    @pytest.mark.parametrize("name", ["acceptances.put", "schedules.write_cursor", "schedules.write_mark"])
    def test_an_answer_that_got_lost_doubles_nothing(self, hourly: Clockwork, name: str) -> None:
        hourly.wired.lose_answer(name)
        try:
            hourly.tick("09:00:04")
        except StoreUnavailableError:
            assert name == "schedules.write_mark"
        hourly.tick("09:01:04")
        assert hourly.fires() == ["09:00"]
        assert hourly.missed() == {}
        assert hourly.next_due() == "10:00"

    def test_messages_that_were_not_sent_are_left_to_the_sweeper(self, hourly: Clockwork) -> None:
        hourly.wired.refuse("queue.send_many")
        hourly.tick("09:00:04")
        assert (hourly.sent(), hourly.fires()) == ([], ["09:00"])
        assert hourly.wired.signals.counts["SendFailed"] == 1
        hourly.clock.advance(GRACE_S + 1)
        hourly.wired.sweep([TENANT], a_budget(hourly.wired))
        assert hourly.sent() == ["09:00"]

    def test_first_messages_ring_no_alarm_of_resending(self, hourly: Clockwork) -> None:
        hourly.tick("09:00:04")
        assert hourly.wired.signals.counts["Resent"] == hourly.wired.signals.counts["Released"] == 0


class TestOutage:
    def test_of_hours_fires_the_newest_by_default(self, hourly: Clockwork) -> None:
        hourly.tick("13:30")
        assert (hourly.sent(), hourly.missed()) == (["13:00"], {Missed.LATE: 4})
        assert hourly.next_due() == "14:00"

    def test_of_days_leaves_out_what_is_older_than_the_window(self, hourly: Clockwork) -> None:
        hourly.tick("2025-10-12T13:30")
        assert hourly.fires() == ["2025-10-12T13:00"]
        assert hourly.missed() == {Missed.WINDOW: 3 * 24 + 13 - 8 - 24, Missed.LATE: 23}
        assert hourly.cursor().last_missed_ms == ms("2025-10-12T12:00")

    def test_skip_counts_them_and_fires_none(self) -> None:
        clockwork = Clockwork(a_schedule(catch_up=SKIP))
        clockwork.tick("08:30", "13:30")
        assert (clockwork.fires(), clockwork.missed()) == ([], {Missed.LATE: 5})

    def test_all_fires_each_in_order(self) -> None:
        clockwork = Clockwork(a_schedule(catch_up=ALL))
        clockwork.tick("08:30", "13:30")
        assert clockwork.sent() == ["09:00", "10:00", "11:00", "12:00", "13:00"]
        assert clockwork.cursor().last_due_ms == ms("13:00")

    def test_what_was_missed_is_counted_by_schedule(self, hourly: Clockwork) -> None:
        hourly.tick("13:30")
        assert hourly.wired.signals.by_schedule == {("FireMissed", "report"): 4}

    def test_of_months_is_dealt_with_at_once(self) -> None:
        clockwork = Clockwork(MINUTELY)
        clockwork.tick("08:30", "2026-02-09T08:30")
        assert clockwork.fires()[-1] == "2026-02-09T08:30"
        assert len(clockwork.fires()) == 6
        assert clockwork.missed()[Missed.WINDOW] == 10_080

    def test_what_died_half_way_is_not_made_twice(self) -> None:
        clockwork = Clockwork(a_schedule(catch_up=ALL))
        clockwork.tick("08:30")
        clockwork.wired.refuse("acceptances.put", after=2)
        clockwork.tick("13:30")
        assert clockwork.sent() == ["09:00", "10:00"]
        clockwork.tick("13:31")
        assert clockwork.sent() == ["09:00", "10:00", "11:00", "12:00", "13:00"]


class TestSwitches:
    def test_paused_misses_and_says_so(self, hourly: Clockwork) -> None:
        hourly.switch("08:40", Enablement.PAUSED)
        hourly.tick("09:00:04", "10:00:04")
        assert (hourly.fires(), hourly.missed()) == ([], {Missed.PAUSED: 2})
        assert hourly.next_due() == "11:00"
        assert ("FireMissed", "report") not in hourly.wired.signals.by_schedule  # it was wanted: nothing rings

    def test_disabled_misses_and_says_so(self, hourly: Clockwork) -> None:
        hourly.switch("08:40", Enablement.DISABLED)
        hourly.tick("09:00:04")
        assert hourly.missed() == {Missed.DISABLED: 1}

    def test_after_the_resume_it_fires_again(self, hourly: Clockwork) -> None:
        hourly.switch("08:40", Enablement.PAUSED)
        hourly.tick("09:00:04")
        hourly.switch("09:30", Enablement.ENABLED)
        hourly.tick("09:31", "10:00:04")
        assert (hourly.fires(), hourly.missed()) == (["10:00"], {Missed.PAUSED: 1})

    def test_what_was_due_before_the_resume_is_not_made_up_for(self) -> None:
        clockwork = Clockwork(a_schedule(catch_up=ALL))
        clockwork.tick("08:30")
        clockwork.switch("08:40", Enablement.PAUSED)
        clockwork.switch("10:30", Enablement.ENABLED)
        clockwork.tick("11:30")
        assert (clockwork.fires(), clockwork.missed()) == (["11:00"], {Missed.PAUSED: 2})

    def test_to_enable_what_is_not_paused_misses_nothing(self, hourly: Clockwork) -> None:
        for time, reason in (("09:00:01", "just to be sure"), ("10:00:01", "another reason")):
            hourly.clock.ms = ms(time)
            hourly.wired.set_switch(SwitchOrder(TENANT, "schedule:report", Enablement.ENABLED, "ops", reason))
            hourly.tick(time[:6] + "41")
        assert (hourly.fires(), hourly.missed()) == (["09:00", "10:00"], {})

    def test_another_reason_for_the_resume_ends_no_pause(self, hourly: Clockwork) -> None:
        for time, state, reason in (
            ("08:35", Enablement.PAUSED, "down"),
            ("08:40", Enablement.ENABLED, "up"),
            ("09:00:01", Enablement.ENABLED, "up, says the provider"),
        ):
            hourly.clock.ms = ms(time)
            hourly.wired.set_switch(SwitchOrder(TENANT, "schedule:report", state, "ops", reason))
        hourly.tick("09:00:41")
        assert (hourly.fires(), hourly.missed()) == (["09:00"], {})

    def test_a_task_that_was_accepted_before_the_pause_is_parked_not_lost(self, hourly: Clockwork) -> None:
        hourly.tick("09:00:04")
        hourly.switch("09:00:10", Enablement.PAUSED)
        hourly.wired.run_once(hourly.fire("09:00"))
        assert hourly.wired.row(hourly.fire("09:00")).state is RunState.PARKED


class TestOverlap:
    @pytest.fixture
    def skipping(self) -> Clockwork:
        clockwork = Clockwork(a_schedule(overlap="skip"))
        clockwork.tick("08:30", "09:00:04")
        return clockwork

    def test_a_fire_whose_predecessor_is_queued_is_skipped_and_recorded(self, skipping: Clockwork) -> None:
        skipping.tick("10:00:04")
        assert (skipping.fires(), skipping.skipped()) == (["09:00"], ["10:00"])
        assert (skipping.missed(), skipping.next_due()) == ({Missed.OVERLAP: 1}, "11:00")
        run = skipping.wired.row(skipping.fire("10:00"))
        assert (run.state, run.finished_at_ms, run.version) == (RunState.SKIPPED, ms("10:00:04"), 1)
        assert skipping.sent() == ["09:00"]

    @pytest.mark.parametrize("state", [one for one in RunState if not one.is_terminal])
    def test_one_whose_predecessor_has_not_ended_is_skipped(self, skipping: Clockwork, state: RunState) -> None:
        skipping.end("09:00", state)
        skipping.tick("10:00:04")
        assert skipping.skipped() == ["10:00"]

    @pytest.mark.parametrize("state", [one for one in RunState if one.is_terminal])
    def test_one_whose_predecessor_has_ended_fires(self, skipping: Clockwork, state: RunState) -> None:
        skipping.end("09:00", state)
        skipping.tick("10:00:04")
        assert (skipping.fires()[-1], skipping.missed()) == ("10:00", {})

    def test_the_fire_after_a_skipped_one_looks_at_the_one_that_runs(self, skipping: Clockwork) -> None:
        skipping.tick("10:00:04", "11:00:04")
        assert skipping.skipped() == ["10:00", "11:00"]
        skipping.end("09:00")
        skipping.tick("12:00:04")
        assert skipping.fires() == ["09:00", "12:00"]

    def test_the_first_decision_stands_though_its_tick_died(self, skipping: Clockwork) -> None:
        skipping.wired.refuse("schedules.write_cursor")
        skipping.tick("10:00:04")
        skipping.end("09:00")
        skipping.tick("10:01:04")
        assert (skipping.fires(), skipping.skipped()) == (["09:00"], ["10:00"])
        assert (skipping.missed(), skipping.next_due()) == ({Missed.OVERLAP: 1}, "11:00")
        assert skipping.cursor().last_trace_id == skipping.fire("09:00").trace_id

    def test_and_so_does_a_fire_that_was_made(self) -> None:
        clockwork = Clockwork(a_schedule(overlap="skip"))
        clockwork.tick("08:30", "09:00:04")
        clockwork.end("09:00")
        clockwork.wired.refuse("schedules.write_cursor")
        clockwork.tick("10:00:04")
        clockwork.end("09:00", RunState.RUNNING)
        clockwork.tick("10:01:04")
        assert (clockwork.fires(), clockwork.skipped(), clockwork.missed()) == (["09:00", "10:00"], [], {})

    def test_of_two_fires_in_one_tick_the_second_is_skipped(self) -> None:
        clockwork = Clockwork(replace(MINUTELY, overlap="skip"))
        clockwork.tick("08:30", "08:32")
        assert (clockwork.fires(), clockwork.skipped()) == (["08:31"], ["08:32"])

    def test_allow_does_not_even_look(self, hourly: Clockwork) -> None:
        hourly.tick("09:00:04", "10:00:04")
        assert hourly.fires() == ["09:00", "10:00"]
        assert "runs.get" not in hourly.memory.calls

    def test_a_manual_run_is_no_predecessor(self, skipping: Clockwork) -> None:
        skipping.end("09:00")
        skipping.wired.take("manual", source="schedule:report", manual=True)
        skipping.tick("10:00:04")
        assert skipping.fires() == ["09:00", "10:00"]

    def test_a_predecessor_that_never_began_by_its_deadline_is_none(self, skipping: Clockwork) -> None:
        skipping.tick("2025-10-10T08:00:04", "2025-10-10T09:00:03")
        assert skipping.fires() == ["09:00"]
        skipping.tick("2025-10-10T10:00:04")
        assert skipping.fires()[-1] == "2025-10-10T10:00"

    def test_a_predecessor_that_nobody_can_read_holds_up_nothing(self, skipping: Clockwork) -> None:
        skipping.wired.runs.poison.add(skipping.fire("09:00").trace_id)
        skipping.tick("10:00:04")
        assert skipping.fires() == ["09:00", "10:00"]
        assert skipping.wired.signals.counts["UnreadableRow"] == 1

    def test_a_fire_that_another_version_made_with_another_payload_is_that_fire(self, hourly: Clockwork) -> None:
        hourly.wired.refuse("schedules.write_cursor")
        hourly.tick("09:00:04")
        task = hourly.fire("09:00")
        hourly.memory.acceptances[TENANT, task.key_hash] = replace(task, payload=replace(task.payload, sha256="0" * 64))
        hourly.tick("09:01:04")
        assert (hourly.cursor().last_trace_id, hourly.next_due()) == (task.trace_id, "10:00")


class TestMany:
    def names(self, count: int, shard: int = 0) -> list[str]:
        """Names of schedules that stand in one shard."""
        found = (name for name in map("job_{}".format, itertools.count(10_000)) if due_shard(TENANT, name) == shard)
        return list(itertools.islice(found, count))

    def test_one_that_fails_stops_no_other_and_comes_again(self) -> None:
        names = self.names(3)
        clockwork = Clockwork(*(a_schedule(name) for name in names))
        clockwork.tick("08:30")
        clockwork.wired.refuse("acceptances.put", after=1)
        clockwork.tick("09:00:04")
        assert [clockwork.fires(name) for name in names] == [["09:00"], [], ["09:00"]]
        assert clockwork.wired.signals.by_schedule == {("FireFailed", names[1]): 1}
        [(told, error)] = clockwork.wired.world.faults.told
        assert names[1] in told
        assert isinstance(error, StoreUnavailableError)
        clockwork.tick("09:01:04")
        assert [clockwork.fires(name) for name in names] == [["09:00"]] * 3

    def test_a_page_full_of_failing_ones_does_not_hide_the_next_page(self) -> None:
        names = self.names(PAGE + 1)
        clockwork = Clockwork(*(a_schedule(name) for name in names))
        clockwork.tick("08:30")
        clockwork.wired.refuse("acceptances.put", times=PAGE)
        clockwork.tick("09:00:04")
        assert sum(len(clockwork.fires(name)) for name in names) == 1
        assert sum(clockwork.wired.signals.by_schedule.values()) == PAGE

    def test_messages_go_in_tens(self) -> None:
        names = self.names(25)
        clockwork = Clockwork(*(a_schedule(name) for name in names))
        clockwork.tick("08:30", "09:00:04")
        assert clockwork.wired.order_of("queue.send_many") == ["queue.send_many"] * 3
        assert len(clockwork.sent()) == 25

    def test_no_more_than_the_budget_and_the_rest_next_time(self) -> None:
        names = self.names(25)
        clockwork = Clockwork(*(a_schedule(name) for name in names))
        clockwork.tick("08:30")
        clockwork.clock.ms = ms("09:00:04")
        clockwork.wired.fire_schedules(clockwork.wired.tenants, a_budget(clockwork.wired, resends=10))
        assert len(clockwork.sent()) == 10
        clockwork.tick("09:01:04")
        assert len(clockwork.sent()) == 25

    def test_nothing_is_begun_when_time_is_up(self, hourly: Clockwork) -> None:
        hourly.clock.ms = ms("09:00:04")
        hourly.wired.fire_schedules(hourly.wired.tenants, a_budget(hourly.wired, seconds=0))
        assert hourly.fires() == []

    def test_a_cursor_that_nobody_can_read_fails_by_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        first, poisoned, last = self.names(3)
        clockwork = Clockwork(*(a_schedule(name) for name in (first, poisoned, last)))
        clockwork.tick("08:30")
        read = clockwork.wired.world.schedules.get_cursors
        poison: Callable[..., object] = lambda names: _taste(list(names), poisoned, read)  # noqa: E731
        monkeypatch.setattr(clockwork.wired.world.schedules, "get_cursors", poison)
        clockwork.tick("09:00:04")
        assert [clockwork.fires(name) for name in (first, poisoned, last)] == [["09:00"], [], ["09:00"]]
        assert clockwork.wired.signals.by_schedule == {("FireFailed", poisoned): 1}

    def test_a_shard_that_cannot_be_read_fails_the_part_and_the_next_tick_begins_with_another(
        self, hourly: Clockwork
    ) -> None:
        hourly.wired.refuse("schedules.due")
        with pytest.raises(StoreUnavailableError):
            hourly.tick("09:00:04")
        hourly.tick("09:01:04")
        assert hourly.fires() == ["09:00"]


def _taste(names: list[tuple[str, str]], poisoned: str, read: Callable[[list[tuple[str, str]]], object]) -> object:
    if any(name == poisoned for _, name in names):
        raise IntegrityError("no code of ours wrote this")
    return read(names)


class TestTenants:
    def test_each_tenant_has_fires_of_its_own(self) -> None:
        clockwork = Clockwork(a_schedule(tenants=(EVERY_TENANT,)))
        clockwork.wired.tenants = Tenants.of({"acme": UNLIMITED})
        clockwork.tick("08:30", "09:00:04")
        assert clockwork.fires() == clockwork.fires(tenant="acme") == ["09:00"]
        traces = {one.trace_id for one in clockwork.memory.acceptances.values()}
        assert len(traces) == 2

    def test_a_schedule_of_one_tenant_is_no_others(self) -> None:
        clockwork = Clockwork(a_schedule(tenants=("acme",)))
        clockwork.wired.tenants = Tenants.of({"acme": UNLIMITED})
        clockwork.tick("08:30", "09:00:04")
        assert (clockwork.fires(), clockwork.fires(tenant="acme")) == ([], ["09:00"])

    def test_one_tenants_pause_is_no_others(self) -> None:
        clockwork = Clockwork(a_schedule(tenants=(EVERY_TENANT,)))
        clockwork.wired.tenants = Tenants.of({"acme": UNLIMITED})
        clockwork.tick("08:30")
        clockwork.switch("08:40", Enablement.PAUSED)
        clockwork.tick("09:00:04")
        assert (clockwork.fires(), clockwork.fires(tenant="acme")) == ([], ["09:00"])

    def test_what_is_no_longer_declared_is_left_alone(self) -> None:
        clockwork = Clockwork(a_schedule(tenants=(EVERY_TENANT,)))
        clockwork.tick("08:30")
        cursor = replace(clockwork.cursor(), tenant="gone")
        clockwork.memory.schedules["gone", "report"] = cursor
        clockwork.tick("09:00:04")
        assert (clockwork.fires(), clockwork.fires(tenant="gone")) == (["09:00"], [])
        assert clockwork.cursor(tenant="gone") == cursor

    def test_what_the_index_shows_too_long_is_passed_over(
        self, hourly: Clockwork, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        schedules = hourly.wired.world.schedules
        stale = schedules.due(due_shard(TENANT, "report"), until_ms=ms("09:00"), limit=1)
        hourly.tick("09:00:04")
        version = hourly.cursor().version
        monkeypatch.setattr(schedules, "due", lambda _shard, **_bounds: stale)
        hourly.tick("09:01:04")
        assert (hourly.fires(), hourly.cursor().version) == (["09:00"], version)

    def test_the_message_names_the_task_of_the_tenant(self) -> None:
        clockwork = Clockwork(a_schedule(tenants=("acme",)))
        clockwork.wired.tenants = Tenants.of({"acme": UNLIMITED})
        clockwork.tick("08:30", "09:00:04")
        [task] = clockwork.memory.acceptances.values()
        assert clockwork.wired.queue.messages == [message_of(task)]

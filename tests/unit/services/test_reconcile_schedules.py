"""What becomes of schedules when a deploy or a new tenants file changes them: new, edited, removed, enabled again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.tasks import a_schedule
from tests.unit.services.clockwork import Clockwork, ms
from tests.unit.services.wired import TENANT, Wired, a_budget
from workerflow.domain.cron import Timing
from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.domain.schedule import EVERY_TENANT, CatchUp, Schedule
from workerflow.domain.schedule_cursor import Missed
from workerflow.domain.tenants import UNLIMITED, Tenants
from workerflow.services.resend import TickBudget

ALL = CatchUp("all")
DAILY = a_schedule(cron="0 6 * * *", catch_up=ALL)
HOURLY = a_schedule(catch_up=ALL)


@pytest.fixture
def hourly() -> Clockwork:
    """An hourly schedule that a tick has seen at 08:30."""
    clockwork = Clockwork(HOURLY)
    clockwork.tick("08:30")
    return clockwork


def tick_of(wired: Wired, time: str) -> None:
    """A tick of another process."""
    wired.clock.ms = ms(time)
    wired.fire_schedules(wired.tenants, a_budget(wired))


def spoil(clockwork: Clockwork, name: str, like: str) -> None:
    """Let the row of a schedule's cursor be unreadable."""
    clockwork.memory.schedules[TENANT, name] = replace(clockwork.cursor(like), name=name)
    clockwork.memory.spoilt_schedules.add((TENANT, name))


class TestNew:
    def test_it_begins_with_its_first_fire_after_the_tick_that_sees_it(self, hourly: Clockwork) -> None:
        cursor = hourly.cursor()
        assert (cursor.since_ms, hourly.next_due(), cursor.version) == (ms("08:30"), "09:00", 1)
        assert (hourly.fires(), hourly.missed()) == ([], {})

    def test_what_was_due_before_does_not_exist(self) -> None:
        clockwork = Clockwork(a_schedule(cron="0 * * * *", catch_up=ALL))
        clockwork.tick("09:00:00", "09:30")
        assert (clockwork.fires(), clockwork.next_due()) == ([], "10:00")

    def test_one_that_the_manifest_disables_gets_no_cursor(self) -> None:
        clockwork = Clockwork(replace(HOURLY, enabled=False))
        clockwork.tick("08:30", "09:30")
        assert clockwork.memory.schedules == {}


class TestEdited:
    def test_daily_to_hourly_does_not_fire_yesterdays_hours(self) -> None:
        clockwork = Clockwork(DAILY)
        clockwork.tick("08:30")
        clockwork.deploy(HOURLY)
        clockwork.tick("2025-10-10T05:30", "2025-10-10T06:00:04")
        assert clockwork.fires() == ["2025-10-10T06:00"]
        assert clockwork.missed() == {}
        assert clockwork.cursor().since_ms == ms("2025-10-10T05:30")

    def test_another_zone_is_another_timing(self, hourly: Clockwork) -> None:
        hourly.deploy(replace(HOURLY, zone="Asia/Kolkata"))
        hourly.tick("08:31")
        assert hourly.next_due() == "09:30"

    def test_a_fire_that_was_pending_is_missed(self, hourly: Clockwork) -> None:
        hourly.deploy(DAILY)
        hourly.tick("10:30")
        assert (hourly.fires(), hourly.missed()) == ([], {Missed.LATE: 1})
        assert hourly.cursor().last_missed_ms == ms("09:00")
        assert hourly.wired.signals.by_schedule == {("FireMissed", "report"): 1}

    def test_its_history_stays(self, hourly: Clockwork) -> None:
        hourly.tick("09:00:04")
        hourly.deploy(DAILY)
        hourly.tick("09:30")
        assert hourly.cursor().last_due_ms == ms("09:00")

    def test_another_policy_moves_nothing(self, hourly: Clockwork) -> None:
        hourly.deploy(replace(HOURLY, catch_up=CatchUp("skip"), overlap="skip", timeout_seconds=60))
        hourly.tick("08:31")
        assert hourly.cursor().version == 1

    def test_nor_does_another_way_to_write_the_same_expression(self, hourly: Clockwork) -> None:
        hourly.deploy(replace(HOURLY, cron="@HOURLY"))
        hourly.tick("08:31")
        assert hourly.cursor().version == 1

    def test_an_older_process_neither_fires_nor_moves_it_by_its_own_definition(self, hourly: Clockwork) -> None:
        older = hourly.wired
        hourly.deploy(replace(HOURLY, cron="45 * * * *"))
        hourly.tick("08:40")
        hourly.clock.ms = ms("08:45:04")
        older.fire_due(older.tenants, hourly.clock.ms, TickBudget(hourly.clock.ms + 50_000, 100))
        assert (hourly.fires(), hourly.next_due()) == ([], "08:45")
        hourly.tick("08:46")
        assert hourly.fires() == ["08:45"]


class TestGoneAndBack:
    def test_removed_it_has_no_next_fire_and_keeps_its_history(self, hourly: Clockwork) -> None:
        hourly.tick("09:00:04")
        hourly.deploy(a_schedule("other"))
        hourly.tick("09:30", "10:00:04")
        assert (hourly.next_due(), hourly.fires()) == (None, ["09:00"])
        assert hourly.cursor().last_due_ms == ms("09:00")

    def test_what_was_pending_then_is_missed(self, hourly: Clockwork) -> None:
        hourly.deploy(replace(HOURLY, enabled=False))
        hourly.tick("09:30")
        assert (hourly.next_due(), hourly.missed()) == (None, {Missed.DISABLED: 1})

    def test_enabled_again_it_begins_anew(self, hourly: Clockwork) -> None:
        hourly.deploy(replace(HOURLY, enabled=False))
        hourly.tick("08:40", "09:30")
        hourly.deploy(HOURLY)
        hourly.tick("12:30", "13:00:04")
        assert (hourly.fires(), hourly.missed()) == (["13:00"], {})
        assert hourly.cursor().since_ms == ms("12:30")

    def test_what_is_gone_costs_no_further_write(self, hourly: Clockwork) -> None:
        hourly.deploy(a_schedule("other"))
        hourly.tick("08:40")
        version = hourly.cursor().version
        hourly.deploy(a_schedule("other"))
        hourly.tick("08:41")
        assert hourly.cursor().version == version


class TestTenants:
    def test_a_new_tenant_gets_the_schedules_of_every_tenant(self) -> None:
        clockwork = Clockwork(a_schedule(tenants=(EVERY_TENANT,)))
        clockwork.tick("08:30")
        clockwork.wired.tenants = Tenants.of({"acme": UNLIMITED})
        clockwork.tick("08:40", "09:00:04")
        assert clockwork.fires(tenant="acme") == ["09:00"]
        assert clockwork.cursor(tenant="acme").since_ms == ms("08:40")

    def test_a_retired_tenants_schedules_have_no_next_fire(self) -> None:
        clockwork = Clockwork(a_schedule(tenants=(EVERY_TENANT,)))
        clockwork.wired.tenants = before = Tenants.of({"acme": UNLIMITED})
        clockwork.tick("08:30")
        clockwork.wired.tenants = Tenants.of({}).after(before, now_ms=ms("08:35"))
        clockwork.tick("08:40", "09:00:04")
        assert (clockwork.fires(), clockwork.fires(tenant="acme")) == (["09:00"], [])
        assert clockwork.cursor(tenant="acme").next_due_ms is None

    def test_tenants_that_are_not_known_for_the_moment_lose_nothing(self) -> None:
        clockwork = Clockwork(a_schedule(tenants=(EVERY_TENANT,), catch_up=ALL))
        clockwork.wired.tenants = known = Tenants.of({"acme": UNLIMITED})
        clockwork.tick("08:30")
        clockwork.wired.tenants = Tenants()
        clockwork.tick("09:00:04")
        clockwork.wired.tenants = known
        clockwork.tick("10:30")
        assert clockwork.fires(tenant="acme") == ["09:00", "10:00"]


class TestTwoVersions:
    """An older version's tick that began before the newer one's, and is slower."""

    @pytest.mark.parametrize(
        ("old", "new", "name"),
        [
            ([HOURLY], [replace(HOURLY, cron="30 * * * *")], "report"),
            ([HOURLY], [HOURLY, a_schedule("fresh", cron="30 * * * *")], "fresh"),
            ([replace(HOURLY, enabled=False)], [replace(HOURLY, cron="30 * * * *")], "report"),
        ],
        ids=["edited", "new", "enabled again"],
    )
    def test_the_older_one_undoes_nothing(self, old: list[Schedule], new: list[Schedule], name: str) -> None:
        clockwork = Clockwork(*old)
        clockwork.tick("08:00")
        clockwork.deploy(*old)  # a process that has not reconciled yet
        older = clockwork.wired
        clockwork.deploy(*new)
        older.meanwhile("schedules.list_cursors", lambda: clockwork.tick("08:02:01"))
        tick_of(older, "08:02")
        clockwork.tick("08:03", "08:30:04", "09:30:04")
        assert clockwork.fires(name) == ["08:30", "09:30"]

    def test_nor_does_it_bring_back_what_is_removed(self, hourly: Clockwork) -> None:
        hourly.deploy(HOURLY)
        older = hourly.wired
        hourly.deploy(a_schedule("other"))
        older.meanwhile("schedules.list_cursors", lambda: hourly.tick("08:40:01"))
        tick_of(older, "08:40")
        assert (hourly.next_due(), hourly.cursor().since_ms) == (None, ms("08:40:01"))

    def test_what_it_undoes_of_what_was_in_step_long_ago_is_put_right_by_the_next_tick(self) -> None:
        clockwork = Clockwork(HOURLY)
        older = clockwork.wired
        clockwork.deploy(HOURLY, a_schedule("fresh", cron="30 * * * *"))
        clockwork.tick("08:00", "08:01")
        older.meanwhile("schedules.list_cursors", lambda: clockwork.tick("08:02:01"))
        tick_of(older, "08:02")
        assert clockwork.next_due("fresh") is None
        clockwork.tick("08:03", "08:30:04")
        assert clockwork.fires("fresh") == ["08:30"]

    def test_a_tick_that_leaves_something_out_of_step_is_not_done(self, hourly: Clockwork) -> None:
        """As if another machine's clock had been ahead."""
        standing = hourly.cursor().change(nonce="ahead", timing="other", since_ms=ms("08:41"))
        hourly.memory.schedules[TENANT, "report"] = standing
        hourly.deploy(HOURLY)
        hourly.tick("08:40")
        assert hourly.cursor() == standing
        hourly.tick("08:42")
        assert hourly.cursor().timing == HOURLY.timing

    def test_what_is_left_so_all_the_same_is_found_when_it_is_due(self, hourly: Clockwork) -> None:
        hourly.memory.schedules[TENANT, "report"] = replace(hourly.cursor(), timing="other")
        hourly.tick("09:00:04")
        assert (hourly.fires(), hourly.next_due()) == ([], "09:00")
        hourly.tick("09:01:04", "10:00:04")
        assert (hourly.fires(), hourly.missed()) == (["10:00"], {Missed.LATE: 1})

    def test_what_is_due_and_removed_too(self, hourly: Clockwork) -> None:
        hourly.memory.schedules[TENANT, "gone"] = replace(hourly.cursor(), name="gone")
        hourly.tick("09:00:04", "09:01:04")
        assert (hourly.next_due("gone"), hourly.fires("report")) == (None, ["09:00"])

    def test_that_costs_one_more_look(self, hourly: Clockwork) -> None:
        hourly.memory.schedules[TENANT, "report"] = replace(hourly.cursor(), timing="other")
        hourly.tick("09:00:04", "09:01:04", "09:02:04", "09:03:04")
        assert len(hourly.wired.order_of("schedules.list_cursors")) == 2

    def test_what_is_due_of_a_tenant_that_nobody_knows_costs_none(self, hourly: Clockwork) -> None:
        hourly.memory.schedules["acme", "report"] = replace(hourly.cursor(), tenant="acme")
        hourly.tick("09:00:04", "09:01:04", "09:02:04")
        assert len(hourly.wired.order_of("schedules.list_cursors")) == 1

    def test_by_turns_each_has_what_it_declares_and_neither_stays_out_of_step(self, hourly: Clockwork) -> None:
        older = hourly.wired
        hourly.deploy(replace(HOURLY, cron="30 * * * *"))
        hourly.tick("08:40")
        tick_of(older, "08:41")
        assert hourly.next_due() == "09:00"
        hourly.tick("08:42")
        assert hourly.next_due() == "09:30"
        hourly.tick("08:43", "08:44", "09:30:04")
        assert hourly.fires() == ["09:30"]


class TestAFireThatStands:
    """A tick has made it, and another version's tick begins the cursor anew before the cursor has moved."""

    EDITED = replace(HOURLY, cron="*/10 * * * *", overlap="skip", catch_up=CatchUp())

    def reconciled_before(self, call: str, *schedules: Schedule) -> Clockwork:
        """The fire of 09:00 is made by a tick of before the deploy, with the other tick in its midst."""
        clockwork = Clockwork(replace(HOURLY, overlap="skip", catch_up=CatchUp()))
        clockwork.tick("08:30")
        older = clockwork.wired
        clockwork.deploy(*schedules)
        older.meanwhile(call, lambda: clockwork.tick("09:00:04"))
        tick_of(older, "09:00:03")
        return clockwork

    def test_is_not_missed(self) -> None:
        clockwork = self.reconciled_before("schedules.write_cursor", self.EDITED)
        assert (clockwork.fires(), clockwork.missed()) == (["09:00"], {})
        assert clockwork.wired.signals.by_schedule == {}

    def test_nor_is_it_where_the_schedule_is_removed(self) -> None:
        clockwork = self.reconciled_before("schedules.write_cursor", a_schedule("other"))
        assert (clockwork.fires(), clockwork.missed(), clockwork.next_due()) == (["09:00"], {}, None)

    @pytest.mark.parametrize("call", ["schedules.write_cursor", "acceptances.put"])
    def test_is_the_last_one_whoever_wins_the_cursor(self, call: str) -> None:
        clockwork = self.reconciled_before(call, self.EDITED)
        fire = clockwork.fire("09:00")
        assert (clockwork.cursor().last_due_ms, clockwork.cursor().last_trace_id) == (ms("09:00"), fire.trace_id)
        assert clockwork.next_due() == "09:10"
        clockwork.tick("09:10:04")
        assert (clockwork.fires(), clockwork.skipped()) == (["09:00"], ["09:10"])

    def test_may_be_counted_as_missed_where_it_is_made_a_moment_later(self) -> None:
        clockwork = self.reconciled_before("acceptances.put", self.EDITED)
        assert (clockwork.fires(), clockwork.missed()) == (["09:00"], {Missed.LATE: 1})

    def test_a_cursor_that_is_never_left_alone_is_given_up(self, hourly: Clockwork) -> None:
        def touched() -> None:
            cursor = hourly.cursor()
            hourly.memory.schedules[TENANT, "report"] = cursor.change(nonce=f"other-{cursor.version}")

        hourly.wired.meanwhile("schedules.write_cursor", touched, times=100)
        hourly.tick("09:00:04")
        assert hourly.wired.signals.by_schedule == {("FireFailed", "report"): 1}
        hourly.wired.meanwhile("schedules.write_cursor", touched, times=0)
        hourly.tick("09:01:04")
        assert (hourly.fires(), hourly.cursor().last_due_ms) == (["09:00"], ms("09:00"))

    def test_one_that_was_skipped_is_missed_because_it_overlaps(self) -> None:
        clockwork = Clockwork(replace(HOURLY, overlap="skip", catch_up=CatchUp()))
        clockwork.tick("08:30", "09:00:04", "09:30")
        clockwork.wired.refuse("schedules.write_cursor")
        clockwork.tick("10:00:04")
        assert clockwork.skipped() == ["10:00"]
        clockwork.deploy(self.EDITED)
        clockwork.tick("10:00:34")
        assert clockwork.missed() == {Missed.OVERLAP: 1}
        assert clockwork.cursor().last_due_ms == ms("09:00")

    @pytest.mark.parametrize("call", ["acceptances.get", "runs.get"])
    def test_what_nobody_can_read_holds_up_nothing(self, hourly: Clockwork, call: str) -> None:
        hourly.wired.refuse("schedules.write_cursor")
        hourly.tick("09:00:04")
        hourly.deploy(self.EDITED)
        hourly.wired.refuse(call, error=IntegrityError)
        hourly.tick("09:01:04")
        assert hourly.next_due() == "09:10"
        assert hourly.wired.signals.counts["UnreadableRow"] == 1


class TestOneThatFails:
    """It is told, stops no other, and is tried again."""

    def test_by_an_unknown_zone_stops_no_other(self, hourly: Clockwork) -> None:
        hourly.deploy(a_schedule("aaa", zone="Mars/Phobos"), HOURLY, a_schedule("zzz", cron="30 * * * *"))
        hourly.tick("08:31", "09:30:04")
        assert (hourly.fires("report"), hourly.fires("zzz")) == (["09:00"], ["09:30"])
        assert hourly.wired.signals.by_schedule["FireFailed", "aaa"] == 2
        assert sorted(name for _, name in hourly.memory.schedules) == ["report", "zzz"]

    def test_by_an_unreadable_cursor_stops_no_other_and_stays_as_it_is(self, hourly: Clockwork) -> None:
        spoil(hourly, "aaa", "report")
        before = hourly.memory.schedules[TENANT, "aaa"]
        hourly.deploy(a_schedule("aaa"), HOURLY, a_schedule("zzz", cron="30 * * * *"))
        hourly.tick("08:31", "08:41", "09:30:04")
        assert (hourly.fires("aaa"), hourly.fires("zzz")) == ([], ["09:30"])
        assert hourly.memory.schedules[TENANT, "aaa"] == before
        assert hourly.wired.signals.by_schedule["FireFailed", "aaa"] == 3 + 1  # and it was due

    def test_it_is_told_why(self, hourly: Clockwork) -> None:
        hourly.deploy(a_schedule("aaa", zone="Mars/Phobos"))
        hourly.tick("08:31")
        [(told, error)] = hourly.wired.signals.told
        assert "'aaa' of the tenant 'default'" in told
        assert "Mars/Phobos" in str(error)

    def test_it_begins_anew_when_it_is_mended(self, hourly: Clockwork) -> None:
        spoil(hourly, "aaa", "report")
        hourly.deploy(a_schedule("aaa"), HOURLY)
        hourly.tick("08:31")
        hourly.memory.spoilt_schedules.clear()
        del hourly.memory.schedules[TENANT, "aaa"]
        hourly.tick("08:32", "09:00:04")
        assert hourly.fires("aaa") == ["09:00"]

    def test_other_tenants_are_not_looked_at_again_and_again(self) -> None:
        clockwork = Clockwork(a_schedule("aaa", zone="Mars/Phobos"), a_schedule("bbb", tenants=(EVERY_TENANT,)))
        clockwork.wired.tenants = Tenants.of({"acme": UNLIMITED})
        clockwork.tick("08:30", "08:31", "08:32")
        assert len(clockwork.wired.order_of("schedules.list_cursors")) == 2 + 1 + 1

    def test_nor_when_its_old_definition_is_due(self, hourly: Clockwork) -> None:
        hourly.deploy(replace(HOURLY, zone="Mars/Phobos"), a_schedule("zzz", cron="30 * * * *"))
        hourly.wired.tenants = Tenants.of({"acme": UNLIMITED})
        hourly.tick("08:59", "09:00:04", "09:01:04", "09:30:04")
        assert hourly.fires("zzz") == ["09:30"]
        assert len(hourly.wired.order_of("schedules.list_cursors")) == 1 + 2 + 1 + 1 + 1


class TestWhen:
    def test_once_in_a_process(self, hourly: Clockwork) -> None:
        hourly.tick("08:31", "08:32")
        assert hourly.wired.order_of("schedules.list_cursors") == ["schedules.list_cursors"]

    def test_every_process_once(self, hourly: Clockwork) -> None:
        hourly.deploy(HOURLY)
        hourly.tick("08:31", "08:32")
        assert len(hourly.wired.order_of("schedules.list_cursors")) == 2

    def test_and_again_when_another_process_reconciled_with_another_manifest(self, hourly: Clockwork) -> None:
        older = hourly.wired
        hourly.deploy(DAILY)
        hourly.tick("08:40")
        hourly.wired = older
        hourly.tick("08:41")
        assert hourly.next_due() == "09:00"

    def test_the_mark_says_with_what(self, hourly: Clockwork) -> None:
        before = hourly.memory.tick_mark
        hourly.deploy(DAILY)
        hourly.tick("08:40")
        after = hourly.memory.tick_mark
        assert before is not None
        assert after is not None
        assert before.reconciled != after.reconciled

    def test_one_that_failed_is_done_again_and_the_others_fire_meanwhile(self, hourly: Clockwork) -> None:
        hourly.deploy(HOURLY, a_schedule("other"))
        hourly.wired.refuse("schedules.list_cursors")
        with pytest.raises(StoreUnavailableError):
            hourly.tick("09:00:04")
        assert hourly.fires() == ["09:00"]
        hourly.tick("09:01:04")
        assert hourly.next_due("other") == "10:00"

    def test_one_that_failed_leaves_the_mark_of_the_last_that_did_not(self, hourly: Clockwork) -> None:
        before = hourly.memory.tick_mark
        hourly.deploy(HOURLY)
        hourly.wired.refuse("schedules.list_cursors")
        with pytest.raises(StoreUnavailableError):
            hourly.tick("08:40")
        after = hourly.memory.tick_mark
        assert before is not None
        assert after is not None
        assert (after.reconciled, after.ticked_at_ms) == (before.reconciled, ms("08:40"))

    def test_one_tenant_that_fails_does_not_hold_up_the_others(self) -> None:
        clockwork = Clockwork(a_schedule(tenants=(EVERY_TENANT,)))
        clockwork.wired.tenants = Tenants.of({"acme": UNLIMITED})
        clockwork.wired.refuse("schedules.list_cursors", error=IntegrityError)
        with pytest.raises(IntegrityError):
            clockwork.tick("08:30")
        assert (TENANT, "report") in clockwork.memory.schedules

    def test_it_stops_when_its_time_is_up_and_goes_on_in_the_next_tick(self) -> None:
        names = [f"job_{number}" for number in range(5)]
        clockwork = Clockwork(*(a_schedule(name) for name in names))
        clockwork.wired.meanwhile("schedules.write_cursor", lambda: clockwork.clock.advance(10), times=4)
        clockwork.tick("08:30")
        assert len(clockwork.memory.schedules) == 3
        assert clockwork.memory.tick_mark is not None
        assert clockwork.memory.tick_mark.reconciled == ""
        clockwork.tick("08:31")
        assert sorted(name for _, name in clockwork.memory.schedules) == names

    def test_a_tick_that_moves_the_cursor_meanwhile_is_heeded(self, hourly: Clockwork) -> None:
        other = hourly.wired
        hourly.deploy(DAILY)

        def fires() -> None:
            other.fire_due(other.tenants, ms("09:00:04"), TickBudget(ms("10:00"), 100))

        hourly.wired.meanwhile("schedules.write_cursor", fires)
        hourly.tick("09:00:04")
        assert (hourly.fires(), hourly.missed()) == (["09:00"], {})
        assert hourly.next_due() == "2025-10-10T06:00"

    def test_one_that_is_always_overtaken_gives_up_for_this_tick(self, hourly: Clockwork) -> None:
        hourly.deploy(DAILY)

        def touched() -> None:
            cursor = hourly.cursor()
            hourly.memory.schedules[TENANT, "report"] = cursor.change(nonce=f"other-{cursor.version}")

        hourly.wired.meanwhile("schedules.write_cursor", touched, times=100)
        with pytest.raises(StoreUnavailableError):
            hourly.tick("08:40")


def test_new_time_zone_data_moves_a_fire_that_is_still_to_come(hourly: Clockwork) -> None:
    """As if the old data had called 09:10 a full hour."""
    hourly.memory.schedules[TENANT, "report"] = replace(hourly.cursor(), next_due_ms=ms("09:10"))
    hourly.deploy(HOURLY)
    hourly.tick("08:40")
    assert hourly.cursor().next_due_ms == Timing.of("@hourly", "UTC").next_fire(ms("08:40"))
    assert hourly.cursor().since_ms == ms("08:30")
    hourly.tick("09:00:04")
    assert hourly.fires() == ["09:00"]

"""The minute tick: all its parts, none in the way of another, and a report of what did not go well."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.services.wired import PERMANENT, TENANT, Wired, message_of
from workerflow.domain.errors import IntegrityError, PlatformError, StoreUnavailableError
from workerflow.domain.run import RunState
from workerflow.domain.tenants import UNLIMITED, Tenants
from workerflow.ports.tenants import TenantsDocument
from workerflow.services.group_errors import EVERY_MINUTES
from workerflow.services.sweep import GRACE_S
from workerflow.services.tick import MAX_AHEAD_SECONDS, PART_RESENDS, PART_SECONDS, TickReport

FIRST_CALLS = {
    "schedules": "schedules.get_mark",
    "drain": "dead_messages.receive",
    "due": "runs.due",
    "sweep": "cursors.get_cursor",
    "bulk": "bulk.list_running",
    "errors": "error_groups.get_walk",
    "gauges": "replays.count_open_letters",
}
TIME_LIMIT_SECONDS = 300
OVERRUN_SECONDS = 20
"""The last step of a part may begin when its time is nearly over."""


@pytest.fixture(autouse=True)
def in_the_minute_of_the_walk(wired: Wired) -> None:
    wired.clock.ms -= wired.clock.ms % (EVERY_MINUTES * 60_000)


def test_a_tick_with_nothing_to_do_completes(wired: Wired) -> None:
    assert wired.tick() == TickReport(failed_parts=())
    assert (wired.signals.counts["TickCompleted"], wired.signals.counts["TickPartFailed"]) == (1, 0)


def test_it_drains_releases_sweeps_and_counts(wired: Wired) -> None:
    buried, due, lost = (wired.take(key) for key in ("buried", "due", "lost"))
    wired.world.dead_messages.add(message_of(buried).to_text())
    wired.queued(due)
    failed = wired.take("failed")
    wired.handler_returns(PERMANENT)
    wired.run_once(failed)
    wired.clock.advance(GRACE_S + 1)
    wired.tick()
    assert wired.row(buried).state is RunState.PARKED
    assert set(wired.queue.messages) == {message_of(due), message_of(lost)}
    assert wired.signals.counts["OpenDeadLetters"] == 1


@pytest.mark.parametrize("part", list(FIRST_CALLS))
def test_a_part_that_fails_is_told_and_does_not_stop_the_others(wired: Wired, part: str) -> None:
    wired.refuse(FIRST_CALLS[part])
    assert wired.tick() == TickReport(failed_parts=(part,))
    assert set(FIRST_CALLS.values()) <= set(wired.memory.calls)
    assert (wired.signals.counts["TickCompleted"], wired.signals.counts["TickPartFailed"]) == (0, 1)
    [(message, error)] = wired.world.faults.told
    assert repr(part) in message
    assert isinstance(error, StoreUnavailableError)


def test_a_fault_that_nobody_thought_of_does_not_stop_them_either(wired: Wired) -> None:
    def explode(name: str) -> None:
        if name == "runs.due":
            raise ZeroDivisionError

    wired.memory.before = explode
    assert wired.tick() == TickReport(failed_parts=("due",))
    assert wired.order_of("cursors.get_cursor") != []


def test_when_everything_fails_every_part_is_told(wired: Wired) -> None:
    def refuse(name: str) -> None:
        raise StoreUnavailableError(name)

    wired.memory.before = refuse
    assert wired.tick() == TickReport(failed_parts=tuple(FIRST_CALLS))
    assert wired.signals.counts["TickPartFailed"] == len(FIRST_CALLS)


def test_every_part_has_a_budget_of_its_own(wired: Wired) -> None:
    for number in range(PART_RESENDS + 1):
        wired.queued(wired.take(f"due-{number}"))
    lost = wired.take("lost")
    wired.clock.advance(GRACE_S + 1)
    wired.tick()
    assert len(wired.queue.messages) == PART_RESENDS + 1
    assert wired.queue.messages[-1] == message_of(lost)


def test_a_part_that_takes_its_time_leaves_the_next_one_its_own(wired: Wired) -> None:
    task = wired.take()
    wired.clock.advance(GRACE_S + 1)
    wired.meanwhile("runs.due", lambda: wired.clock.advance(PART_SECONDS["due"] + 1))
    wired.tick()
    assert wired.queue.messages == [message_of(task)]


def test_open_letters_of_all_tenants_are_counted_together(wired: Wired) -> None:
    wired.handler_returns(PERMANENT)
    for number in range(3):
        wired.run_once(wired.take(f"key-{number}"))
    first = next(iter(wired.memory.letters.values()))
    wired.memory.letters["acme", first.trace_id] = replace(first, tenant="acme")
    wired.tenants = Tenants.of({"acme": UNLIMITED})
    wired.tick()
    assert wired.signals.counts["OpenDeadLetters"] == 4


@pytest.mark.parametrize("error", [StoreUnavailableError, IntegrityError])
@pytest.mark.parametrize(
    ("part", "call"),
    [("due", "runs.due"), ("sweep", "cursors.get_cursor"), ("gauges", "replays.count_open_letters")],
)
def test_a_tenant_of_whom_nothing_can_be_read_is_in_no_others_way(
    wired: Wired, part: str, call: str, error: type[PlatformError]
) -> None:
    wired.handler_returns(PERMANENT)
    failed = wired.take("failed")
    wired.run_once(failed)
    wired.memory.letters["zeta", failed.trace_id] = replace(
        wired.memory.letters[TENANT, failed.trace_id], tenant="zeta"
    )
    del wired.memory.letters[TENANT, failed.trace_id]
    lost, due = wired.take("lost", tenant="zeta"), wired.take("due", tenant="zeta")
    wired.keep(replace(wired.queued(due), tenant="zeta"))
    wired.tenants = Tenants.of({"zeta": UNLIMITED})
    wired.clock.advance(GRACE_S + 1)
    wired.clock.ms += -wired.clock.ms % 120_000  # an even minute: the first tenant, `default`, comes first
    wired.refuse(call, error=error)
    assert wired.tick() == TickReport(failed_parts=(part,))
    assert set(wired.queue.messages) == {message_of(lost), message_of(due)}
    assert wired.signals.counts["OpenDeadLetters"] == 1


def test_an_unreadable_tenants_file_is_told_and_the_default_tenants_tasks_are_brought_to_an_end(wired: Wired) -> None:
    """Its schedules do not fire: whether they may, and whose there are, is what the file would say."""
    lost, due = wired.take("lost"), wired.take("due")
    wired.queued(due)
    wired.clock.advance(GRACE_S + 1)
    wired.memory.tenants = TenantsDocument("{", 1, "n")
    tick = replace(wired.tick, tenants=wired.known_tenants)
    assert tick().failed_parts == ("schedules", "due")
    assert set(wired.queue.messages) == {message_of(lost), message_of(due)}
    assert wired.signals.counts["TickCompleted"] == 0
    assert "schedules.write_cursor" not in wired.memory.calls


def test_all_parts_together_fit_into_the_functions_time() -> None:
    assert list(PART_SECONDS) == list(FIRST_CALLS)
    assert sum(PART_SECONDS.values()) <= TIME_LIMIT_SECONDS - OVERRUN_SECONDS


def test_a_message_that_a_failing_part_had_collected_is_not_forgotten(wired: Wired) -> None:
    first, second = (wired.take(f"key-{number}") for number in range(2))
    wired.queued(first)
    wired.queued(second, due_in_seconds=0.001)
    wired.clock.advance(1)
    wired.refuse("runs.write", after=1)
    wired.tick()
    assert wired.queue.messages == [message_of(first)], "sent by the tick that collected it"
    wired.clock.advance(60)
    wired.tick()
    assert wired.queue.messages == [message_of(first), message_of(second)]


class TestTime:
    def test_a_clock_that_is_far_ahead_of_the_ticks_time_does_nothing_at_all(self, wired: Wired) -> None:
        wired.queued(wired.take())
        report = wired.tick(wired.clock.ms - MAX_AHEAD_SECONDS * 1000 - 1)
        assert report == TickReport(failed_parts=(), refused=True)
        assert wired.memory.calls == []
        assert (wired.signals.counts["TickAhead"], wired.signals.counts["TickCompleted"]) == (1, 0)

    @pytest.mark.parametrize("late_ms", [MAX_AHEAD_SECONDS * 1000, 0, -3_600_000])
    def test_one_that_is_a_little_ahead_or_behind_works(self, wired: Wired, late_ms: int) -> None:
        assert wired.tick(wired.clock.ms - late_ms) == TickReport(failed_parts=())
        assert wired.signals.counts["TickCompleted"] == 1

    def test_without_the_ticks_time_there_is_nothing_to_hold_the_clock_against(self, wired: Wired) -> None:
        assert not wired.tick(None).refused


def test_without_the_tenants_the_parts_that_need_none_do_their_work(wired: Wired) -> None:
    def unknown() -> Tenants:
        raise StoreUnavailableError("nobody knows")

    report = replace(wired.tick, tenants=unknown)()
    assert report.failed_parts == ("schedules", "due", "sweep", "errors", "gauges")
    assert wired.order_of("dead_messages.receive") != []

"""What is due is sent, closed, put aside or abandoned; what waits for its route's resume waits apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.tasks import POLICY, a_manifest, a_route
from tests.unit.services.wired import RETRYABLE, TENANT, Wired, a_budget, message_of
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.domain.identity import shard_of
from workerflow.domain.run import LetterClass, RunState
from workerflow.domain.task import Acceptance
from workerflow.domain.transitions import LEASE_MARGIN_S, RESEND_BASE_S, VISIBILITY_WAIT_LIMIT_S
from workerflow.services.release_due import PAGE
from workerflow.services.resend import TickBudget


def release(wired: Wired, budget: TickBudget | None = None) -> TickBudget:
    budget = budget or a_budget(wired)
    wired.release_due([TENANT], budget)
    return budget


def parked(wired: Wired, key: str = "key-1") -> Acceptance:
    """A task that waits longer than its message could."""
    task = wired.take(key)
    wired.handler_returns(replace(RETRYABLE, retry_after_seconds=VISIBILITY_WAIT_LIMIT_S + 80.0))
    wired.run_once(task)
    return task


def due_in_one_shard(wired: Wired, count: int, shard: int = 0) -> list[Acceptance]:
    """Tasks of one shard that are due, a millisecond apart, oldest first."""
    found: list[Acceptance] = []
    number = 0
    while len(found) < count:
        task = wired.take(f"key-{number}")
        number += 1
        if shard_of(task.trace_id) == shard:
            wired.queued(task)
            wired.clock.ms += 1
            found.append(task)
    return found


class TestDue:
    def test_a_parked_task_is_sent_when_its_time_has_come_and_not_sooner(self, wired: Wired) -> None:
        task = parked(wired)
        wired.clock.advance(VISIBILITY_WAIT_LIMIT_S + 79.999)
        release(wired)
        assert wired.queue.messages == []
        wired.clock.ms += 1
        release(wired)
        assert wired.queue.messages == [message_of(task)]

    def test_the_row_is_written_with_its_next_due_time_before_the_message_is_sent(self, wired: Wired) -> None:
        task = wired.take()
        wired.queued(task)
        release(wired)
        assert wired.order_of("runs.write", "queue.send_many") == ["runs.write", "queue.send_many"]
        row = wired.row(task)
        assert (row.state, row.not_before_ms, row.resends) == (RunState.QUEUED, None, 1)
        assert row.due_at_ms == wired.clock.ms + RESEND_BASE_S * 1000

    def test_what_was_sent_is_not_sent_again_by_the_next_tick_but_when_its_distance_is_over(self, wired: Wired) -> None:
        task = wired.take()
        wired.queued(task)
        sent = []
        for _ in range(8):
            release(wired)
            sent.append(len(wired.queue.messages))
            wired.clock.advance(60)
        assert sent == [1, 1, 2, 2, 2, 2, 3, 3], "at 0, 2 and 6 minutes"

    def test_a_message_that_is_refused_is_sent_by_a_later_tick(self, wired: Wired) -> None:
        task = wired.take()
        wired.queued(task)
        wired.queue.refusals = 1
        release(wired)
        assert wired.queue.messages == []
        wired.clock.advance(RESEND_BASE_S)
        release(wired)
        assert wired.queue.messages == [message_of(task)]

    def test_a_live_lease_is_left_alone_and_looked_at_after_it(self, wired: Wired) -> None:
        task = wired.take()
        row = wired.keep(replace(wired.running(task), due_at_ms=wired.clock.ms))
        release(wired)
        assert wired.row(task).due_at_ms == (row.lease_until_ms or 0) + LEASE_MARGIN_S * 1000
        assert wired.row(task).claim == row.claim
        assert wired.queue.messages == []

    def test_a_task_past_its_deadline_is_closed_as_expired_with_its_letter(self, wired: Wired) -> None:
        task = wired.take()
        wired.queued(task)
        wired.clock.ms = task.deadline_ms
        release(wired)
        assert wired.row(task).letter_class is LetterClass.EXPIRED
        assert wired.letter(task) is not None
        assert wired.queue.messages == []

    def test_a_task_without_an_attempt_left_is_closed(self, wired: Wired) -> None:
        task = wired.take()
        wired.keep(replace(wired.queued(task), attempt=POLICY.max_attempts))
        release(wired)
        assert wired.row(task).letter_class is LetterClass.EXHAUSTED

    def test_a_sync_task_whose_caller_did_not_come_back_is_abandoned(self, wired: Wired) -> None:
        task = wired.take(mode="sync", source="route:ask")
        wired.queued(task)
        release(wired)
        assert wired.row(task).state is RunState.ABANDONED
        assert (wired.queue.messages, wired.memory.letters) == ([], {})

    def test_one_that_was_handed_over_is_sent(self, wired: Wired) -> None:
        task = wired.take(mode="sync", source="route:ask")
        wired.keep(replace(wired.queued(task), handed_over=True))
        release(wired)
        assert wired.queue.messages == [message_of(task)]

    def test_an_entry_that_the_index_still_shows_is_decided_on_the_row(self, wired: Wired) -> None:
        task = wired.take()
        row = wired.queued(task)
        done = replace(row, version=2, nonce="done", state=RunState.SUCCEEDED, due_at_ms=None)
        wired.meanwhile("runs.get_many", lambda: wired.keep(done))
        release(wired)
        assert (wired.row(task), wired.queue.messages) == (done, [])

    def test_two_ticks_at_once_send_one_message(self, wired: Wired) -> None:
        task = wired.take()
        wired.queued(task)
        wired.meanwhile("runs.write", lambda: release(wired))
        release(wired)
        assert wired.queue.messages == [message_of(task)]


class TestSwitches:
    def test_a_disabled_routes_due_task_is_dead_lettered(self, wired: Wired) -> None:
        task = wired.take()
        wired.queued(task)
        wired.switch(Enablement.DISABLED)
        release(wired)
        assert wired.row(task).letter_class is LetterClass.DISABLED
        assert wired.queue.messages == []

    def test_so_is_a_removed_routes(self) -> None:
        wired = Wired(manifest=a_manifest(a_route("other")))
        task = wired.take()
        wired.queued(task)
        release(wired)
        assert wired.row(task).letter_class is LetterClass.DISABLED

    def test_a_paused_routes_due_task_waits_apart(self, wired: Wired) -> None:
        task = wired.take()
        wired.queued(task)
        wired.switch(Enablement.PAUSED)
        release(wired)
        row = wired.row(task)
        assert (row.state, row.paused, row.due_at_ms) == (RunState.PARKED, True, task.deadline_ms)
        wired.memory.calls.clear()
        wired.clock.advance(3600)
        release(wired)
        assert wired.order_of("runs.write") == []

    def test_neither_takes_anything_from_a_running_attempt(self, wired: Wired) -> None:
        task = wired.take()
        row = wired.keep(replace(wired.running(task), due_at_ms=wired.clock.ms))
        for state in (Enablement.DISABLED, Enablement.PAUSED):
            wired.switch(state)
            release(wired)
            assert (wired.row(task).state, wired.row(task).claim) == (RunState.RUNNING, row.claim)
            assert wired.row(task).due_at_ms == (row.lease_until_ms or 0) + LEASE_MARGIN_S * 1000

    def test_a_deadline_that_has_passed_is_told_as_such_though_the_route_is_paused(self, wired: Wired) -> None:
        task = wired.take()
        wired.queued(task)
        wired.switch(Enablement.PAUSED)
        wired.clock.ms = task.deadline_ms
        release(wired)
        assert wired.row(task).letter_class is LetterClass.EXPIRED

    def test_a_sync_task_without_its_caller_is_abandoned_though_its_route_is_disabled(self, wired: Wired) -> None:
        task = wired.take(mode="sync", source="route:ask")
        wired.queued(task)
        wired.switch(Enablement.DISABLED, "route:ask")
        release(wired)
        assert wired.row(task).state is RunState.ABANDONED

    def test_what_is_no_longer_due_is_left_alone_though_the_index_still_shows_it(self, wired: Wired) -> None:
        task = wired.take()
        row = wired.queued(task)
        wired.switch(Enablement.DISABLED)
        later = replace(row, version=2, nonce="later", due_at_ms=wired.clock.ms + 1)
        wired.meanwhile("runs.get_many", lambda: wired.keep(later))
        release(wired)
        assert wired.row(task) == later

    def test_resume_releases_all_of_them(self, wired: Wired) -> None:
        tasks = [wired.take(f"key-{number}") for number in range(10)]
        wired.switch(Enablement.PAUSED)
        for task in tasks:
            wired.run_once(task)
        wired.switch(Enablement.ENABLED)
        release(wired)
        assert {message.trace_id for message in wired.queue.messages} == {task.trace_id for task in tasks}
        assert not any(wired.row(task).paused for task in tasks)

    def test_resume_runs_nothing_sooner_than_the_other_side_asked(self, wired: Wired) -> None:
        task = parked(wired)
        not_before_ms = wired.row(task).not_before_ms
        wired.switch(Enablement.PAUSED)
        wired.run_once(task)
        assert wired.row(task).paused
        wired.switch(Enablement.ENABLED)
        release(wired)
        row = wired.row(task)
        assert (row.state, row.paused, row.due_at_ms) == (RunState.PARKED, False, not_before_ms)
        assert wired.queue.messages == []
        wired.clock.ms = not_before_ms or 0
        release(wired)
        assert wired.queue.messages == [message_of(task)]

    def test_resume_is_bounded_and_goes_on_with_the_next_tick(self, wired: Wired) -> None:
        tasks = [wired.take(f"key-{number}") for number in range(10)]
        wired.switch(Enablement.PAUSED)
        for task in tasks:
            wired.run_once(task)
        wired.switch(Enablement.ENABLED)
        release(wired, a_budget(wired, resends=7))
        assert len(wired.queue.messages) == 7
        release(wired)
        assert len(wired.queue.messages) == 10

    def test_disabling_a_paused_route_dead_letters_what_it_parked(self, wired: Wired) -> None:
        task = wired.take()
        wired.switch(Enablement.PAUSED)
        wired.run_once(task)
        wired.switch(Enablement.DISABLED)
        release(wired)
        assert wired.row(task).letter_class is LetterClass.DISABLED

    def test_a_paused_task_is_closed_at_its_deadline_though_the_pause_goes_on(self, wired: Wired) -> None:
        task = wired.take()
        wired.switch(Enablement.PAUSED)
        wired.run_once(task)
        wired.clock.ms = task.deadline_ms
        release(wired)
        assert wired.row(task).letter_class is LetterClass.EXPIRED

    def test_a_task_that_was_parked_by_a_stale_switch_is_released_by_the_next_tick(self, wired: Wired) -> None:
        task = wired.take()
        wired.switch(Enablement.PAUSED)
        wired.enablement(TENANT, "route:echo")
        cached = dict(wired.enablement._cache)
        wired.switch(Enablement.ENABLED)
        wired.enablement._cache.update(cached)
        wired.run_once(task)
        assert wired.row(task).paused
        wired.clock.advance(60)
        release(wired)
        assert wired.queue.messages == [message_of(task)]

    def test_an_entry_of_a_task_that_is_no_longer_parked_there_is_passed(self, wired: Wired) -> None:
        task = wired.take()
        wired.switch(Enablement.PAUSED)
        wired.run_once(task)
        wired.switch(Enablement.ENABLED)
        wired.meanwhile("runs.get_many", lambda: wired.running(task))
        release(wired)
        assert (wired.row(task).state, wired.queue.messages) == (RunState.RUNNING, [])

    def test_a_source_that_was_paused_again_meanwhile_keeps_its_tasks(self, wired: Wired) -> None:
        task = wired.take()
        wired.switch(Enablement.PAUSED)
        wired.run_once(task)
        release(wired)
        assert (wired.row(task).paused, wired.queue.messages) == (True, [])


class TestBounds:
    def test_page_after_page_oldest_first(self, wired: Wired) -> None:
        tasks = due_in_one_shard(wired, PAGE + 5)
        release(wired)
        assert wired.queue.messages == [message_of(task) for task in tasks]

    def test_the_budget_bounds_the_messages_and_the_rest_is_due_still(self, wired: Wired) -> None:
        tasks = due_in_one_shard(wired, 25)
        budget = release(wired, a_budget(wired, resends=12))
        assert (len(wired.queue.messages), budget.resends_left) == (12, 0)
        release(wired)
        assert wired.queue.messages == [message_of(task) for task in tasks]

    def test_a_page_of_rows_that_cannot_be_read_does_not_hold_up_those_behind_it(self, wired: Wired) -> None:
        """They stay where they are: whoever stops at them stops there for ever."""
        *poisoned, last = due_in_one_shard(wired, PAGE * 2 + 1)
        wired.runs.poison |= {task.trace_id for task in poisoned}
        release(wired)
        assert wired.queue.messages == [message_of(last)]
        assert wired.signals.counts["UnreadableRow"] == len(poisoned)

    def test_nor_does_a_page_that_cannot_be_written(self, wired: Wired) -> None:
        *_, last = due_in_one_shard(wired, PAGE + 1)
        wired.memory.calls.clear()
        wired.refuse("runs.write", times=PAGE, error=IntegrityError)
        release(wired)
        assert wired.queue.messages == [message_of(last)]
        assert wired.order_of("runs.due") == ["runs.due"] * 5, "two pages of its shard"
        assert wired.signals.counts["UnreadableRow"] == PAGE

    def test_a_page_that_the_index_shows_too_late_ends_the_loop(self, wired: Wired) -> None:
        tasks = due_in_one_shard(wired, PAGE)
        wired.meanwhile("runs.get_many", lambda: [wired.run_once(task) for task in tasks])
        wired.memory.calls.clear()
        release(wired)
        assert wired.order_of("runs.due") == ["runs.due"] * 4, "one page a shard"

    def test_an_idle_tick_reads_one_page_a_shard_and_the_switches(self, wired: Wired) -> None:
        release(wired)
        assert sorted(wired.memory.calls) == ["runs.due"] * 4 + ["switches.list_switches", "tenants.get"]

    def test_without_time_nothing_is_begun(self, wired: Wired) -> None:
        task = wired.take()
        row = wired.queued(task)
        release(wired, a_budget(wired, seconds=0))
        assert wired.row(task) == row


class TestFaults:
    def test_rows_that_no_code_of_ours_wrote_are_counted_and_do_not_stop_the_others(self, wired: Wired) -> None:
        first, poisoned, last = due_in_one_shard(wired, 3)
        wired.runs.poison.add(poisoned.trace_id)
        release(wired)
        assert wired.queue.messages == [message_of(first), message_of(last)]
        assert wired.signals.counts["UnreadableRow"] == 1

    def test_nor_does_a_write_that_can_never_succeed(self, wired: Wired) -> None:
        first, _, last = due_in_one_shard(wired, 3)
        wired.refuse("runs.write", after=1, error=IntegrityError)
        release(wired)
        assert wired.queue.messages == [message_of(first), message_of(last)]
        assert wired.signals.counts["UnreadableRow"] == 1

    def test_a_store_that_does_not_answer_ends_the_part_and_loses_nothing(self, wired: Wired) -> None:
        tasks = due_in_one_shard(wired, 3)
        wired.refuse("runs.write", after=1)
        with pytest.raises(StoreUnavailableError):
            release(wired)
        release(wired)
        assert wired.queue.messages == [message_of(task) for task in tasks]

"""The sweeper visits each task once, a few minutes after its acceptance, and leaves none that nobody would find."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.tasks import POLICY, a_manifest, a_route
from tests.unit.services.wired import RETRYABLE, TENANT, Wired, a_budget, message_of
from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.domain.identity import SHARDS, shard_of
from workerflow.domain.run import LetterClass, RunState
from workerflow.domain.task import Acceptance
from workerflow.domain.transitions import LEASE_MARGIN_S, RESEND_BASE_S
from workerflow.ports.stores import Cursor
from workerflow.services.resend import TickBudget
from workerflow.services.sweep import GRACE_S, PAGE


def sweep(wired: Wired, budget: TickBudget | None = None) -> TickBudget:
    budget = budget or a_budget(wired)
    wired.sweep([TENANT], budget)
    return budget


def later(wired: Wired, seconds: float = GRACE_S + 1) -> None:
    wired.clock.advance(seconds)


def in_one_shard(wired: Wired, count: int, shard: int = 0) -> list[Acceptance]:
    """Tasks of one shard, a millisecond apart, in order of acceptance."""
    taken: list[Acceptance] = []
    number = 0
    while len(taken) < count:
        task = wired.take(f"key-{number}")
        number += 1
        if shard_of(task.trace_id) == shard:
            taken.append(task)
            wired.clock.ms += 1
        else:
            del wired.memory.acceptances[task.tenant, task.key_hash]
    return taken


class TestWhatNeverStarted:
    def test_it_gets_a_due_time_and_then_its_message_once_more(self, wired: Wired) -> None:
        task = wired.take()
        later(wired)
        sweep(wired)
        assert wired.queue.messages == [message_of(task)]
        assert wired.order_of("runs.write", "queue.send_many") == ["runs.write", "queue.send_many"]
        row = wired.row(task)
        assert (row.state, row.resends) == (RunState.QUEUED, 1)
        assert row.due_at_ms == wired.clock.ms + RESEND_BASE_S * 1000

    def test_what_was_collected_is_sent_though_the_next_one_failed(self, wired: Wired) -> None:
        first, second = in_one_shard(wired, 2)
        later(wired)
        wired.refuse("runs.write", after=1)
        with pytest.raises(StoreUnavailableError):
            sweep(wired)
        assert wired.queue.messages == [message_of(first)]
        sweep(wired)
        assert wired.queue.messages == [message_of(first), message_of(second)]

    def test_not_before_the_grace_is_over(self, wired: Wired) -> None:
        wired.take()
        later(wired, GRACE_S)
        sweep(wired)
        assert wired.queue.messages == []
        later(wired, 0.001)
        sweep(wired)
        assert len(wired.queue.messages) == 1

    def test_the_next_tick_does_not_visit_it_again(self, wired: Wired) -> None:
        wired.take()
        later(wired)
        sweep(wired)
        later(wired, 60)
        sweep(wired)
        assert len(wired.queue.messages) == 1
        assert wired.order_of("runs.write") == ["runs.write"]

    def test_a_message_that_is_refused_leaves_a_due_time_behind(self, wired: Wired) -> None:
        task = wired.take()
        later(wired)
        wired.queue.refusals = 1
        sweep(wired)
        assert (wired.queue.messages, wired.signals.counts["SendFailed"]) == ([], 1)
        assert wired.row(task).due_at_ms is not None

    def test_so_does_a_queue_that_does_not_answer_and_the_cursor_moves_on(self, wired: Wired) -> None:
        task = wired.take()
        later(wired)
        wired.refuse("queue.send_many")
        sweep(wired)
        assert wired.row(task).due_at_ms is not None
        assert wired.memory.cursors[TENANT, shard_of(task.trace_id)].position == task.trace_id

    def test_one_whose_deadline_has_passed_is_closed_with_its_letter(self, wired: Wired) -> None:
        task = wired.take()
        wired.clock.ms = task.deadline_ms
        sweep(wired)
        letter = wired.letter(task)
        assert letter is not None
        assert (letter.letter_class, letter.payload) == (LetterClass.EXPIRED, task.payload)
        assert wired.queue.messages == []

    def test_a_removed_routes_task_is_sent_for_workflow_to_close_it_as_disabled(self) -> None:
        wired = Wired(manifest=a_manifest(a_route("other")))
        task = wired.take()
        later(wired)
        sweep(wired)
        assert wired.queue.messages == [message_of(task)]
        assert wired.run_once(task).letter_class is LetterClass.DISABLED

    def test_a_sync_task_whose_caller_went_is_abandoned_never_executed(self, wired: Wired) -> None:
        task = wired.take(mode="sync", source="route:ask")
        later(wired)
        sweep(wired)
        assert wired.row(task).state is RunState.ABANDONED
        assert (wired.queue.messages, wired.memory.letters) == ([], {})


class TestWhatStarted:
    def test_what_has_ended_is_passed_at_the_price_of_a_read(self, wired: Wired) -> None:
        wired.run_once(wired.take())
        later(wired)
        wired.memory.calls.clear()
        sweep(wired)
        assert wired.order_of("runs.get_many", "runs.write", "queue.send_many") == ["runs.get_many"]

    def test_what_is_found_by_its_due_time_is_passed(self, wired: Wired) -> None:
        task = wired.take()
        wired.handler_returns(RETRYABLE)
        wired.run_once(task)
        row = wired.row(task)
        later(wired)
        sweep(wired)
        assert wired.row(task) == row

    def test_a_live_first_attempt_gets_a_due_time_after_its_lease_and_no_message(self, wired: Wired) -> None:
        task = wired.take()
        later(wired)
        lease_ms = wired.running(task).lease_until_ms or 0
        sweep(wired)
        assert wired.row(task).due_at_ms == lease_ms + LEASE_MARGIN_S * 1000
        assert wired.row(task).state is RunState.RUNNING
        assert wired.queue.messages == []

    def test_a_first_attempt_that_died_unseen_is_sent_again(self, wired: Wired) -> None:
        task = wired.take()
        wired.running(task)
        later(wired)
        sweep(wired)
        assert wired.queue.messages == [message_of(task)]
        assert wired.run_once(task).status.value == "succeeded"
        assert wired.row(task).attempt == 2

    def test_a_last_attempt_that_died_unseen_is_closed_as_a_crash(self, wired: Wired) -> None:
        task = wired.take()
        wired.running(task, attempt=POLICY.max_attempts)
        later(wired)
        sweep(wired)
        assert wired.row(task).letter_class is LetterClass.CRASH

    def test_a_success_that_comes_between_the_read_and_the_write_stands(self, wired: Wired) -> None:
        task = wired.take()
        row = wired.running(task)
        later(wired)
        done = replace(row, version=2, nonce="done", state=RunState.SUCCEEDED)
        wired.meanwhile("runs.write", lambda: wired.keep(done))
        sweep(wired)
        assert (wired.row(task), wired.queue.messages) == (done, [])


class TestCursor:
    def test_it_moves_after_the_work(self, wired: Wired) -> None:
        task = wired.take()
        later(wired)
        sweep(wired)
        work = ["runs.write", "queue.send_many", "cursors.move_cursor"]
        assert wired.order_of(*work) == work
        cursor = wired.memory.cursors[TENANT, shard_of(task.trace_id)]
        assert (cursor.position, cursor.version) == (task.trace_id, 1)

    def test_it_stays_where_the_work_was_not_done(self, wired: Wired) -> None:
        wired.take()
        later(wired)
        wired.refuse("runs.write")
        with pytest.raises(StoreUnavailableError):
            sweep(wired)
        assert wired.memory.cursors == {}
        sweep(wired)
        assert len(wired.queue.messages) == 1

    def test_all_shards_of_all_tenants_are_swept(self, wired: Wired) -> None:
        tasks = [wired.take(f"key-{number}", tenant=tenant) for number in range(20) for tenant in (TENANT, "acme")]
        assert {shard_of(task.trace_id) for task in tasks} == set(range(SHARDS))
        later(wired)
        wired.sweep([TENANT, "acme"], a_budget(wired))
        assert {message.trace_id for message in wired.queue.messages} == {task.trace_id for task in tasks}

    def test_page_after_page_is_swept_in_order(self, wired: Wired) -> None:
        tasks = in_one_shard(wired, PAGE + 1)
        later(wired)
        sweep(wired)
        assert wired.queue.messages == [message_of(task) for task in tasks]
        assert wired.memory.cursors[TENANT, 0].position == tasks[-1].trace_id
        assert wired.memory.cursors[TENANT, 0].version == 2

    def test_two_ticks_at_once_do_no_harm(self, wired: Wired) -> None:
        task = wired.take()
        later(wired)
        wired.meanwhile("cursors.move_cursor", lambda: sweep(wired))
        sweep(wired)
        assert wired.queue.messages == [message_of(task)]
        assert wired.row(task).version == 1
        assert wired.memory.cursors[TENANT, shard_of(task.trace_id)].version == 1

    def test_a_tick_that_was_overtaken_leaves_the_shard_to_the_other(self, wired: Wired) -> None:
        tasks = in_one_shard(wired, PAGE + 1)
        others = Cursor(TENANT, 0, tasks[49].trace_id, 1, "another tick")
        later(wired)
        wired.meanwhile("cursors.move_cursor", lambda: wired.world.cursors.move_cursor(others))
        sweep(wired)
        assert len(wired.queue.messages) == PAGE
        assert wired.memory.cursors[TENANT, 0] == others


class TestBounds:
    def test_no_more_messages_than_the_budget_and_the_rest_next_time(self, wired: Wired) -> None:
        tasks = in_one_shard(wired, 25)
        later(wired)
        budget = sweep(wired, a_budget(wired, resends=12))
        assert (len(wired.queue.messages), budget.resends_left) == (12, 0)
        assert wired.memory.cursors[TENANT, 0].position == tasks[11].trace_id
        sweep(wired)
        assert wired.queue.messages == [message_of(task) for task in tasks]

    def test_messages_go_in_tens(self, wired: Wired) -> None:
        in_one_shard(wired, 25)
        later(wired)
        sweep(wired)
        assert wired.order_of("queue.send_many") == ["queue.send_many"] * 3
        assert wired.signals.counts["Resent"] == 25

    @pytest.mark.parametrize("budget", [{"resends": 0}, {"seconds": 0.0}])
    def test_with_nothing_to_spend_nothing_is_begun(self, wired: Wired, budget: dict[str, int]) -> None:
        wired.take()
        later(wired)
        wired.sweep([TENANT], a_budget(wired, **budget))
        assert wired.order_of("acceptances.list_accepted", "cursors.move_cursor") == []

    def test_what_has_ended_costs_nothing_of_the_budget(self, wired: Wired) -> None:
        for task in in_one_shard(wired, 5):
            wired.run_once(task)
        later(wired)
        assert sweep(wired).resends_left == 1_000

    def test_an_idle_tick_reads_one_cursor_and_one_page_a_shard(self, wired: Wired) -> None:
        sweep(wired)
        assert sorted(wired.memory.calls) == sorted(["cursors.get_cursor", "acceptances.list_accepted"] * SHARDS)


class TestPoison:
    def test_a_row_that_no_code_of_ours_wrote_is_counted_and_does_not_stop_the_others(self, wired: Wired) -> None:
        first, poisoned, last = in_one_shard(wired, 3)
        wired.runs.poison.add(poisoned.trace_id)
        later(wired)
        sweep(wired)
        assert wired.queue.messages == [message_of(first), message_of(last)]
        assert wired.signals.counts["UnreadableRow"] == 1
        assert wired.memory.cursors[TENANT, 0].position == last.trace_id

    @pytest.mark.parametrize("number", [0, 1, 2])
    def test_a_task_whose_entry_cannot_be_read_does_not_either(self, wired: Wired, number: int) -> None:
        tasks = in_one_shard(wired, 3)
        wired.memory.spoilt.add(("acceptances", TENANT, tasks[number].key_hash))
        later(wired)
        sweep(wired)
        assert wired.queue.messages == [message_of(task) for at, task in enumerate(tasks) if at != number]
        assert wired.signals.counts["UnreadableRow"] == 1
        assert wired.memory.cursors[TENANT, 0].position == tasks[-1].trace_id

    def test_which_ones_were_passed_stands_in_the_log_and_each_is_told_once(self, wired: Wired) -> None:
        tasks = in_one_shard(wired, 5)
        spoilt = tasks[1], tasks[3]
        wired.memory.spoilt |= {("acceptances", TENANT, task.key_hash) for task in spoilt}
        wired.runs.poison.add(tasks[4].trace_id)
        later(wired)
        for _ in tasks:
            sweep(wired, a_budget(wired, resends=1))
        assert wired.signals.counts["UnreadableRow"] == 3
        told = [f"{message} {error}" for message, error in wired.signals.told]
        assert [sum(task.trace_id in text for text in told) for task in tasks] == [0, 1, 0, 1, 1]

    def test_nor_does_a_page_of_them(self, wired: Wired) -> None:
        *spoilt, last = in_one_shard(wired, PAGE + 1)
        wired.memory.spoilt |= {("acceptances", TENANT, task.key_hash) for task in spoilt}
        later(wired)
        sweep(wired)
        assert wired.queue.messages == [message_of(last)]
        assert wired.signals.counts["UnreadableRow"] == PAGE

    def test_one_whose_letter_cannot_be_written_does_not_stop_them_either(self, wired: Wired) -> None:
        tasks = in_one_shard(wired, 3)
        wired.clock.ms = tasks[-1].deadline_ms
        wired.refuse("acceptances.get", after=1, error=IntegrityError)
        sweep(wired)
        assert [wired.letter(task) is not None for task in tasks] == [True, False, True]
        assert wired.signals.counts["UnreadableRow"] == 1

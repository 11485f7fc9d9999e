"""The queue gave up on a message: its task is parked or closed, never lost; bytes that are no task are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.tasks import POLICY
from tests.unit.services.wired import RETRYABLE, TENANT, Wired, a_budget, message_of
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.run import LetterClass, RunState
from workerflow.domain.task import Acceptance
from workerflow.domain.transitions import RESEND_BASE_S
from workerflow.services.drain_dead_messages import BODY_KEPT


def bury(wired: Wired, task: Acceptance) -> None:
    wired.world.dead_messages.add(message_of(task).to_text())


def drain(wired: Wired, resends: int = 1_000) -> None:
    wired.drain(a_budget(wired, resends=resends))


class TestTasks:
    def test_a_task_that_never_began_is_parked_before_its_message_goes(self, wired: Wired) -> None:
        task = wired.take()
        bury(wired, task)
        drain(wired)
        assert wired.order_of("runs.write", "dead_messages.delete") == ["runs.write", "dead_messages.delete"]
        row = wired.row(task)
        assert (row.state, row.due_at_ms) == (RunState.PARKED, wired.clock.ms + RESEND_BASE_S * 1000)
        assert wired.world.dead_messages.bodies == []
        assert wired.signals.counts["Drained"] == 1

    def test_what_has_ended_needs_no_message(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        row = wired.row(task)
        bury(wired, task)
        drain(wired)
        assert (wired.row(task), wired.world.dead_messages.bodies) == (row, [])

    def test_a_live_leases_message_stays(self, wired: Wired) -> None:
        task = wired.take()
        row = wired.running(task)
        bury(wired, task)
        drain(wired)
        assert (wired.row(task), len(wired.world.dead_messages.bodies)) == (row, 1)

    def test_a_task_with_a_due_time_is_found_by_that(self, wired: Wired) -> None:
        task = wired.take()
        wired.handler_returns(RETRYABLE)
        wired.run_once(task)
        row = wired.row(task)
        bury(wired, task)
        drain(wired)
        assert (wired.row(task), wired.world.dead_messages.bodies) == (row, [])

    def test_an_attempt_that_died_unseen_is_told_and_the_task_parked(self, wired: Wired) -> None:
        task = wired.take()
        row = wired.running(task)
        wired.clock.ms = (row.lease_until_ms or 0) + 1
        bury(wired, task)
        drain(wired)
        assert (wired.row(task).state, len(wired.row(task).history)) == (RunState.PARKED, 1)

    @pytest.mark.parametrize("over", ["attempts", "time"])
    def test_a_task_with_nothing_left_is_the_platforms_letter(self, wired: Wired, over: str) -> None:
        task = wired.take()
        if over == "time":
            wired.clock.ms = task.deadline_ms
        else:
            wired.keep(replace(wired.queued(task), attempt=POLICY.max_attempts, due_at_ms=None))
        bury(wired, task)
        drain(wired)
        letter = wired.letter(task)
        assert letter is not None
        assert (letter.letter_class, letter.payload) == (LetterClass.PLATFORM, task.payload)
        assert wired.world.dead_messages.bodies == []


class TestNoTasks:
    def test_bytes_that_are_no_task_become_an_audit_event(self, wired: Wired) -> None:
        wired.world.dead_messages.add("<xml/>" + "x" * 1_000)
        drain(wired)
        [event] = wired.memory.audit.values()
        assert (event.tenant, event.actor, event.action) == (TENANT, "scheduler", "message.rejected")
        assert event.target == ("<xml/>" + "x" * 1_000)[:BODY_KEPT]
        assert wired.order_of("audit.append", "dead_messages.delete") == ["audit.append", "dead_messages.delete"]

    def test_so_does_a_task_of_which_nothing_is_known(self, wired: Wired) -> None:
        task = wired.take(tenant="acme")
        wired.memory.acceptances.clear()
        bury(wired, task)
        drain(wired)
        [event] = wired.memory.audit.values()
        assert (event.tenant, event.action, event.target) == ("acme", "message.unknown", task.trace_id)
        assert wired.world.dead_messages.bodies == []

    def test_an_event_that_cannot_be_written_leaves_the_message(self, wired: Wired) -> None:
        wired.world.dead_messages.add("no task")
        wired.refuse("audit.append")
        with pytest.raises(StoreUnavailableError):
            drain(wired)
        assert len(wired.world.dead_messages.bodies) == 1


class TestBounds:
    def test_all_messages_in_tens_until_there_are_none(self, wired: Wired) -> None:
        for number in range(25):
            bury(wired, wired.take(f"key-{number}"))
        drain(wired)
        assert wired.world.dead_messages.bodies == []
        assert wired.order_of("dead_messages.receive") == ["dead_messages.receive"] * 4

    def test_no_more_than_the_budget(self, wired: Wired) -> None:
        for number in range(25):
            bury(wired, wired.take(f"key-{number}"))
        drain(wired, resends=15)
        assert len(wired.world.dead_messages.bodies) == 5, "the batch at hand is finished"

    def test_an_empty_queue_costs_one_call(self, wired: Wired) -> None:
        drain(wired)
        assert wired.memory.calls == ["dead_messages.receive"]


class TestFaults:
    def test_what_could_not_be_parked_stays_for_the_next_tick(self, wired: Wired) -> None:
        task = wired.take()
        bury(wired, task)
        wired.refuse("runs.write")
        with pytest.raises(StoreUnavailableError):
            drain(wired)
        wired.world.dead_messages.reappear()
        drain(wired)
        assert wired.row(task).state is RunState.PARKED
        assert wired.world.dead_messages.bodies == []

    def test_a_message_that_could_not_be_deleted_does_no_harm_when_it_comes_again(self, wired: Wired) -> None:
        task = wired.take()
        bury(wired, task)
        wired.refuse("dead_messages.delete")
        with pytest.raises(StoreUnavailableError):
            drain(wired)
        row = wired.row(task)
        wired.world.dead_messages.reappear()
        drain(wired)
        assert (wired.row(task), wired.world.dead_messages.bodies) == (row, [])

    def test_a_row_that_no_code_of_ours_wrote_keeps_its_message_and_does_not_stop_the_others(
        self, wired: Wired
    ) -> None:
        first, poisoned, last = (wired.take(f"key-{number}") for number in range(3))
        for task in (first, poisoned, last):
            bury(wired, task)
        wired.runs.poison.add(poisoned.trace_id)
        drain(wired)
        assert wired.world.dead_messages.bodies == [message_of(poisoned).to_text()]
        assert {wired.row(task).state for task in (first, last)} == {RunState.PARKED}
        assert (wired.signals.counts["Drained"], wired.signals.counts["UnreadableRow"]) == (2, 1)

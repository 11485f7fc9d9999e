"""One invocation of `workflow` that does not end well, or does not begin: failures, faults, switches, replays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.tasks import POLICY, a_route
from tests.unit.services.wired import BIG_BODY, PERMANENT, RETRYABLE, TENANT, Wired
from workerflow.domain.dead_letter import LetterState
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import LetterClass, RunState
from workerflow.domain.stored import StoredBytes
from workerflow.domain.task import Acceptance
from workerflow.domain.transitions import VISIBILITY_WAIT_LIMIT_S
from workerflow.services.replay_task import Replayed, ReplayOrder


class TestFailure:
    def test_what_the_attempt_left_behind_is_kept_before_the_row_tells_of_it(self, wired: Wired) -> None:
        task = wired.take()
        wired.handler_returns(RETRYABLE)
        wired.run_once(task)
        assert wired.order_of("runs.write", "runs.put_attempt") == ["runs.write", "runs.put_attempt", "runs.write"]
        record = wired.memory.attempts[TENANT, task.trace_id, 1]
        assert (record.failure, record.output) == (RETRYABLE, None)

    def test_a_retryable_failure_waits_under_the_routes_policy(self, wired: Wired) -> None:
        task = wired.take()
        wired.handler_returns(RETRYABLE)
        execution = wired.run_once(task)
        delay = POLICY.delay_seconds(1, jitter=wired.ids.jitter())
        assert execution == Execution(
            ExecutionStatus.WAITING, delay_seconds=delay, error="ConnectionError: no route to host"
        )
        assert wired.row(task).not_before_ms == wired.clock.ms + round(delay * 1000)

    def test_a_long_wait_is_parked(self, wired: Wired) -> None:
        task = wired.take()
        wired.handler_returns(replace(RETRYABLE, retry_after_seconds=VISIBILITY_WAIT_LIMIT_S + 1.0))
        assert wired.run_once(task).status is ExecutionStatus.PARKED
        assert wired.letter(task) is None

    def test_a_permanent_failure_is_dead_lettered_at_once_in_the_same_write(self, wired: Wired) -> None:
        task = wired.take()
        wired.handler_returns(PERMANENT)
        wired.memory.calls.clear()
        execution = wired.run_once(task)
        assert (execution.status, execution.letter_class) == (ExecutionStatus.FAILED, LetterClass.HANDLER_ERROR)
        letter = wired.letter(task)
        assert letter is not None
        assert (letter.payload, letter.attempts, letter.message) == (task.payload, 1, "no such customer")
        assert wired.order_of("runs.write") == ["runs.write"] * 2

    def test_the_letter_needs_no_second_read_of_the_acceptance(self, wired: Wired) -> None:
        wired.handler_returns(PERMANENT)
        wired.run_once(wired.take())
        assert wired.order_of("acceptances.get") == ["acceptances.get"]

    def test_one_letter_for_a_run_however_often_it_failed(self, wired: Wired) -> None:
        task = wired.take()
        wired.handler_returns(RETRYABLE)
        for attempt in range(1, POLICY.max_attempts + 1):
            assert wired.letter(task) is None
            assert wired.run_once(task).status is (
                ExecutionStatus.FAILED if attempt == POLICY.max_attempts else ExecutionStatus.WAITING
            )
            wired.clock.advance(60)
        letter = wired.letter(task)
        assert letter is not None
        assert (letter.letter_class, letter.attempts) == (LetterClass.EXHAUSTED, POLICY.max_attempts)
        assert len(wired.memory.letters) == 1

    def test_a_refused_letter_leaves_no_failed_row_either(self, wired: Wired) -> None:
        task = wired.take()
        wired.handler_returns(PERMANENT)
        wired.refuse("runs.write", after=1)
        with pytest.raises(StoreUnavailableError):
            wired.run_once(task)
        assert wired.row(task).state is RunState.RUNNING
        assert wired.letter(task) is None

    def test_a_failure_before_the_deadline_that_cannot_be_retried_before_it_is_the_last(self, wired: Wired) -> None:
        task = wired.take(deadline_ms=wired.clock.ms + 5_000)
        wired.handler_returns(replace(RETRYABLE, retry_after_seconds=10.0))
        execution = wired.run_once(task)
        assert (execution.status, execution.letter_class) == (ExecutionStatus.FAILED, LetterClass.EXHAUSTED)


class TestBeforeTheClaim:
    @pytest.mark.parametrize("call", ["acceptances.get", "switches.list_switches", "runs.write"])
    def test_a_failing_call_is_no_attempt(self, wired: Wired, call: str) -> None:
        wired.refuse(call)
        with pytest.raises(StoreUnavailableError):
            wired.run_once(wired.take())
        assert wired.memory.runs == {}
        assert wired.world.runner.calls == []

    def test_a_payload_that_cannot_be_read_now_is_no_attempt(self, wired: Wired) -> None:
        wired.world.blobs.put("somewhere", BIG_BODY)
        wired.refuse("blobs.get")
        with pytest.raises(StoreUnavailableError):
            wired.run_once(wired.take(payload=StoredBytes.pointed(BIG_BODY, "somewhere")))
        assert wired.memory.runs == {}

    def test_a_payload_that_is_gone_for_good_is_the_platforms_letter(self, wired: Wired) -> None:
        task = wired.take(payload=StoredBytes.pointed(BIG_BODY, "nowhere"))
        execution = wired.run_once(task)
        assert (execution.status, execution.letter_class) == (ExecutionStatus.FAILED, LetterClass.PLATFORM)
        assert (wired.row(task).attempt, wired.world.runner.calls) == (0, [])

    def test_a_payload_that_is_gone_takes_nothing_from_a_running_attempt(self, wired: Wired) -> None:
        task = wired.take(payload=StoredBytes.pointed(BIG_BODY, "nowhere"))
        running = wired.running(task)
        assert wired.run_once(task).status is ExecutionStatus.BUSY
        assert wired.row(task) == running


class TestEnablement:
    def test_a_disabled_route_dead_letters_what_waits(self, wired: Wired) -> None:
        task = wired.take()
        wired.switch(Enablement.DISABLED)
        execution = wired.run_once(task)
        assert (execution.status, execution.letter_class) == (ExecutionStatus.FAILED, LetterClass.DISABLED)
        letter = wired.letter(task)
        assert letter is not None
        assert letter.payload == task.payload
        assert wired.world.runner.calls == []

    def test_so_does_a_route_that_was_removed_or_switched_off_in_the_manifest(self, wired: Wired) -> None:
        removed = wired.take(source="route:gone")
        assert wired.run_once(removed).letter_class is LetterClass.DISABLED
        off = Wired(manifest=wired.manifest.build([a_route(enabled=False, disabled_reason="moved")]))
        assert off.run_once(off.take()).letter_class is LetterClass.DISABLED

    def test_disabling_leaves_what_runs_and_what_has_ended(self, wired: Wired) -> None:
        done, running = wired.take("done"), wired.take("running")
        wired.run_once(done)
        wired.running(running)
        wired.switch(Enablement.DISABLED)
        assert wired.run_once(done) == Execution(ExecutionStatus.SUCCEEDED, stored=True)
        assert wired.run_once(running).status is ExecutionStatus.BUSY
        assert wired.memory.letters == {}

    def test_a_paused_route_parks_what_waits_until_its_resume(self, wired: Wired) -> None:
        task = wired.take()
        wired.switch(Enablement.PAUSED)
        assert wired.run_once(task) == Execution(ExecutionStatus.PARKED)
        row = wired.row(task)
        assert (row.state, row.paused, row.due_at_ms) == (RunState.PARKED, True, task.deadline_ms)
        assert wired.world.runner.calls == []

    def test_a_caller_of_a_paused_route_is_refused_and_nothing_is_recorded(self, wired: Wired) -> None:
        task = wired.take(mode="sync", source="route:ask")
        wired.switch(Enablement.PAUSED, "route:ask")
        assert wired.run_once(task, for_caller=True) == Execution(ExecutionStatus.REFUSED)
        assert wired.memory.runs == {}

    def test_a_paused_route_still_tells_that_a_task_has_ended(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        wired.switch(Enablement.PAUSED)
        assert wired.run_once(task) == Execution(ExecutionStatus.SUCCEEDED, stored=True)


class TestReplays:
    def test_a_childs_success_resolves_its_parents_letter_in_the_same_write(self, wired: Wired) -> None:
        parent, child = replayed(wired)
        letter = wired.letter(parent)
        assert letter is not None
        assert letter.state is LetterState.REPLAYED
        wired.memory.calls.clear()
        wired.run_once(child)
        letter = wired.letter(parent)
        assert letter is not None
        assert letter.state is LetterState.RESOLVED
        assert wired.order_of("runs.write") == ["runs.write"] * 2

    def test_a_childs_failure_leaves_its_parents_letter_and_has_its_own(self, wired: Wired) -> None:
        parent, child = replayed(wired)
        wired.handler_returns(PERMANENT)
        wired.run_once(child)
        letters = {letter.trace_id: letter.state for letter in wired.memory.letters.values()}
        assert letters == {parent.trace_id: LetterState.REPLAYED, child.trace_id: LetterState.OPEN}
        own = wired.letter(child)
        assert own is not None
        assert (own.root, own.generation) == (parent.trace_id, 1)

    def test_a_parents_letter_that_is_gone_does_not_hold_the_success_back(self, wired: Wired) -> None:
        _, child = replayed(wired)
        wired.memory.letters.clear()
        assert wired.run_once(child).status is ExecutionStatus.SUCCEEDED


def replayed(wired: Wired) -> tuple[Acceptance, Acceptance]:
    """A failed task and its child."""
    parent = wired.take()
    wired.handler_returns(PERMANENT)
    wired.run_once(parent)
    outcome = wired.replay(ReplayOrder(TENANT, parent.trace_id, "ops", "mended"))
    assert isinstance(outcome, Replayed)
    wired.world.runner.handler = lambda call: HandlerOutput("document", call.body)
    return parent, wired.memory.acceptances[TENANT, outcome.child[12:]]

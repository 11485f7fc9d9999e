"""A caller waits: what it is answered, and when its task goes on behind the queue."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.surroundings import InvokeCall
from tests.unit.services.wired import PERMANENT, RETRYABLE, Wired, message_of
from workerflow.domain.errors import InvocationFailedError, StoreUnavailableError
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import LetterClass, Run, RunState
from workerflow.domain.task import Acceptance
from workerflow.domain.transitions import LEASE_MARGIN_S, RESEND_BASE_S
from workerflow.ports.world import Died, Invocation, NoAnswer, Reached
from workerflow.services.answer_sync import (
    UNREACHED_RETRY_S,
    Ended,
    Failed,
    Finished,
    HandedOver,
    InFlight,
    Paused,
    SyncAnswer,
    TimedOut,
    TryAgain,
)

WAIT_SECONDS = 27.5


def ask(wired: Wired) -> Acceptance:
    return wired.take(mode="sync", source="route:ask")


def answer(wired: Wired, invocation: Invocation, task: Acceptance | None = None) -> SyncAnswer:
    wired.world.invoker.answer = lambda _call: invocation
    return wired.answer_sync(task or ask(wired), wait_seconds=WAIT_SECONDS)


class TestInTime:
    @pytest.mark.parametrize(
        ("execution", "expected"),
        [
            (Execution(ExecutionStatus.SUCCEEDED, output=b"{}"), Finished(b"{}", stored=False)),
            (Execution(ExecutionStatus.SUCCEEDED, output=b"{}", stored=True), Finished(b"{}", stored=True)),
            (
                Execution(ExecutionStatus.FAILED, letter_class=LetterClass.EXHAUSTED, error="E: m", stored=True),
                Failed(LetterClass.EXHAUSTED, "E: m", stored=True),
            ),
            (Execution(ExecutionStatus.WAITING, delay_seconds=3.5, error="E: m"), TryAgain(3.5, "E: m")),
            (Execution(ExecutionStatus.BUSY, delay_seconds=12.0), InFlight(12.0)),
            (Execution(ExecutionStatus.PARKED), HandedOver()),
            (Execution(ExecutionStatus.REFUSED), Paused()),
            (Execution(ExecutionStatus.ENDED, error="abandoned"), Ended("abandoned")),
        ],
    )
    def test_every_answer_of_workflow_has_its_answer_to_the_caller(
        self, wired: Wired, execution: Execution, expected: SyncAnswer
    ) -> None:
        assert answer(wired, Reached(execution)) == expected
        assert wired.queue.messages == []

    def test_a_task_that_was_just_accepted_and_is_not_there_is_unknown(self, wired: Wired) -> None:
        with pytest.raises(StoreUnavailableError):
            answer(wired, Reached(Execution(ExecutionStatus.UNKNOWN)))

    @pytest.mark.parametrize("status", list(ExecutionStatus))
    def test_no_status_is_forgotten(self, wired: Wired, status: ExecutionStatus) -> None:
        try:
            answer(wired, Reached(Execution(status)))
        except StoreUnavailableError:
            assert status is ExecutionStatus.UNKNOWN

    def test_it_invokes_once_for_the_caller_and_waits_as_long_as_it_may(self, wired: Wired) -> None:
        task = ask(wired)
        answer(wired, Reached(Execution(ExecutionStatus.BUSY)), task)
        [call] = wired.world.invoker.calls
        assert call == InvokeCall(message_of(task), call.owner, for_caller=True, wait_seconds=WAIT_SECONDS)

    def test_an_execution_that_could_not_be_started_is_no_attempt(self, wired: Wired) -> None:
        def throttle(_call: InvokeCall) -> Invocation:
            raise InvocationFailedError("TooManyRequestsException")

        wired.world.invoker.answer = throttle
        outcome = wired.answer_sync(ask(wired), wait_seconds=WAIT_SECONDS)
        assert outcome == TryAgain(UNREACHED_RETRY_S, "the execution could not be started")
        assert wired.memory.runs == {}


class TestRepeatedCalls:
    def test_after_a_success_the_stored_answer_comes_and_nothing_runs(self, wired: Wired) -> None:
        wired.invoke_in_process()
        task = ask(wired)
        first = wired.answer_sync(task, wait_seconds=WAIT_SECONDS)
        assert isinstance(first, Finished)
        assert wired.answer_sync(task, wait_seconds=WAIT_SECONDS) == replace(first, stored=True)
        assert len(wired.world.runner.calls) == 1

    def test_after_a_retryable_failure_the_next_call_runs_at_once(self, wired: Wired) -> None:
        wired.invoke_in_process()
        task = ask(wired)
        wired.handler_returns(replace(RETRYABLE, retry_after_seconds=100.0))
        assert wired.answer_sync(task, wait_seconds=WAIT_SECONDS) == TryAgain(
            100.0, "ConnectionError: no route to host"
        )
        wired.handler_returns(HandlerOutput("document", b'{"ok":true}'))
        second = wired.answer_sync(task, wait_seconds=WAIT_SECONDS)
        assert isinstance(second, Finished)
        assert HandlerOutput.decode(second.output).body == b'{"ok":true}'
        assert wired.row(task).attempt == 2

    def test_after_a_permanent_failure_nothing_runs_again(self, wired: Wired) -> None:
        wired.invoke_in_process()
        task = ask(wired)
        wired.handler_returns(PERMANENT)
        first = wired.answer_sync(task, wait_seconds=WAIT_SECONDS)
        assert first == Failed(LetterClass.HANDLER_ERROR, "PermanentError: no such customer", stored=False)
        assert wired.answer_sync(task, wait_seconds=WAIT_SECONDS) == replace(first, stored=True)
        assert len(wired.world.runner.calls) == 1

    def test_while_another_call_is_executed_the_second_is_in_flight(self, wired: Wired) -> None:
        wired.invoke_in_process()
        task = ask(wired)
        wired.running(task)
        assert wired.answer_sync(task, wait_seconds=WAIT_SECONDS) == InFlight(285.0)


class TestDied:
    def test_the_attempts_death_is_recorded_and_the_caller_asked_to_come_back(self, wired: Wired) -> None:
        task = ask(wired)

        def die(call: InvokeCall) -> Invocation:
            wired.running(task, owner=call.owner)
            return Died("Runtime.ExitError")

        wired.world.invoker.answer = die
        outcome = wired.answer_sync(task, wait_seconds=WAIT_SECONDS)
        assert isinstance(outcome, TryAgain)
        assert wired.row(task).state is RunState.WAITING

    def test_a_worker_that_died_after_its_success_was_recorded_has_answered(self, wired: Wired) -> None:
        task = ask(wired)

        def die_late(call: InvokeCall) -> Invocation:
            wired.run_once(task, owner=call.owner, for_caller=True)
            return Died("Runtime.ExitError")

        wired.world.invoker.answer = die_late
        outcome = wired.answer_sync(task, wait_seconds=WAIT_SECONDS)
        assert isinstance(outcome, Finished)
        assert HandlerOutput.decode(outcome.output).body == b'{"n":1}'

    def test_a_death_before_the_claim_leaves_nothing(self, wired: Wired) -> None:
        told = answer(wired, Died("Runtime.ExitError"))
        assert told == TryAgain(10.0, "ProcessDied: the process ended before an attempt began")
        assert wired.memory.runs == {}

    def test_a_death_that_cannot_be_recorded_is_unknown_to_the_caller(self, wired: Wired) -> None:
        wired.refuse("runs.get")
        with pytest.raises(StoreUnavailableError):
            answer(wired, Died("Runtime.ExitError"))


class TestHandOver:
    def test_the_mark_stands_before_the_message_is_sent(self, wired: Wired) -> None:
        task = ask(wired)
        assert answer(wired, NoAnswer(), task) == HandedOver()
        assert wired.order_of("runs.write", "queue.send") == ["runs.write", "queue.send"]
        assert wired.queue.messages == [message_of(task)]

    def test_a_task_that_has_not_begun_gets_a_row_that_the_tick_finds(self, wired: Wired) -> None:
        task = ask(wired)
        answer(wired, NoAnswer(), task)
        row = wired.row(task)
        assert (row.state, row.handed_over, row.attempt) == (RunState.QUEUED, True, 0)
        assert row.due_at_ms == wired.clock.ms + RESEND_BASE_S * 1000

    def test_a_running_attempt_goes_on_and_is_looked_at_after_its_lease(self, wired: Wired) -> None:
        task = ask(wired)
        running = wired.running(task)
        assert answer(wired, NoAnswer(), task) == HandedOver()
        row = wired.row(task)
        assert (row.state, row.claim, row.lease_until_ms) == (RunState.RUNNING, running.claim, running.lease_until_ms)
        assert row.due_at_ms == (running.lease_until_ms or 0) + LEASE_MARGIN_S * 1000

    def test_a_waiting_task_whose_caller_came_back_does_not_wait_any_more(self, wired: Wired) -> None:
        task = ask(wired)
        wired.handler_returns(replace(RETRYABLE, retry_after_seconds=100.0))
        wired.run_once(task, for_caller=True)
        answer(wired, NoAnswer(), task)
        wired.handler_returns(HandlerOutput("document", b"{}"))
        assert wired.run_once(task) == Execution(ExecutionStatus.SUCCEEDED)

    def test_a_task_that_ended_in_that_moment_is_answered_as_it_ended(self, wired: Wired) -> None:
        task = ask(wired)
        wired.run_once(task, for_caller=True)
        outcome = answer(wired, NoAnswer(), task)
        assert isinstance(outcome, Finished)
        assert HandlerOutput.decode(outcome.output).body == b'{"n":1}'
        assert not outcome.stored
        assert wired.queue.messages == []

    def test_without_the_mark_nothing_is_sent_and_no_202_is_answered(self, wired: Wired) -> None:
        wired.refuse("runs.write")
        assert answer(wired, NoAnswer()) == TimedOut()
        assert wired.queue.messages == []

    def test_with_the_mark_and_without_the_message_it_is_no_202_either_though_the_tick_will_execute_it(
        self, wired: Wired
    ) -> None:
        task = ask(wired)
        wired.refuse("queue.send")
        assert answer(wired, NoAnswer(), task) == TimedOut()
        assert wired.row(task).handed_over
        assert wired.row(task).due_at_ms is not None

    def test_a_mark_whose_answer_was_lost_is_a_mark(self, wired: Wired) -> None:
        task = ask(wired)
        wired.runs.between_tries = lambda: None
        assert answer(wired, NoAnswer(), task) == HandedOver()
        assert wired.row(task).version == 1

    def test_a_stored_output_that_cannot_be_read_now_is_a_time_out(self, wired: Wired) -> None:
        task = ask(wired)
        wired.keep(
            Run.of_task(task).change(nonce="s", now_ms=wired.clock.ms, state=RunState.SUCCEEDED, has_output_item=True)
        )
        wired.refuse("runs.get_attempt")
        assert answer(wired, NoAnswer(), task) == TimedOut()

    def test_what_was_handed_over_is_executed_behind_the_queue(self, wired: Wired) -> None:
        task = ask(wired)
        answer(wired, NoAnswer(), task)
        assert wired.run_once(task) == Execution(ExecutionStatus.SUCCEEDED)

"""What becomes of a message, for every answer that `workflow` may give, and for none."""

from __future__ import annotations

import pytest

from tests.fakes.surroundings import InvokeCall
from tests.support.tasks import POLICY
from tests.unit.services.wired import PERMANENT, RETRYABLE, WAIT_SECONDS, Wired, message_of
from workerflow.domain.errors import IntegrityError, InvocationFailedError
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.run import AttemptResult, RunState
from workerflow.domain.transitions import VISIBILITY_WAIT_LIMIT_S
from workerflow.ports.world import Died, Invocation, NoAnswer, Reached
from workerflow.services.deliver_task import NO_ANSWER_DELAY_S, Delete, Delivery, ReturnAfter


def deliver(wired: Wired, answer: Invocation, *, receives: int = 1) -> Delivery:
    wired.world.invoker.answer = lambda _call: answer
    return wired.deliver(message_of(wired.take()), receives=receives)


class TestAnswered:
    @pytest.mark.parametrize("status", ["succeeded", "failed", "ended", "parked", "unknown"])
    def test_a_message_that_has_done_its_work_goes(self, wired: Wired, status: str) -> None:
        known = ExecutionStatus(status)
        assert deliver(wired, Reached(Execution(known))) == Delete(known)

    @pytest.mark.parametrize("status", ["waiting", "busy", "refused"])
    def test_one_whose_task_goes_on_comes_back_when_it_is_time(self, wired: Wired, status: str) -> None:
        execution = Execution(ExecutionStatus(status), delay_seconds=17.5)
        assert deliver(wired, Reached(execution)) == ReturnAfter(17.5, status)

    def test_every_status_is_known_here(self, wired: Wired) -> None:
        for status in ExecutionStatus:
            assert isinstance(deliver(wired, Reached(Execution(status))), Delete | ReturnAfter)

    def test_no_message_is_kept_in_flight_for_longer_than_two_minutes(self, wired: Wired) -> None:
        execution = Execution(ExecutionStatus.BUSY, delay_seconds=285.0)
        assert deliver(wired, Reached(execution)) == ReturnAfter(VISIBILITY_WAIT_LIMIT_S, "busy")

    def test_it_invokes_once_for_no_caller_under_a_nonce_of_its_own(self, wired: Wired) -> None:
        task = wired.take()
        for _ in range(2):
            wired.deliver(message_of(task), receives=1)
        first, second = wired.world.invoker.calls
        assert first == InvokeCall(message_of(task), first.owner, for_caller=False, wait_seconds=WAIT_SECONDS)
        assert first.owner != second.owner


class TestNotAnswered:
    def test_a_task_of_which_nothing_is_heard_is_asked_for_again_later(self, wired: Wired) -> None:
        assert deliver(wired, NoAnswer()) == ReturnAfter(NO_ANSWER_DELAY_S, "no_answer")
        assert wired.memory.runs == {}

    def test_an_invocation_that_failed_is_no_attempt(self, wired: Wired) -> None:
        def throttle(_call: InvokeCall) -> Invocation:
            raise InvocationFailedError("TooManyRequestsException")

        wired.world.invoker.answer = throttle
        delivery = wired.deliver(message_of(wired.take()), receives=1)
        assert isinstance(delivery, ReturnAfter)
        assert delivery.reason == "invocation_failed"
        assert wired.memory.runs == {}

    @pytest.mark.parametrize(
        ("receives", "ceiling"), [(1, 4.0), (2, 8.0), (5, 64.0), (6, VISIBILITY_WAIT_LIMIT_S), (99, 120.0)]
    )
    def test_returns_of_an_undeliverable_message_spread_with_full_jitter_up_to_two_minutes(
        self, wired: Wired, receives: int, ceiling: float
    ) -> None:
        def throttle(_call: InvokeCall) -> Invocation:
            raise InvocationFailedError("throttled")

        wired.world.invoker.answer = throttle
        for jitter in (0.0, 0.25, 0.999):
            wired.ids.next_jitter = jitter
            delivery = wired.deliver(message_of(wired.take()), receives=receives)
            assert delivery == ReturnAfter(ceiling * jitter, "invocation_failed")


class TestDied:
    def test_a_death_before_the_claim_is_no_attempt(self, wired: Wired) -> None:
        assert deliver(wired, Died("Runtime.ExitError")) == ReturnAfter(10.0, "waiting")

    def test_a_death_in_the_attempt_is_recorded_and_retried(self, wired: Wired) -> None:
        task = wired.take()

        def die(call: InvokeCall) -> Invocation:
            wired.running(task, owner=call.owner)
            return Died("Runtime.OutOfMemory")

        wired.world.invoker.answer = die
        delay = POLICY.delay_seconds(1, jitter=wired.ids.jitter())
        assert wired.deliver(message_of(task), receives=1) == ReturnAfter(delay, "waiting")
        assert wired.row(task).history[-1].result is AttemptResult.CRASH

    def test_a_death_that_cannot_be_recorded_now_brings_the_message_back(self, wired: Wired) -> None:
        task = wired.take()
        wired.refuse("runs.get")
        wired.world.invoker.answer = lambda _call: Died("Runtime.ExitError")
        assert wired.deliver(message_of(task), receives=1) == ReturnAfter(2.0, "store_unavailable")

    def test_a_row_that_no_code_of_ours_wrote_is_the_doors_to_tell(self, wired: Wired) -> None:
        task = wired.take()
        wired.runs.poison.add(task.trace_id)
        wired.world.invoker.answer = lambda _call: Died("Runtime.ExitError")
        with pytest.raises(IntegrityError):
            wired.deliver(message_of(task), receives=1)


def test_a_task_is_delivered_until_it_has_ended_and_never_more_often_than_its_policy_says(wired: Wired) -> None:
    task = wired.take()
    wired.invoke_in_process()
    wired.handler_returns(RETRYABLE)
    for _ in range(POLICY.max_attempts - 1):
        delivery = wired.deliver(message_of(task), receives=1)
        assert isinstance(delivery, ReturnAfter)
        wired.clock.advance(delivery.delay_seconds)
    assert wired.deliver(message_of(task), receives=1) == Delete(ExecutionStatus.FAILED)
    assert len(wired.world.runner.calls) == POLICY.max_attempts


def test_a_permanent_failure_takes_its_message_at_once(wired: Wired) -> None:
    task = wired.take()
    wired.invoke_in_process()
    wired.handler_returns(PERMANENT)
    assert wired.deliver(message_of(task), receives=1) == Delete(ExecutionStatus.FAILED)
    assert wired.row(task).state is RunState.FAILED

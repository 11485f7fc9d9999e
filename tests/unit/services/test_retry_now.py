"""A run that waits for its time is tried at once; one that waits for anything else is left to that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.tasks import a_manifest, a_route
from tests.unit.services.wired import LEASE_MS, RETRYABLE, TENANT, Wired, a_budget, message_of
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import OperationRepeatedError, StoreUnavailableError
from workerflow.domain.failure import Failure
from workerflow.domain.operation import OperationKey
from workerflow.domain.outcome import ExecutionStatus
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import AttemptResult, RunState
from workerflow.domain.task import Acceptance
from workerflow.domain.transitions import RESEND_BASE_S
from workerflow.services.cancel_run import CancelOrder
from workerflow.services.once import CarriedOut
from workerflow.services.retry_now import NotRetried, Retried, RetryOrder

LATER = Failure("retryable", "TooManyRequests", "later", retry_after_seconds=600.0)
KEY = OperationKey.of("a" * 12, "order-1", "retry")


@pytest.fixture
def wired() -> Wired:
    return Wired(manifest=a_manifest(a_route(), a_route("ask", mode="sync")))


def order(task: Acceptance | str, **changes: Any) -> RetryOrder:
    trace_id = task if isinstance(task, str) else task.trace_id
    return replace(RetryOrder(TENANT, trace_id, "ops (token 7)", "it is back", "192.0.2.7"), **changes)


def failed_once(wired: Wired, failure: Failure = LATER, **changes: Any) -> Acceptance:
    task = wired.take(**changes)
    wired.handler_returns(failure)
    wired.run_once(task, for_caller=changes.get("mode") == "sync")
    wired.handler_returns(HandlerOutput("document", b"{}"))
    return task


def refusal(wired: Wired, task: Acceptance | str, **changes: Any) -> str:
    rows, messages = dict(wired.memory.runs), list(wired.queue.messages)
    outcome = wired.retry_now(order(task, **changes))
    assert isinstance(outcome, NotRetried)
    assert (wired.memory.runs, wired.queue.messages) == (rows, messages)
    return outcome.code


@pytest.mark.parametrize(("failure", "state"), [(LATER, RunState.PARKED), (RETRYABLE, RunState.WAITING)])
def test_a_run_that_waits_for_its_time_is_tried_at_once(wired: Wired, failure: Failure, state: RunState) -> None:
    task = failed_once(wired, failure)
    assert wired.row(task).state is state
    outcome = wired.retry_now(order(task))
    assert outcome == Retried(wired.row(task))
    assert (wired.row(task).state, wired.row(task).not_before_ms) == (RunState.QUEUED, None)
    assert wired.queue.messages == [message_of(task)]
    assert wired.run_once(task).status is ExecutionStatus.SUCCEEDED
    assert wired.row(task).attempt == 2


def test_so_is_one_that_is_queued_and_may_have_lost_its_message(wired: Wired) -> None:
    task = wired.take()
    outcome = wired.retry_now(order(task))
    assert isinstance(outcome, Retried)
    assert (outcome.run.state, outcome.run.version, outcome.run.attempt) == (RunState.QUEUED, 1, 0)
    assert wired.queue.messages == [message_of(task)]


def test_its_row_is_written_before_its_message_is_sent(wired: Wired) -> None:
    task = failed_once(wired)
    wired.memory.calls.clear()
    wired.retry_now(order(task))
    assert wired.order_of("runs.write", "queue.send") == ["runs.write", "queue.send"]


def test_a_message_that_is_not_sent_is_left_to_the_tick(wired: Wired) -> None:
    task = failed_once(wired)
    wired.refuse("queue.send")
    assert isinstance(wired.retry_now(order(task)), Retried)
    assert (wired.queue.messages, wired.signals.counts["SendFailed"]) == ([], 1)
    wired.clock.advance(RESEND_BASE_S)
    wired.release_due([TENANT], a_budget(wired))
    assert wired.queue.messages == [message_of(task)]


def test_the_distance_of_later_messages_does_not_grow(wired: Wired) -> None:
    task = failed_once(wired)
    wired.retry_now(order(task))
    wired.retry_now(order(task))
    row = wired.row(task)
    assert (row.resends, row.due_at_ms) == (0, wired.clock.ms + RESEND_BASE_S * 1000)


def test_one_whose_worker_died_unseen_is_tried_again_and_tells_the_crash(wired: Wired) -> None:
    task = wired.take()
    wired.running(task)
    wired.clock.ms += LEASE_MS
    outcome = wired.retry_now(order(task))
    assert isinstance(outcome, Retried)
    assert wired.run_once(task).status is ExecutionStatus.SUCCEEDED
    results = [attempt.result for attempt in wired.row(task).history]
    assert results == [AttemptResult.CRASH, AttemptResult.SUCCEEDED]


def test_the_audit_row_tells_who_why_and_what_it_was(wired: Wired) -> None:
    task = failed_once(wired)
    wired.retry_now(order(task, operation=KEY))
    [event] = wired.memory.audit.values()
    assert (event.actor, event.action, event.target) == ("ops (token 7)", "run.retried", task.trace_id)
    assert (event.reason, event.address) == ("it is back", "192.0.2.7")
    assert event.details == {"before": "parked", "after": "queued", "attempt": "1"}
    assert wired.memory.operations[TENANT, KEY.token_id, KEY.key_digest].details == event.details


class TestRefused:
    def test_what_has_ended_is_replayed_and_not_retried(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        assert refusal(wired, task) == "not_waiting"

    def test_what_is_worked_on_is_left_to_it(self, wired: Wired) -> None:
        task = wired.take()
        wired.running(task)
        assert refusal(wired, task) == "not_waiting"

    def test_what_is_to_be_cancelled_is_not_revived(self, wired: Wired) -> None:
        task = wired.take()
        wired.running(task)
        wired.cancel_run(CancelOrder(TENANT, task.trace_id, "ops", "a mistake"))
        wired.clock.ms += LEASE_MS
        assert refusal(wired, task) == "not_waiting"

    def test_what_waits_for_a_resume_is_resumed_first(self, wired: Wired) -> None:
        task = wired.take()
        wired.switch(Enablement.PAUSED)
        wired.run_once(task)
        assert refusal(wired, task) == "paused"

    def test_what_waits_for_a_place_keeps_its_turn(self, wired: Wired) -> None:
        task = wired.take()
        wired.keep(replace(wired.queued(task), state=RunState.PARKED, capped=True))
        assert refusal(wired, task) == "capped"

    def test_what_a_caller_waits_for_is_his(self, wired: Wired) -> None:
        task = failed_once(wired, source="route:ask", mode="sync")
        assert wired.row(task).belongs_to_caller
        assert refusal(wired, task) == "waits_for_caller"

    def test_what_was_handed_over_is_not_his_any_more(self, wired: Wired) -> None:
        task = failed_once(wired, source="route:ask", mode="sync")
        wired.keep(replace(wired.row(task), handed_over=True))
        assert isinstance(wired.retry_now(order(task)), Retried)

    def test_what_is_too_old_is_not_begun_again(self, wired: Wired) -> None:
        task = failed_once(wired)
        wired.clock.ms = task.deadline_ms
        assert refusal(wired, task) == "deadline_passed"

    @pytest.mark.parametrize("asked", [lambda _: order("nonsense"), lambda task: order(task, tenant="another")])
    def test_what_is_no_run_of_the_tenant_is_not_found(
        self, wired: Wired, asked: Callable[[Acceptance], RetryOrder]
    ) -> None:
        outcome = wired.retry_now(asked(failed_once(wired)))
        assert isinstance(outcome, NotRetried)
        assert outcome.code == "not_found"

    def test_what_is_refused_leaves_neither_audit_row_nor_key(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        refusal(wired, task, operation=KEY)
        assert (wired.memory.audit, wired.memory.operations) == ({}, {})


def test_an_answer_that_was_lost_is_found_by_the_key_and_the_tick_sends_the_message(wired: Wired) -> None:
    task = failed_once(wired)
    wired.lose_answer("runs.write")
    with pytest.raises(StoreUnavailableError):
        wired.retry_now(order(task, operation=KEY))
    answer = wired.once(TENANT, KEY, lambda: wired.retry_now(order(task, operation=KEY)))
    assert isinstance(answer, CarriedOut)
    assert (answer.repeated, wired.queue.messages) == (True, [])
    wired.clock.advance(RESEND_BASE_S)
    wired.release_due([TENANT], a_budget(wired))
    assert wired.queue.messages == [message_of(task)]


def test_a_key_that_another_order_took_retries_nothing(wired: Wired) -> None:
    first, second = failed_once(wired, key="first"), failed_once(wired, key="second")
    wired.retry_now(order(first, operation=KEY))
    before = wired.row(second)
    with pytest.raises(OperationRepeatedError):
        wired.retry_now(order(second, operation=KEY))
    assert (wired.row(second), len(wired.queue.messages)) == (before, 1)

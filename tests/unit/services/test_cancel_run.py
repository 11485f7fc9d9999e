"""A run is cancelled at once where nobody works on it; where somebody does, it is asked to end and does not go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.tasks import a_manifest, a_route, a_schedule
from tests.unit.services.clockwork import Clockwork
from tests.unit.services.wired import LEASE_MS, OWNER, PERMANENT, RETRYABLE, TENANT, Wired, a_budget, message_of
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import OperationRepeatedError, StoreUnavailableError, TaskCancelledError
from workerflow.domain.failure import Failure
from workerflow.domain.identity import TraceId, acceptance_hash
from workerflow.domain.operation import OperationKey
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import AttemptResult, Run, RunState
from workerflow.domain.task import Acceptance
from workerflow.domain.transitions import CANCELLED_WORDS
from workerflow.ports.world import Died, HandlerCall, NoAnswer, Reached
from workerflow.services.answer_sync import Ended
from workerflow.services.cancel_run import Cancelled, CancelOrder, NotCancellable
from workerflow.services.once import CarriedOut
from workerflow.services.record_death import Death
from workerflow.services.replay_task import Replayed, ReplayOrder

DONE = HandlerOutput("document", b"{}")
GIVES_UP = Failure.from_exception(TaskCancelledError("asked for"))
KEY = OperationKey.of("a" * 12, "order-1", "cancel")


@pytest.fixture
def wired() -> Wired:
    return Wired(manifest=a_manifest(a_route(), a_route("ask", mode="sync")))


def order(task: Acceptance | str, **changes: Any) -> CancelOrder:
    trace_id = task if isinstance(task, str) else task.trace_id
    return replace(CancelOrder(TENANT, trace_id, "ops (token 7)", "a mistake", "192.0.2.7"), **changes)


def cancel(wired: Wired, task: Acceptance, **changes: Any) -> Run:
    """The run as it is after the order."""
    outcome = wired.cancel_run(order(task, **changes))
    assert isinstance(outcome, Cancelled)
    return outcome.run


def while_running(wired: Wired, happens: Callable[[], object], then: HandlerOutput | Failure) -> None:
    """Let something happen while the handler works, and let it end so."""

    def handler(_call: HandlerCall) -> HandlerOutput | Failure:
        happens()
        return then

    wired.world.runner.handler = handler


def find(wired: Wired, task: Acceptance, finder: str) -> None:
    """Let a part of the system come across the task."""
    match finder:
        case "pause" | "disabled":
            wired.switch(Enablement.PAUSED if finder == "pause" else Enablement.DISABLED)
            wired.run_once(task)
        case "claim":
            wired.run_once(task)
        case "due":
            wired.release_due([TENANT], a_budget(wired))
        case "sweep":
            wired.keep(replace(wired.row(task), due_at_ms=None))
            wired.sweep([TENANT], a_budget(wired))
        case "drain":
            wired.world.dead_messages.add(message_of(task).to_text())
            wired.drain(a_budget(wired))


class TestAtOnce:
    def test_a_task_that_nobody_has_begun_never_begins(self, wired: Wired) -> None:
        task = wired.take()
        run = cancel(wired, task)
        assert (run.state, run.attempt, run.version) == (RunState.CANCELLED, 0, 1)
        assert wired.run_once(task) == Execution(ExecutionStatus.ENDED, stored=True, error=CANCELLED_WORDS)
        assert wired.world.runner.calls == []
        assert wired.row(task) == run

    def test_one_that_waits_for_its_next_attempt_has_none(self, wired: Wired) -> None:
        task = wired.take()
        wired.handler_returns(RETRYABLE)
        wired.run_once(task)
        run = cancel(wired, task)
        assert (run.state, run.due_at_ms, run.not_before_ms, run.letter_class) == (RunState.CANCELLED, None, None, None)
        assert run.error == f"{CANCELLED_WORDS}, after ConnectionError: no route to host"
        assert wired.letter(task) is None

    def test_one_that_is_parked_for_a_pause_leaves_it(self, wired: Wired) -> None:
        task = wired.take()
        wired.switch(Enablement.PAUSED)
        wired.run_once(task)
        assert cancel(wired, task).open_partition is None
        wired.switch(Enablement.ENABLED)
        wired.release_due([TENANT], a_budget(wired))
        assert wired.queue.messages == []

    def test_one_whose_worker_died_unseen_is_over_and_tells_the_crash(self, wired: Wired) -> None:
        task = wired.take()
        wired.running(task)
        wired.clock.ms += LEASE_MS
        run = cancel(wired, task)
        assert (run.state, run.history[-1].result) == (RunState.CANCELLED, AttemptResult.CRASH)

    def test_a_late_worker_records_nothing_over_it(self, wired: Wired) -> None:
        task = wired.take()

        def late() -> None:
            wired.clock.ms += LEASE_MS
            cancel(wired, task)

        while_running(wired, late, DONE)
        assert wired.run_once(task).status is ExecutionStatus.ENDED
        assert wired.row(task).state is RunState.CANCELLED

    def test_the_audit_row_tells_who_why_and_what_it_was(self, wired: Wired) -> None:
        task = wired.take()
        cancel(wired, task)
        [event] = wired.memory.audit.values()
        assert (event.actor, event.action, event.target) == ("ops (token 7)", "run.cancelled", task.trace_id)
        assert (event.reason, event.address) == ("a mistake", "192.0.2.7")
        assert event.details == {"before": "queued", "after": "cancelled", "attempt": "0"}

    def test_a_fire_that_is_cancelled_has_ended_for_the_next_one(self) -> None:
        clockwork = Clockwork(a_schedule(overlap="skip"))
        clockwork.tick("08:30", "09:00:04")
        [fire] = clockwork.memory.acceptances.values()
        cancel(clockwork.wired, fire)
        clockwork.tick("10:00:04")
        assert (clockwork.fires(), clockwork.skipped()) == (["09:00", "10:00"], [])

    def test_it_may_be_replayed(self, wired: Wired) -> None:
        task = wired.take()
        cancel(wired, task)
        assert isinstance(wired.replay(ReplayOrder(TENANT, task.trace_id, "ops", "after all")), Replayed)


class TestWhileItRuns:
    def test_the_worker_is_asked_and_the_run_goes_on(self, wired: Wired) -> None:
        task = wired.take()
        wired.running(task)
        run = cancel(wired, task)
        assert (run.state, run.cancel_asked_at_ms) == (RunState.RUNNING, wired.clock.ms)
        [event] = wired.memory.audit.values()
        assert event.details == {"before": "running", "after": "cancelling", "attempt": "1"}

    def test_the_handler_sees_it(self, wired: Wired) -> None:
        task, seen = wired.take(), []

        def handler(call: HandlerCall) -> Failure:
            seen.append(call.is_cancelled())
            cancel(wired, task)
            seen.append(call.is_cancelled())
            return GIVES_UP

        wired.world.runner.handler = handler
        assert wired.run_once(task).status is ExecutionStatus.ENDED
        assert seen == [False, True]
        run = wired.row(task)
        assert (run.state, run.history[-1].result) == (RunState.CANCELLED, AttemptResult.CANCELLED)
        assert (run.error, wired.letter(task)) == (CANCELLED_WORDS, None)

    @pytest.mark.parametrize("failure", [RETRYABLE, PERMANENT])
    def test_however_it_fails_it_is_cancelled(self, wired: Wired, failure: Failure) -> None:
        task = wired.take()
        while_running(wired, lambda: cancel(wired, task), failure)
        assert wired.run_once(task).status is ExecutionStatus.ENDED
        run = wired.row(task)
        assert (run.state, run.due_at_ms, wired.letter(task)) == (RunState.CANCELLED, None, None)
        assert run.error == f"{CANCELLED_WORDS}, after {failure.error_class}: {failure.message}"

    def test_a_success_is_a_success(self, wired: Wired) -> None:
        task = wired.take()
        while_running(wired, lambda: cancel(wired, task), DONE)
        assert wired.run_once(task).status is ExecutionStatus.SUCCEEDED
        assert wired.row(task).state is RunState.SUCCEEDED

    def test_a_crash_is_the_end_of_it(self, wired: Wired) -> None:
        task = wired.take()
        wired.running(task, owner=OWNER)
        cancel(wired, task)
        execution = wired.record_death(Death(message_of(task), OWNER, "exit status 1"), for_caller=False)
        assert execution.status is ExecutionStatus.ENDED
        assert wired.row(task).state is RunState.CANCELLED

    @pytest.mark.parametrize("finder", ["claim", "due", "sweep", "drain", "pause", "disabled"])
    def test_whoever_finds_its_lease_expired_ends_it(self, wired: Wired, finder: str) -> None:
        task = wired.take()
        wired.running(task)
        cancel(wired, task)
        wired.clock.ms += LEASE_MS + 60_000
        find(wired, task, finder)
        run = wired.row(task)
        assert (run.state, run.history[-1].result) == (RunState.CANCELLED, AttemptResult.CRASH)
        assert (wired.letter(task), wired.queue.messages) == (None, [])

    def test_the_tick_looks_at_it_when_its_lease_is_over(self, wired: Wired) -> None:
        task = wired.take()
        wired.running(task)
        assert cancel(wired, task).due_at_ms == wired.clock.ms + LEASE_MS + 15_000

    def test_asking_again_changes_nothing_and_is_told(self, wired: Wired) -> None:
        task = wired.take()
        wired.running(task)
        run = cancel(wired, task)
        assert wired.cancel_run(order(task, operation=KEY)) == Cancelled(run, changed=False)
        first, second = wired.memory.audit.values()
        assert (first.details["before"], second.details["before"]) == ("running", "cancelling")
        assert wired.row(task) == run


class TestRefused:
    @pytest.mark.parametrize("ends", [DONE, PERMANENT])
    def test_what_has_ended_stays_so(self, wired: Wired, ends: HandlerOutput | Failure) -> None:
        task = wired.take()
        wired.handler_returns(ends)
        wired.run_once(task)
        before = wired.row(task)
        outcome = wired.cancel_run(order(task, operation=KEY))
        assert isinstance(outcome, NotCancellable)
        assert (outcome.code, wired.row(task)) == ("not_cancellable", before)
        assert (wired.memory.audit, wired.memory.operations) == ({}, {})

    def test_what_is_cancelled_already_is_told_so(self, wired: Wired) -> None:
        task = wired.take()
        run = cancel(wired, task)
        assert wired.cancel_run(order(task)) == Cancelled(run, changed=False)
        assert len(wired.memory.audit) == 1

    def test_what_is_no_run_of_the_tenant_is_not_found(self, wired: Wired) -> None:
        task = wired.take()
        nobodys = TraceId.mint(wired.clock.ms, acceptance_hash(TENANT, "route:echo", "nothing")).value
        for asked in (order("nonsense"), order(nobodys), order(task, tenant="another")):
            outcome = wired.cancel_run(asked)
            assert isinstance(outcome, NotCancellable)
            assert outcome.code == "not_found"
        assert wired.memory.runs == {}

    def test_nor_is_one_that_is_forgotten(self, wired: Wired) -> None:
        began, waiting = wired.take("began"), wired.take("waiting")
        wired.queued(began)
        wired.clock.advance(40 * 24 * 3600)
        for task in (began, waiting):
            outcome = wired.cancel_run(order(task))
            assert isinstance(outcome, NotCancellable)
            assert outcome.code == "not_found"


class TestRaces:
    def test_whoever_claims_at_the_same_moment_is_asked(self, wired: Wired) -> None:
        task = wired.take()
        wired.meanwhile("runs.write", lambda: wired.running(task))
        assert cancel(wired, task).state is RunState.RUNNING
        [event] = wired.memory.audit.values()
        assert event.details["before"] == "running"

    def test_whoever_succeeds_at_the_same_moment_has_succeeded(self, wired: Wired) -> None:
        task = wired.take()
        wired.meanwhile("runs.write", lambda: wired.run_once(task))
        outcome = wired.cancel_run(order(task, operation=KEY))
        assert isinstance(outcome, NotCancellable)
        assert wired.row(task).state is RunState.SUCCEEDED

    def test_an_answer_that_was_lost_is_found_by_the_key(self, wired: Wired) -> None:
        task = wired.take()
        wired.lose_answer("runs.write")
        with pytest.raises(StoreUnavailableError):
            wired.cancel_run(order(task, operation=KEY))
        answer = wired.once(TENANT, KEY, lambda: wired.cancel_run(order(task, operation=KEY)))
        assert isinstance(answer, CarriedOut)
        assert (answer.repeated, answer.operation.details["before"]) == (True, "queued")
        assert len(wired.memory.audit) == 1

    def test_an_answer_that_was_lost_to_the_sdk_alone_is_nobodys_trouble(self, wired: Wired) -> None:
        task = wired.take()
        wired.runs.between_tries = lambda: None
        assert cancel(wired, task, operation=KEY).state is RunState.CANCELLED
        assert len(wired.memory.audit) == 1

    def test_even_when_the_worker_has_answered_in_between(self, wired: Wired) -> None:
        task = wired.take()
        wired.running(task)

        def ends() -> None:
            row = wired.row(task)
            wired.keep(row.change(nonce="w", now_ms=wired.clock.ms, state=RunState.SUCCEEDED, lease_until_ms=None))

        wired.runs.between_tries = ends
        outcome = wired.cancel_run(order(task, operation=KEY))
        assert isinstance(outcome, Cancelled)
        assert wired.memory.operations[TENANT, KEY.token_id, KEY.key_digest].details["after"] == "cancelling"
        assert wired.row(task).state is RunState.SUCCEEDED

    def test_a_key_that_another_order_took_cancels_nothing(self, wired: Wired) -> None:
        first, second = wired.take("first"), wired.take("second")
        cancel(wired, first, operation=KEY)
        with pytest.raises(OperationRepeatedError):
            wired.cancel_run(order(second, operation=KEY))
        assert (TENANT, second.trace_id) not in wired.memory.runs


class TestCallers:
    def ask(self, wired: Wired) -> Acceptance:
        return wired.take(source="route:ask", mode="sync")

    def test_a_call_that_is_repeated_is_told_that_its_task_is_over(self, wired: Wired) -> None:
        task = self.ask(wired)
        wired.handler_returns(RETRYABLE)
        wired.run_once(task, for_caller=True)
        cancel(wired, task)
        wired.invoke_in_process()
        answer = wired.answer_sync(task, wait_seconds=28)
        assert answer == Ended(f"{CANCELLED_WORDS}, after ConnectionError: no route to host")

    def test_so_is_one_whose_task_is_cancelled_while_it_waits(self, wired: Wired) -> None:
        task = self.ask(wired)
        while_running(wired, lambda: cancel(wired, task), GIVES_UP)
        wired.invoke_in_process()
        assert wired.answer_sync(task, wait_seconds=28) == Ended(CANCELLED_WORDS)

    def test_and_one_whose_worker_died(self, wired: Wired) -> None:
        task = self.ask(wired)

        def dies(call: Any) -> Died:
            wired.running(task, owner=call.owner)
            cancel(wired, task)
            return Died("exit status 1")

        wired.world.invoker.answer = dies
        answer = wired.answer_sync(task, wait_seconds=28)
        assert isinstance(answer, Ended)
        assert answer.detail.startswith(CANCELLED_WORDS)

    def test_one_that_outlives_its_time_is_not_handed_over_once_it_is_cancelled(self, wired: Wired) -> None:
        task = self.ask(wired)

        def too_slow(_call: Any) -> NoAnswer | Reached:
            wired.running(task)
            cancel(wired, task)
            wired.clock.ms += LEASE_MS
            return NoAnswer()

        wired.world.invoker.answer = too_slow
        assert isinstance(wired.answer_sync(task, wait_seconds=28), Ended)
        assert (wired.row(task).state, wired.queue.messages) == (RunState.CANCELLED, [])

    def test_a_message_of_a_cancelled_task_may_go(self, wired: Wired) -> None:
        task = wired.take()
        cancel(wired, task)
        wired.invoke_in_process()
        delivery = wired.deliver(message_of(task), receives=1)
        assert getattr(delivery, "status", None) is ExecutionStatus.ENDED

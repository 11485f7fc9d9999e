"""The invoker saw a function error: what of it is recorded, as what, and by whom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.tasks import POLICY, a_manifest, a_route
from tests.unit.services.wired import OWNER, Wired, message_of
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import AttemptResult, LetterClass, RunState
from workerflow.domain.task import Acceptance
from workerflow.ports.world import HandlerCall
from workerflow.services.record_death import CLOCK_TOLERANCE_MS, RETRY_AFTER_NO_ATTEMPT_S, Death

TIMEOUT_S = a_route().timeout_seconds
TIMEOUT_MS = TIMEOUT_S * 1000 - CLOCK_TOLERANCE_MS


def died(wired: Wired, task: Acceptance, *, owner: str = OWNER, for_caller: bool = False) -> Execution:
    return wired.record_death(Death(message_of(task), owner, "Runtime.ExitError: status 1"), for_caller=for_caller)


class TestWhose:
    def test_a_worker_that_died_before_its_claim_made_no_attempt(self, wired: Wired) -> None:
        execution = died(wired, wired.take())
        assert (execution.status, execution.delay_seconds) == (ExecutionStatus.WAITING, RETRY_AFTER_NO_ATTEMPT_S)
        assert wired.memory.runs == {}

    def test_nor_did_one_that_died_while_another_holds_the_lease(self, wired: Wired) -> None:
        task = wired.take()
        row = wired.running(task, owner="another")
        assert died(wired, task) == Execution(ExecutionStatus.BUSY, delay_seconds=RETRY_AFTER_NO_ATTEMPT_S)
        assert wired.row(task) == row

    def test_one_that_recorded_its_retry_and_then_died_has_done_its_work(self, wired: Wired) -> None:
        task = wired.take()
        row = wired.running(task, owner=OWNER)
        waiting = wired.keep(
            row.change(nonce="w", now_ms=wired.clock.ms, state=RunState.WAITING, not_before_ms=wired.clock.ms + 7_000)
        )
        assert died(wired, task) == Execution(ExecutionStatus.WAITING, delay_seconds=7.0)
        assert wired.row(task) == waiting

    def test_one_that_recorded_its_success_and_then_died_has_a_success_with_its_output(self, wired: Wired) -> None:
        task = wired.take(mode="sync", source="route:ask")
        wired.run_once(task, for_caller=True)
        execution = died(wired, task, for_caller=True)
        assert (execution.status, execution.stored) == (ExecutionStatus.SUCCEEDED, False)
        assert HandlerOutput.decode(execution.output or b"").body == b'{"n":1}'

    def test_a_success_that_comes_between_reading_and_recording_stands(self, wired: Wired) -> None:
        task = wired.take()
        wired.running(task, owner=OWNER)

        def succeed() -> None:
            row = wired.row(task)
            wired.keep(row.change(nonce="s", now_ms=wired.clock.ms, state=RunState.SUCCEEDED, lease_until_ms=None))

        wired.meanwhile("runs.write", succeed)
        assert died(wired, task).status is ExecutionStatus.SUCCEEDED
        assert wired.row(task).state is RunState.SUCCEEDED


class TestWhat:
    @pytest.mark.parametrize(
        ("lived_ms", "result", "message"),
        [
            (0, AttemptResult.CRASH, "ProcessDied: Runtime.ExitError: status 1"),
            (TIMEOUT_MS - 1, AttemptResult.CRASH, "ProcessDied: Runtime.ExitError: status 1"),
            (TIMEOUT_MS, AttemptResult.TIMEOUT, f"HandlerTimeout: no outcome within {TIMEOUT_S} s"),
            (270_000, AttemptResult.TIMEOUT, f"HandlerTimeout: no outcome within {TIMEOUT_S} s"),
        ],
    )
    def test_a_process_that_lived_as_long_as_its_routes_timeout_was_ended_by_it(
        self, wired: Wired, lived_ms: int, result: AttemptResult, message: str
    ) -> None:
        task = wired.take()
        wired.running(task, owner=OWNER)
        wired.clock.ms += lived_ms
        assert died(wired, task).status is ExecutionStatus.WAITING
        assert (wired.row(task).history[-1].result, wired.row(task).error) == (result, message)

    def test_it_is_retried_under_the_routes_policy(self, wired: Wired) -> None:
        task = wired.take()
        wired.running(task, owner=OWNER)
        delay = POLICY.delay_seconds(1, jitter=wired.ids.jitter())
        execution = died(wired, task)
        assert (execution.status, execution.delay_seconds) == (ExecutionStatus.WAITING, delay)
        assert wired.row(task).due_at_ms is not None

    @pytest.mark.parametrize(
        ("lived_seconds", "letter_class"), [(1, LetterClass.CRASH), (TIMEOUT_S, LetterClass.TIMEOUT)]
    )
    def test_the_last_attempts_death_is_a_letter_of_its_class_with_the_payload(
        self, wired: Wired, lived_seconds: int, letter_class: LetterClass
    ) -> None:
        task = wired.take()
        wired.running(task, attempt=POLICY.max_attempts, owner=OWNER)
        wired.clock.advance(lived_seconds)
        execution = died(wired, task)
        assert (execution.status, execution.letter_class) == (ExecutionStatus.FAILED, letter_class)
        letter = wired.letter(task)
        assert letter is not None
        assert (letter.letter_class, letter.payload) == (letter_class, task.payload)

    def test_a_letter_without_its_acceptance_has_no_payload_and_is_written_all_the_same(self, wired: Wired) -> None:
        task = wired.take()
        wired.running(task, attempt=POLICY.max_attempts, owner=OWNER)
        wired.memory.acceptances.clear()
        assert died(wired, task).status is ExecutionStatus.FAILED
        letter = wired.letter(task)
        assert letter is not None
        assert (letter.payload, letter.root) == (None, task.trace_id)

    def test_a_removed_routes_attempt_is_told_as_a_crash_and_waits_for_its_end(self) -> None:
        wired = Wired(manifest=a_manifest(a_route("other")))
        task = wired.take()
        wired.running(task, owner=OWNER)
        assert died(wired, task).status is ExecutionStatus.WAITING
        assert wired.row(task).history[-1].result is AttemptResult.CRASH


class TestFaults:
    @pytest.mark.parametrize("call", ["runs.get", "runs.write"])
    def test_what_cannot_be_recorded_is_left_to_the_lease(self, wired: Wired, call: str) -> None:
        task = wired.take()
        row = wired.running(task, owner=OWNER)
        wired.refuse(call)
        with pytest.raises(StoreUnavailableError):
            died(wired, task)
        assert wired.row(task) == row

    def test_a_record_whose_answer_was_lost_is_recorded_once(self, wired: Wired) -> None:
        task = wired.take()
        row = wired.running(task, owner=OWNER)
        wired.runs.between_tries = lambda: None
        assert died(wired, task).status is ExecutionStatus.WAITING
        assert wired.row(task).version == row.version + 1

    def test_a_waiting_caller_is_told_when_to_come_back(self, wired: Wired) -> None:
        task = wired.take(mode="sync", source="route:ask")
        wired.world.runner.handler = _dies
        with pytest.raises(SystemError):
            wired.run_once(task, for_caller=True)
        execution = died(wired, task, for_caller=True)
        assert execution == replace(execution, status=ExecutionStatus.WAITING, output=None)
        assert wired.row(task).belongs_to_caller


def _dies(_call: HandlerCall) -> HandlerOutput:
    raise SystemError("out of memory")

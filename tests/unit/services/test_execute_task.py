"""One invocation of `workflow`: claim, handler, success, and what it does when another one is there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.tasks import POLICY, a_route
from tests.unit.services.wired import BIG_BODY, OWNER, PERMANENT, REMAINING_MS, RETRYABLE, TENANT, Wired
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.failure import Failure
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import AttemptResult, LetterClass, Run, RunState
from workerflow.domain.stored import StoredBytes
from workerflow.domain.transitions import LEASE_MARGIN_S, hand_over
from workerflow.ports.world import HandlerCall


class TestSuccess:
    def test_a_success_costs_a_claim_and_a_finish_beside_the_reads_of_acceptance_and_switches(
        self, wired: Wired
    ) -> None:
        wired.run_once(wired.take())
        reads = ["acceptances.get", "switches.list_switches", "tenants.get"]
        assert wired.memory.calls == [*reads, "runs.write", "runs.write"]

    def test_the_handler_runs_between_the_claim_and_the_finish(self, wired: Wired) -> None:
        task = wired.take()

        def handler(call: HandlerCall) -> HandlerOutput:
            row = wired.row(task)
            assert (row.state, row.attempt, row.owner) == (RunState.RUNNING, 1, OWNER)
            return HandlerOutput("document", call.body)

        wired.world.runner.handler = handler
        assert wired.run_once(task) == Execution(ExecutionStatus.SUCCEEDED)
        assert wired.row(task).state is RunState.SUCCEEDED

    def test_the_lease_outlives_the_worker(self, wired: Wired) -> None:
        task = wired.take()
        leases: list[int | None] = []

        def handler(call: HandlerCall) -> HandlerOutput:
            leases.append(wired.row(task).lease_until_ms)
            return HandlerOutput("document", call.body)

        wired.world.runner.handler = handler
        wired.run_once(task)
        assert leases == [wired.clock.ms + REMAINING_MS + LEASE_MARGIN_S * 1000]

    def test_the_handler_gets_route_acceptance_body_attempt_and_time(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        [call] = wired.world.runner.calls
        assert call == HandlerCall(a_route(), task, b'{"n":1}', 1, wired.clock.ms)

    def test_a_caller_that_waits_gets_the_output(self, wired: Wired) -> None:
        execution = wired.run_once(wired.take(mode="sync", source="route:ask"), for_caller=True)
        assert execution.status is ExecutionStatus.SUCCEEDED
        assert HandlerOutput.decode(execution.output or b"").body == b'{"n":1}'
        assert not execution.stored

    def test_a_small_output_is_in_the_row_itself(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        assert HandlerOutput.decode(wired.row(task).output or b"").body == b'{"n":1}'
        assert wired.memory.attempts == {}

    def test_a_larger_one_is_kept_in_the_attempts_item_before_the_row_says_so(self, wired: Wired) -> None:
        task = wired.take()
        body = BIG_BODY[:4000] + b'"}'
        wired.world.runner.handler = lambda _call: HandlerOutput("document", body)
        wired.run_once(task)
        assert wired.order_of("runs.write", "runs.put_attempt") == ["runs.write", "runs.put_attempt", "runs.write"]
        assert wired.row(task).has_output_item
        assert wired.row(task).output is None
        assert HandlerOutput.decode(wired.tell_run.output(wired.row(task)) or b"").body == body

    def test_one_that_is_too_large_for_an_item_becomes_an_object_first(self, wired: Wired) -> None:
        task = wired.take()
        wired.world.runner.handler = lambda _call: HandlerOutput("document", BIG_BODY)
        wired.run_once(task)
        assert wired.order_of("blobs.put", "runs.put_attempt") == ["blobs.put", "runs.put_attempt"]
        assert list(wired.memory.objects) == [f"{TENANT}/{task.key_hash}/{task.trace_id}.out.1"]
        assert HandlerOutput.decode(wired.tell_run.output(wired.row(task)) or b"").body == BIG_BODY

    def test_a_large_payload_is_read_from_its_object(self, wired: Wired) -> None:
        wired.world.blobs.put("somewhere", BIG_BODY)
        wired.run_once(wired.take(payload=StoredBytes.pointed(BIG_BODY, "somewhere")))
        assert wired.world.runner.calls[0].body == BIG_BODY


class TestNothingToDo:
    def test_a_task_that_was_never_accepted_is_unknown(self, wired: Wired) -> None:
        task = wired.take()
        wired.memory.acceptances.clear()
        assert wired.run_once(task) == Execution(ExecutionStatus.UNKNOWN)

    def test_nor_does_an_expired_acceptance_run_deleted_or_not(self, wired: Wired) -> None:
        task = wired.take()
        wired.clock.ms = task.expires_at_s * 1000
        assert wired.run_once(task) == Execution(ExecutionStatus.UNKNOWN)
        assert wired.world.runner.calls == []

    def test_nor_one_whose_key_stands_for_a_later_task(self, wired: Wired) -> None:
        old = wired.take()
        wired.clock.advance(31 * 24 * 3600)
        wired.take()
        assert wired.run_once(old) == Execution(ExecutionStatus.UNKNOWN)

    def test_a_duplicate_delivery_of_a_finished_task_runs_nothing(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        before = wired.row(task)
        assert wired.run_once(task) == Execution(ExecutionStatus.SUCCEEDED, stored=True)
        assert wired.row(task) == before
        assert len(wired.world.runner.calls) == 1

    def test_a_repeated_call_of_a_finished_task_gets_the_stored_output(self, wired: Wired) -> None:
        task = wired.take(mode="sync", source="route:ask")
        first = wired.run_once(task, for_caller=True)
        assert wired.run_once(task, for_caller=True) == replace(first, stored=True)

    def test_a_failed_task_stays_failed(self, wired: Wired) -> None:
        task = wired.take()
        wired.handler_returns(PERMANENT)
        wired.run_once(task)
        execution = wired.run_once(task)
        assert (execution.status, execution.stored) == (ExecutionStatus.FAILED, True)
        assert execution.letter_class is LetterClass.HANDLER_ERROR

    @pytest.mark.parametrize("state", [RunState.CANCELLED, RunState.SKIPPED, RunState.ABANDONED])
    def test_any_other_end_is_an_end(self, wired: Wired, state: RunState) -> None:
        task = wired.take()
        wired.keep(replace(Run.of_task(task), version=1, nonce="x", state=state, error="why"))
        assert wired.run_once(task) == Execution(ExecutionStatus.ENDED, stored=True, error="why")

    def test_a_live_lease_is_busy_until_it_ends(self, wired: Wired) -> None:
        task = wired.take()
        second: list[Execution] = []

        def handler(call: HandlerCall) -> HandlerOutput:
            second.append(wired.run_once(task, owner="another"))
            return HandlerOutput("document", call.body)

        wired.world.runner.handler = handler
        wired.run_once(task)
        assert second == [Execution(ExecutionStatus.BUSY, delay_seconds=REMAINING_MS / 1000 + LEASE_MARGIN_S)]
        assert len(wired.world.runner.calls) == 1

    def test_a_message_that_comes_before_its_time_is_busy(self, wired: Wired) -> None:
        task = wired.take()
        wired.handler_returns(replace(RETRYABLE, retry_after_seconds=100.0))
        wired.run_once(task)
        wired.clock.advance(40)
        assert wired.run_once(task) == Execution(ExecutionStatus.BUSY, delay_seconds=60.0)


class TestClaim:
    def test_a_task_past_its_deadline_is_closed_as_expired_and_never_runs(self, wired: Wired) -> None:
        task = wired.take()
        wired.clock.ms = task.deadline_ms
        execution = wired.run_once(task)
        assert (execution.status, execution.letter_class) == (ExecutionStatus.FAILED, LetterClass.EXPIRED)
        assert wired.world.runner.calls == []
        assert wired.letter(task) is not None

    def test_an_expired_lease_with_no_attempt_left_closes_the_run_as_a_crash(self, wired: Wired) -> None:
        task = wired.take()
        row = wired.running(task, attempt=POLICY.max_attempts)
        wired.clock.ms = (row.lease_until_ms or 0) + 1
        execution = wired.run_once(task)
        assert (execution.status, execution.letter_class) == (ExecutionStatus.FAILED, LetterClass.CRASH)
        assert wired.row(task).history[-1].result is AttemptResult.CRASH

    def test_an_expired_lease_lets_the_next_attempt_in(self, wired: Wired) -> None:
        task = wired.take()
        row = wired.running(task)
        wired.clock.ms = (row.lease_until_ms or 0) + 1
        assert wired.run_once(task).status is ExecutionStatus.SUCCEEDED
        assert [one.result for one in wired.row(task).history] == [AttemptResult.CRASH, AttemptResult.SUCCEEDED]

    def test_a_claim_whose_answer_was_lost_and_over_which_another_wrote_is_still_ones_own(self, wired: Wired) -> None:
        """The write is applied, its answer lost, ingress marks the hand-over, the SDK's second try meets that."""
        task = wired.take(mode="sync", source="route:ask")
        wired.runs.between_tries = lambda: wired.ledger.settle(wired.row(task), hand_over)
        execution = wired.run_once(task, for_caller=True)
        assert (execution.status, execution.stored) == (ExecutionStatus.SUCCEEDED, False)
        assert (wired.row(task).attempt, wired.row(task).handed_over) == (1, True)

    def test_claiming_a_row_that_others_change_all_the_time_is_unknown_in_the_end(self, wired: Wired) -> None:
        task = wired.take()
        wired.queued(task)

        def touch() -> None:
            row = wired.row(task)
            wired.keep(row.change(nonce=f"other-{row.version}", now_ms=wired.clock.ms))

        wired.meanwhile("runs.write", touch, times=100)
        with pytest.raises(StoreUnavailableError):
            wired.run_once(task)
        assert wired.world.runner.calls == []
        assert wired.order_of("runs.write") == ["runs.write"] * 8


class TestLostLease:
    def test_a_worker_that_lost_its_lease_records_no_success_over_the_next_attempts(self, wired: Wired) -> None:
        task = wired.take()
        executions = []

        def slow(call: HandlerCall) -> HandlerOutput:
            if call.attempt == 1:
                wired.clock.advance(REMAINING_MS / 1000 + LEASE_MARGIN_S + 1)
                executions.append(wired.run_once(task, owner="another"))
            return HandlerOutput("document", b'{"attempt":%d}' % call.attempt)

        wired.world.runner.handler = slow
        late = wired.run_once(task)
        assert (late.status, late.stored) == (ExecutionStatus.SUCCEEDED, True)
        assert executions == [Execution(ExecutionStatus.SUCCEEDED)]
        assert wired.row(task).attempt == 2
        assert HandlerOutput.decode(wired.row(task).output or b"").body == b'{"attempt":2}'

    def test_nor_a_failure(self, wired: Wired) -> None:
        task = wired.take()

        def slow(call: HandlerCall) -> HandlerOutput | Failure:
            if call.attempt == 1:
                wired.clock.advance(REMAINING_MS / 1000 + LEASE_MARGIN_S + 1)
                wired.run_once(task, owner="another")
                return PERMANENT
            return HandlerOutput("document", b"{}")

        wired.world.runner.handler = slow
        assert wired.run_once(task).status is ExecutionStatus.SUCCEEDED
        assert wired.letter(task) is None

    def test_a_late_worker_whose_lease_nobody_took_still_records_its_success(self, wired: Wired) -> None:
        task = wired.take()

        def slow(call: HandlerCall) -> HandlerOutput:
            wired.clock.advance(REMAINING_MS / 1000 + LEASE_MARGIN_S + 1)
            return HandlerOutput("document", call.body)

        wired.world.runner.handler = slow
        assert wired.run_once(task) == Execution(ExecutionStatus.SUCCEEDED)

    def test_a_finish_that_meets_a_hand_over_records_its_success_all_the_same(self, wired: Wired) -> None:
        task = wired.take(mode="sync", source="route:ask")

        def slow(call: HandlerCall) -> HandlerOutput:
            wired.ledger.settle(wired.row(task), hand_over)
            return HandlerOutput("document", call.body)

        wired.world.runner.handler = slow
        assert wired.run_once(task, for_caller=True).status is ExecutionStatus.SUCCEEDED
        assert wired.row(task).due_at_ms is None

    def test_a_success_whose_answer_was_lost_is_a_success(self, wired: Wired) -> None:
        task = wired.take()

        def handler(call: HandlerCall) -> HandlerOutput:
            wired.runs.between_tries = lambda: None
            return HandlerOutput("document", call.body)

        wired.world.runner.handler = handler
        assert wired.run_once(task) == Execution(ExecutionStatus.SUCCEEDED)

    def test_a_success_that_cannot_be_written_is_told_by_the_function_error_and_left_to_its_invoker(
        self, wired: Wired
    ) -> None:
        task = wired.take()
        wired.refuse("runs.write", after=1)
        with pytest.raises(StoreUnavailableError):
            wired.run_once(task)
        assert wired.row(task).state is RunState.RUNNING

"""All that is known of a task is told together, and what cannot be read hides nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.runs import A_FAILURE, a_replay
from tests.support.tasks import an_acceptance
from tests.unit.services.reading import Reading
from tests.unit.services.wired import BIG_BODY, PERMANENT, RETRYABLE, TENANT, Wired, a_draft
from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import HISTORY_KEPT, Attempt, AttemptResult, RunState
from workerflow.domain.task import Acceptance
from workerflow.ports.stores import AttemptRecord
from workerflow.services.accept_task import Accepted
from workerflow.services.read_run_detail import AttemptView, RunDetail


def find(wired: Wired, trace_id: str, tenant: str = TENANT) -> RunDetail | None:
    return Reading(wired).read_run_detail(tenant, trace_id)


def detail_of(wired: Wired, task: Acceptance) -> RunDetail:
    detail = find(wired, task.trace_id)
    assert detail is not None
    return detail


def failed_task(wired: Wired) -> Acceptance:
    wired.handler_returns(PERMANENT)
    task = wired.take()
    wired.run_once(task)
    return task


class TestTold:
    def test_a_task_is_queued_at_once_after_its_acceptance(self, wired: Wired) -> None:
        task = wired.take()
        detail = detail_of(wired, task)
        assert (detail.run.state, detail.run.version, detail.attempts) == (RunState.QUEUED, 0, [])
        assert (detail.acceptance, detail.accepted_at_ms) == (task, task.accepted_at_ms)
        assert (detail.payload, detail.payload_fault, detail.content_type) == (b'{"n":1}', "", "application/json")
        assert (detail.output, detail.output_fault, detail.letter) == (None, "", None)
        assert (detail.tree.size, detail.tree.root.state, detail.faults) == (1, RunState.QUEUED, ())

    def test_a_success_tells_its_attempt_and_its_output(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        detail = detail_of(wired, task)
        [attempt] = wired.row(task).history
        assert detail.attempts == [
            AttemptView(1, attempt.started_at_ms, attempt.ended_at_ms, AttemptResult.SUCCEEDED, None)
        ]
        assert detail.output == HandlerOutput("document", b'{"n":1}')

    def test_a_large_payload_and_a_large_output_come_whole(self, wired: Wired) -> None:
        taken = wired.accept(a_draft(body=BIG_BODY))
        assert isinstance(taken, Accepted)
        wired.run_once(taken.acceptance)
        detail = detail_of(wired, taken.acceptance)
        assert detail.payload == BIG_BODY
        assert detail.output is not None
        assert detail.output.body == BIG_BODY

    def test_a_failure_tells_its_letter_and_its_traceback(self, wired: Wired) -> None:
        task = failed_task(wired)
        detail = detail_of(wired, task)
        assert detail.letter == wired.letter(task)
        [attempt] = detail.attempts
        assert (attempt.result, attempt.failure) == (AttemptResult.PERMANENT, PERMANENT)
        assert not attempt.is_running

    def test_the_current_attempt_runs_and_has_no_end(self, wired: Wired) -> None:
        task = wired.take()
        wired.handler_returns(RETRYABLE)
        wired.run_once(task)
        wired.clock.advance(3_600)
        wired.keep(replace(wired.running(task, attempt=2), history=wired.row(task).history))
        wired.keep(replace(wired.row(task), history=(Attempt(1, 5, 6, AttemptResult.RETRYABLE),)))
        first, second = detail_of(wired, task).attempts
        assert (first.ended_at_ms, first.result, first.failure) == (6, AttemptResult.RETRYABLE, RETRYABLE)
        assert second == AttemptView(2, wired.clock.ms, None, None, None, is_running=True)

    def test_attempts_beyond_the_rows_history_are_told_by_what_they_left_behind(self, wired: Wired) -> None:
        task = wired.take()
        number = HISTORY_KEPT + 3
        history = tuple(Attempt(n, n * 10, n * 10 + 5, AttemptResult.RETRYABLE) for n in range(4, number + 1))
        wired.keep(replace(wired.running(task, attempt=number), state=RunState.WAITING, history=history))
        wired.world.runs.put_attempt(_record(wired, task, 2))
        attempts = detail_of(wired, task).attempts
        assert [attempt.number for attempt in attempts] == list(range(1, number + 1))
        assert attempts[0] == AttemptView(1, None, None, None, None)
        assert attempts[1] == AttemptView(2, None, wired.clock.ms, AttemptResult.RETRYABLE, A_FAILURE)
        assert attempts[3] == AttemptView(4, 40, 45, AttemptResult.RETRYABLE, None)

    def test_the_lineage_is_told_from_the_root_on(self, wired: Wired) -> None:
        task = failed_task(wired)
        record = a_replay(task, 1, letter=wired.letter(task))
        wired.world.replays.record_replay(record)
        for one in (task, record.acceptance):
            tree = detail_of(wired, one).tree
            assert (tree.root.trace_id, tree.size) == (task.trace_id, 2)
            assert tree.root.children[0].trace_id == record.acceptance.trace_id

    def test_a_simple_success_costs_five_reads(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        wired.memory.calls.clear()
        detail_of(wired, task)
        assert wired.memory.calls == [
            "acceptances.get",
            "runs.get",
            "replays.get_letter",
            "replays.lineage",
            "runs.view_many",
        ]


class TestForgotten:
    def test_a_row_outlives_its_acceptance(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        wired.clock.ms = task.expires_at_s * 1000
        detail = detail_of(wired, task)
        assert (detail.run, detail.acceptance, detail.payload) == (wired.row(task), None, None)
        assert detail.payload_fault
        assert detail.output == HandlerOutput("document", b'{"n":1}')
        assert (detail.content_type, detail.tree.root.trace_id) == ("", task.trace_id)

    def test_a_letter_keeps_its_payload_and_its_root(self, wired: Wired) -> None:
        task = failed_task(wired)
        letter = wired.memory.letters[TENANT, task.trace_id]
        wired.memory.letters[TENANT, task.trace_id] = replace(letter, root="a" * 44)
        wired.clock.ms = task.expires_at_s * 1000
        detail = detail_of(wired, task)
        assert (detail.payload, detail.content_type) == (b'{"n":1}', "application/json")
        assert detail.tree.root.trace_id == "a" * 44

    def test_a_later_task_with_the_same_key_lends_it_nothing(self, wired: Wired) -> None:
        old = wired.take()
        wired.run_once(old)
        wired.clock.ms = old.expires_at_s * 1000
        wired.take(body=b'{"n":2}')
        assert detail_of(wired, old).payload is None

    def test_a_forgotten_run_is_not_told_although_its_item_is_there(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        wired.clock.ms = wired.row(task).expires_at_s * 1000
        assert find(wired, task.trace_id) is None

    def test_nothing_is_told_of_what_is_not_the_tenants(self, wired: Wired) -> None:
        task = wired.take()
        for name in ("", "x", task.trace_id[:-1], an_acceptance("never taken").trace_id):
            assert find(wired, name) is None
        assert find(wired, task.trace_id, tenant="acme") is None


class TestUnreadable:
    def test_a_payload_that_is_gone_hides_nothing_else(self, wired: Wired) -> None:
        taken = wired.accept(a_draft(body=BIG_BODY))
        assert isinstance(taken, Accepted)
        wired.memory.objects.clear()
        detail = detail_of(wired, taken.acceptance)
        assert detail.payload is None
        assert "there is no object" in detail.payload_fault

    def test_a_bucket_that_does_not_answer_hides_nothing_else(self, wired: Wired) -> None:
        taken = wired.accept(a_draft(body=BIG_BODY))
        assert isinstance(taken, Accepted)
        wired.refuse("blobs.get")
        detail = detail_of(wired, taken.acceptance)
        assert (detail.payload, bool(detail.payload_fault)) == (None, True)

    def test_an_output_that_is_gone_is_told(self, wired: Wired) -> None:
        task = wired.take()
        wired.handler_returns(HandlerOutput("document", BIG_BODY))
        wired.run_once(task)
        wired.memory.objects.clear()
        assert "there is no object" in detail_of(wired, task).output_fault
        wired.memory.attempts.clear()
        assert "no longer kept" in detail_of(wired, task).output_fault

    def test_an_output_that_no_code_of_ours_wrote_is_told(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        wired.keep(replace(wired.row(task), output=b"edited by hand"))
        detail = detail_of(wired, task)
        assert detail.output is None
        assert detail.output_fault

    @pytest.mark.parametrize("name", ["acceptances.get", "runs.get", "replays.get_letter"])
    def test_one_item_that_cannot_be_read_is_told(self, wired: Wired, name: str) -> None:
        task = failed_task(wired)
        wired.refuse(name, error=IntegrityError)
        detail = detail_of(wired, task)
        [fault] = detail.faults
        assert "cannot be read" in fault
        assert detail.payload == b'{"n":1}'

    def test_an_attempt_that_cannot_be_read_is_told(self, wired: Wired) -> None:
        task = failed_task(wired)
        wired.memory.spoilt.add(("attempts", TENANT, task.trace_id, 1))
        detail = detail_of(wired, task)
        assert detail.faults == ("attempt 1 cannot be read: spoilt",)
        assert detail.attempts[0].failure is None

    @pytest.mark.parametrize("name", ["acceptances.get", "runs.get", "replays.get_letter", "runs.view_attempts"])
    def test_a_store_that_does_not_answer_is_no_answer(self, wired: Wired, name: str) -> None:
        task = failed_task(wired)
        wired.refuse(name)
        with pytest.raises(StoreUnavailableError):
            find(wired, task.trace_id)


def _record(wired: Wired, task: Acceptance, number: int) -> AttemptRecord:
    return AttemptRecord(TENANT, task.trace_id, number, wired.clock.ms, task.expires_at_s, failure=A_FAILURE)

"""A caller asks for its run: what it sees, and what it is never told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.services.wired import BIG_BODY, TENANT, Wired, a_draft
from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import RUN_OUTLIVES_ACCEPTANCE_S, Run, RunState
from workerflow.services.accept_task import Accepted


class TestSeen:
    def test_a_task_is_queued_at_once_after_its_acceptance(self, wired: Wired) -> None:
        taken = wired.accept(a_draft())
        assert isinstance(taken, Accepted)
        view = wired.read_run(TENANT, taken.acceptance.trace_id)
        assert view is not None
        assert (view.run.state, view.run.version, view.output) == (RunState.QUEUED, 0, None)
        assert (view.accepted_at_ms, view.acceptance) == (wired.clock.ms, taken.acceptance)

    def test_it_costs_two_reads(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        wired.memory.calls.clear()
        wired.read_run(TENANT, task.trace_id)
        assert wired.memory.calls == ["acceptances.get", "runs.get"]

    def test_a_success_shows_its_output(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        view = wired.read_run(TENANT, task.trace_id)
        assert view is not None
        assert view.run == wired.row(task)
        assert HandlerOutput.decode(view.output or b"").body == b'{"n":1}'

    def test_so_does_one_whose_output_is_an_object(self, wired: Wired) -> None:
        task = wired.take()
        wired.handler_returns(HandlerOutput("document", BIG_BODY))
        wired.run_once(task)
        view = wired.read_run(TENANT, task.trace_id)
        assert view is not None
        assert HandlerOutput.decode(view.output or b"").body == BIG_BODY

    def test_a_run_is_still_seen_when_its_key_is_forgotten(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        wired.clock.ms = task.expires_at_s * 1000
        view = wired.read_run(TENANT, task.trace_id)
        assert view is not None
        assert (view.run.state, view.acceptance) == (RunState.SUCCEEDED, None)
        assert view.accepted_at_ms == task.accepted_at_ms

    def test_a_later_task_with_the_same_key_does_not_hide_it(self, wired: Wired) -> None:
        old = wired.take()
        wired.run_once(old)
        wired.clock.ms = old.expires_at_s * 1000
        new = wired.take()
        views = [wired.read_run(TENANT, task.trace_id) for task in (old, new)]
        assert [view.run.state for view in views if view is not None] == [RunState.SUCCEEDED, RunState.QUEUED]


class TestNotSeen:
    @pytest.mark.parametrize(
        "trace_id", ["", "x", "0" * 43, "0" * 45, "G" * 44, "0" * 43 + "A", "0" * 44 + "\n", "%00", "../" * 15]
    )
    def test_a_malformed_id_is_nothing_and_costs_nothing(self, wired: Wired, trace_id: str) -> None:
        assert wired.read_run(TENANT, trace_id) is None
        assert wired.memory.calls == []

    def test_another_tenants_run_is_nothing(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        assert wired.read_run("acme", task.trace_id) is None

    def test_nor_is_one_that_never_was(self, wired: Wired) -> None:
        assert wired.read_run(TENANT, "0" * 44) is None

    def test_an_accepted_task_with_an_id_of_another_time_is_nothing(self, wired: Wired) -> None:
        task = wired.take()
        assert wired.read_run(TENANT, "0" * 12 + task.key_hash) is None

    def test_an_expired_row_counts_as_absent_deleted_or_not(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        wired.clock.ms = (task.expires_at_s + RUN_OUTLIVES_ACCEPTANCE_S) * 1000 - 1
        assert wired.read_run(TENANT, task.trace_id) is not None
        wired.clock.ms += 1
        assert wired.read_run(TENANT, task.trace_id) is None

    def test_an_expired_acceptance_without_a_row_is_nothing(self, wired: Wired) -> None:
        task = wired.take()
        wired.clock.ms = task.expires_at_s * 1000
        assert wired.read_run(TENANT, task.trace_id) is None


class TestFaults:
    @pytest.mark.parametrize("call", ["acceptances.get", "runs.get"])
    def test_a_store_that_does_not_answer_is_no_404(self, wired: Wired, call: str) -> None:
        task = wired.take()
        wired.refuse(call)
        with pytest.raises(StoreUnavailableError):
            wired.read_run(TENANT, task.trace_id)

    def test_an_output_that_should_be_there_and_is_not_is_a_fault(self, wired: Wired) -> None:
        task = wired.take()
        row = Run.of_task(task).change(nonce="s", now_ms=1, state=RunState.SUCCEEDED, has_output_item=True, attempt=1)
        wired.keep(row)
        with pytest.raises(IntegrityError):
            wired.read_run(TENANT, task.trace_id)
        assert wired.tell_run.output(replace(row, state=RunState.FAILED)) is None

"""A schedule's tasks go the way of every task: attempts, switches, sweeper, pause, death and replay know it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.tasks import POLICY, a_manifest, a_route, a_schedule
from tests.unit.services.wired import OWNER, PERMANENT, RETRYABLE, TENANT, Wired, a_budget, message_of
from workerflow.domain.enablement import Enablement
from workerflow.domain.fire import fire_key, fire_payload
from workerflow.domain.outcome import ExecutionStatus
from workerflow.domain.output import HandlerOutput
from workerflow.domain.retry import RetryPolicy
from workerflow.domain.run import LetterClass, RunState
from workerflow.domain.schedule import EVERY_TENANT
from workerflow.domain.source import DEFAULT_TIMEOUT_SECONDS, Source
from workerflow.domain.task import Acceptance
from workerflow.services.record_death import Death
from workerflow.services.replay_task import InvalidEdit, NotReplayable, Replayed, ReplayOrder
from workerflow.services.set_switch import SwitchOrder
from workerflow.services.sweep import GRACE_S

REPORT = "schedule:report"
PAUSE = SwitchOrder(TENANT, REPORT, Enablement.PAUSED, "ops (token 7)", "the mail is down")


def a_fire(wired: Wired, *, source: str = REPORT, tenant: str = TENANT) -> Acceptance:
    """A fire that was accepted at the minute's end, and whose message nobody has."""
    due_ms = wired.clock.ms // 60_000 * 60_000
    body = fire_payload("report", due_ms)
    return wired.take(fire_key(due_ms), source=source, kind="scheduled_job", body=body, tenant=tenant)


def with_schedule(**changes: Any) -> Wired:
    return Wired(manifest=a_manifest(a_schedule(**changes)))


def deployed(wired: Wired, *sources: Source) -> Wired:
    """The same world after a deploy of these sources."""
    return Wired(manifest=a_manifest(*sources), world=wired.world)


def order(task: Acceptance, edited_body: bytes | None = None) -> ReplayOrder:
    return ReplayOrder(TENANT, task.trace_id, "ops", "mended", edited_body)


def child_of(wired: Wired, task: Acceptance, edited_body: bytes | None = None) -> Acceptance:
    outcome = wired.replay(order(task, edited_body))
    assert isinstance(outcome, Replayed)
    return next(one for one in wired.memory.acceptances.values() if one.trace_id == outcome.child)


def failed(wired: Wired) -> Acceptance:
    task = a_fire(wired)
    wired.handler_returns(PERMANENT)
    wired.run_once(task)
    return task


class TestExecution:
    def test_the_schedules_handler_runs_with_the_fires_payload(self, wired: Wired) -> None:
        task = a_fire(wired)
        assert wired.run_once(task).status is ExecutionStatus.SUCCEEDED
        [call] = wired.world.runner.calls
        assert (call.source, call.acceptance, call.body) == (a_schedule(), task, task.payload.inline)

    def test_it_is_retried_under_the_schedules_policy(self, wired: Wired) -> None:
        task = a_fire(wired)
        wired.handler_returns(RETRYABLE)
        for attempt in range(1, POLICY.max_attempts + 1):
            status = wired.run_once(task).status
            assert status is (ExecutionStatus.FAILED if attempt == POLICY.max_attempts else ExecutionStatus.WAITING)
            wired.clock.advance(60)
        letter = wired.letter(task)
        assert letter is not None
        assert (letter.source, letter.kind, letter.letter_class) == (REPORT, "scheduled_job", LetterClass.EXHAUSTED)

    def test_a_death_is_held_against_the_schedules_time_out_and_policy(self) -> None:
        seconds = DEFAULT_TIMEOUT_SECONDS + 30
        wired = with_schedule(timeout_seconds=seconds, retry=RetryPolicy(max_attempts=1))
        task = a_fire(wired)
        for lived_seconds, ends_as in ((seconds - 30, LetterClass.CRASH), (seconds, LetterClass.TIMEOUT)):
            wired.memory.letters.clear()
            wired.running(task, owner=OWNER)
            wired.clock.advance(lived_seconds)
            wired.record_death(Death(message_of(task), OWNER, "status 1"), for_caller=False)
            letter = wired.letter(task)
            assert letter is not None
            assert letter.letter_class is ends_as

    def test_the_sweeper_sends_what_never_started(self, wired: Wired) -> None:
        task = a_fire(wired)
        wired.clock.advance(GRACE_S + 1)
        wired.sweep([TENANT], a_budget(wired))
        assert wired.queue.messages == [message_of(task)]
        assert (wired.row(task).source, wired.row(task).kind) == (REPORT, "scheduled_job")

    def test_the_sweeper_counts_the_schedules_attempts(self) -> None:
        wired = with_schedule(retry=RetryPolicy(max_attempts=1))
        task = a_fire(wired)
        wired.running(task)
        wired.clock.advance(GRACE_S + 600)
        wired.sweep([TENANT], a_budget(wired))
        assert wired.row(task).state is RunState.FAILED


class TestDisabled:
    @pytest.mark.parametrize(
        "sources",
        [(a_route(),), (a_schedule(enabled=False),), (a_schedule(tenants=("acme",)),)],
        ids=["removed", "switched off", "withdrawn from the tenant"],
    )
    def test_after_a_deploy_without_it_its_waiting_tasks_are_dead_lettered(
        self, wired: Wired, sources: tuple[Source, ...]
    ) -> None:
        task = a_fire(wired)
        without = deployed(wired, *sources)
        execution = without.run_once(task)
        assert (execution.status, execution.letter_class) == (ExecutionStatus.FAILED, LetterClass.DISABLED)
        assert without.world.runner.calls == []
        assert without.replay(order(task)) == NotReplayable("disabled", f"{REPORT} is disabled or no longer exists")
        assert wired.run_once(child_of(wired, task)).status is ExecutionStatus.SUCCEEDED

    def test_a_switch_does_the_same_at_run_time(self, wired: Wired) -> None:
        task = a_fire(wired)
        wired.switch(Enablement.DISABLED, REPORT)
        assert wired.run_once(task).letter_class is LetterClass.DISABLED
        assert isinstance(wired.replay(order(task)), NotReplayable)
        wired.switch(Enablement.ENABLED, REPORT)
        assert wired.run_once(child_of(wired, task)).status is ExecutionStatus.SUCCEEDED

    def test_what_is_due_is_closed_by_the_tick(self, wired: Wired) -> None:
        task = a_fire(wired)
        wired.queued(task)
        wired.switch(Enablement.DISABLED, REPORT)
        wired.release_due([TENANT], a_budget(wired))
        letter = wired.letter(task)
        assert letter is not None
        assert letter.letter_class is LetterClass.DISABLED

    def test_a_route_of_the_same_name_goes_on(self) -> None:
        wired = Wired(manifest=a_manifest(a_route("report"), a_schedule()))
        wired.switch(Enablement.DISABLED, REPORT)
        assert wired.enablement(TENANT, "route:report") is Enablement.ENABLED
        assert wired.enablement(TENANT, REPORT) is Enablement.DISABLED


class TestPaused:
    def test_its_waiting_tasks_are_parked_and_released_by_the_resume(self, wired: Wired) -> None:
        task = a_fire(wired)
        wired.switch(Enablement.PAUSED, REPORT)
        assert wired.run_once(task).status is ExecutionStatus.PARKED
        assert (wired.row(task).state, wired.row(task).paused) == (RunState.PARKED, True)
        wired.release_due([TENANT], a_budget(wired))
        assert wired.queue.messages == []
        wired.switch(Enablement.ENABLED, REPORT)
        wired.release_due([TENANT], a_budget(wired))
        assert wired.queue.messages == [message_of(task)]
        assert wired.run_once(task).status is ExecutionStatus.SUCCEEDED


class TestTenants:
    @pytest.mark.parametrize(
        ("tenants", "served"),
        [((TENANT,), True), (("acme", TENANT), True), ((EVERY_TENANT,), True), (("acme",), False)],
    )
    def test_to_a_tenant_whose_schedule_it_is_not_it_does_not_exist(
        self, tenants: tuple[str, ...], served: bool
    ) -> None:
        wired = with_schedule(tenants=tenants)
        assert wired.enablement(TENANT, REPORT) is (Enablement.ENABLED if served else Enablement.DISABLED)
        assert (wired.set_switch(PAUSE) is not None) == served

    def test_each_tenant_has_a_switch_of_its_own(self) -> None:
        wired = with_schedule(tenants=(EVERY_TENANT,))
        assert wired.set_switch(PAUSE) is not None
        assert wired.enablement(TENANT, REPORT) is Enablement.PAUSED
        assert wired.enablement("acme", REPORT) is Enablement.ENABLED


class TestReplay:
    def test_the_child_is_a_scheduled_job_of_the_same_moment(self, wired: Wired) -> None:
        parent = failed(wired)
        wired.clock.advance(3600)
        child = child_of(wired, parent)
        assert (child.source, child.kind, child.mode) == (REPORT, "scheduled_job", "async")
        assert (child.payload, child.manual) == (parent.payload, False)
        wired.world.runner.handler = lambda call: HandlerOutput("document", call.body)
        assert wired.run_once(child).status is ExecutionStatus.SUCCEEDED

    def test_it_is_no_fire_so_the_fires_own_key_still_leads_to_the_fire(self, wired: Wired) -> None:
        parent = failed(wired)
        child = child_of(wired, parent)
        assert child.key_hash != parent.key_hash
        assert wired.memory.acceptances[TENANT, parent.key_hash] == parent

    @pytest.mark.parametrize(
        "body", [b'{"schedule":"report","dueAt":"2026-11-22T05:00:00.000Z"}', b'{"only":"a"}', b"7"]
    )
    def test_its_payload_may_be_edited_to_any_json(self, wired: Wired, body: bytes) -> None:
        child = child_of(wired, failed(wired), body)
        assert child.payload.inline == body
        assert (child.kind, child.lineage is not None and child.lineage.edited) == ("scheduled_job", True)

    @pytest.mark.parametrize("body", [b"", b"{", b'{"a":1,"a":2}', b"\xff"])
    def test_but_not_to_what_no_handler_could_read(self, wired: Wired, body: bytes) -> None:
        assert isinstance(wired.replay(order(failed(wired), body)), InvalidEdit)
        assert wired.memory.lineage == {}

    def test_a_manual_runs_child_is_a_replay_and_no_manual_run(self, wired: Wired) -> None:
        task = wired.take(source=REPORT, kind="scheduled_job", manual=True)
        wired.run_once(task)
        child = child_of(wired, task)
        assert (child.manual, child.lineage is not None) == (False, True)

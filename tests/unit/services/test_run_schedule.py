"""Run now: an operator's run of a schedule, once for each key, with a reason, beside the fires."""

from __future__ import annotations

import json

import pytest

from tests.support.tasks import a_schedule
from tests.unit.services.clockwork import Clockwork, ms
from tests.unit.services.wired import TENANT, message_of
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.run import RunState
from workerflow.domain.schedule import EVERY_TENANT
from workerflow.domain.task import Acceptance
from workerflow.domain.tenants import UNLIMITED, Tenants
from workerflow.ports.tenants import TenantsDocument
from workerflow.services.run_schedule import NotRunnable, RunOrder, RunStarted

ORDER = RunOrder(TENANT, "report", "key-1", "token:ops", "the customer asked")


@pytest.fixture
def hourly() -> Clockwork:
    clockwork = Clockwork()
    clockwork.tick("08:30")
    return clockwork


def run(clockwork: Clockwork, **changes: str) -> RunStarted | NotRunnable:
    fields = {name: getattr(ORDER, name) for name in ("tenant", "schedule", "key", "actor", "reason")} | changes
    return clockwork.wired.run_schedule(RunOrder(**fields))


def task_of(clockwork: Clockwork, started: RunStarted | NotRunnable) -> Acceptance:
    assert isinstance(started, RunStarted)
    [task] = [one for one in clockwork.memory.acceptances.values() if one.trace_id == started.trace_id]
    return task


def test_it_is_a_task_of_the_schedule_with_a_trace_of_its_own_marked_manual(hourly: Clockwork) -> None:
    task = task_of(hourly, run(hourly))
    assert (task.source, task.kind, task.mode, task.manual) == ("schedule:report", "scheduled_job", "async", True)
    assert json.loads(task.payload.inline or b"") == {
        "schedule": "report",
        "manual": True,
        "reason": "the customer asked",
    }
    assert hourly.wired.queue.messages == [message_of(task)]


def test_who_ran_it_and_why_is_audited_with_it(hourly: Clockwork) -> None:
    task = task_of(hourly, run(hourly))
    [event] = hourly.memory.audit.values()
    assert (event.tenant, event.actor, event.action, event.target) == (
        TENANT,
        "token:ops",
        "schedule.run",
        "schedule:report",
    )
    assert (event.reason, event.details) == ("the customer asked", {"run": task.trace_id})


def test_the_same_key_again_is_the_same_run(hourly: Clockwork) -> None:
    first, second = run(hourly), run(hourly)
    assert isinstance(first, RunStarted)
    assert second == RunStarted(first.trace_id, created=False)
    assert (len(hourly.wired.queue.messages), len(hourly.memory.audit)) == (1, 1)


def test_another_key_is_another_run(hourly: Clockwork) -> None:
    assert run(hourly) != run(hourly, key="key-2")
    assert len(hourly.wired.queue.messages) == 2


def test_the_same_key_with_another_reason_is_told(hourly: Clockwork) -> None:
    run(hourly)
    outcome = run(hourly, reason="another")
    assert isinstance(outcome, NotRunnable)
    assert outcome.code == "key_reused"


def test_a_lost_answer_is_asked_for_again_and_is_one_run(hourly: Clockwork) -> None:
    hourly.wired.lose_answer("schedules.record_manual")
    with pytest.raises(StoreUnavailableError):
        run(hourly)
    assert isinstance(run(hourly), RunStarted)
    assert len([one for one in hourly.memory.acceptances.values() if one.manual]) == 1


def test_a_run_whose_message_is_not_sent_is_left_to_the_sweeper(hourly: Clockwork) -> None:
    hourly.wired.refuse("queue.send")
    assert isinstance(run(hourly), RunStarted)
    assert (hourly.wired.queue.messages, hourly.wired.signals.counts["SendFailed"]) == ([], 1)


@pytest.mark.parametrize("key", ["2025-10-09T09:00:00.000Z", "report"])
def test_it_never_takes_a_fires_place(hourly: Clockwork, key: str) -> None:
    run(hourly, key=key)
    hourly.tick("09:00:04")
    assert hourly.fires() == ["09:00"]


def test_it_moves_no_cursor(hourly: Clockwork) -> None:
    before = hourly.cursor()
    run(hourly)
    assert hourly.cursor() == before


def test_it_neither_skips_nor_is_skipped_by_a_fire() -> None:
    clockwork = Clockwork(a_schedule(overlap="skip"))
    clockwork.tick("08:30", "09:00:04")
    task = task_of(clockwork, run(clockwork))
    clockwork.end("09:00")
    clockwork.tick("10:00:04")
    assert clockwork.fires() == ["09:00", "10:00"]
    assert (clockwork.skipped(), (TENANT, task.trace_id) in clockwork.memory.runs) == ([], False)


def test_a_disabled_schedule_is_not_run(hourly: Clockwork) -> None:
    hourly.switch("08:40", Enablement.DISABLED)
    outcome = run(hourly)
    assert isinstance(outcome, NotRunnable)
    assert (outcome.code, hourly.memory.acceptances) == ("disabled", {})


def test_a_paused_one_is_and_waits_for_the_resume(hourly: Clockwork) -> None:
    hourly.switch("08:40", Enablement.PAUSED)
    task = task_of(hourly, run(hourly))
    hourly.wired.run_once(task)
    assert hourly.wired.row(task).state is RunState.PARKED


def test_an_unknown_schedule_is_not_found(hourly: Clockwork) -> None:
    outcome = run(hourly, schedule="nothing")
    assert isinstance(outcome, NotRunnable)
    assert outcome.code == "not_found"


def test_nor_is_another_tenants(hourly: Clockwork) -> None:
    outcome = run(hourly, tenant="acme")
    assert isinstance(outcome, NotRunnable)
    assert (outcome.code, hourly.memory.acceptances) == ("not_found", {})


def test_for_a_tenant_that_is_not_declared_nothing_is_written() -> None:
    clockwork = Clockwork(a_schedule(tenants=(EVERY_TENANT,)))
    outcome = run(clockwork, tenant="acme")
    assert isinstance(outcome, NotRunnable)
    assert outcome.code == "not_found"
    assert (clockwork.memory.acceptances, clockwork.memory.audit, clockwork.wired.queue.messages) == ({}, {}, [])


def test_for_one_that_is_declared_it_is_run_and_not_once_it_is_retired() -> None:
    clockwork = Clockwork(a_schedule(tenants=(EVERY_TENANT,)))
    declared = Tenants.of({"acme": UNLIMITED})
    clockwork.memory.tenants = TenantsDocument(declared.to_text(), 1, "n")
    assert isinstance(run(clockwork, tenant="acme"), RunStarted)
    clockwork.clock.advance(61)
    retired = Tenants.of({}).after(declared, now_ms=clockwork.clock.ms)
    clockwork.memory.tenants = TenantsDocument(retired.to_text(), 2, "n")
    assert isinstance(run(clockwork, tenant="acme", key="another"), NotRunnable)


def test_its_deadline_counts_from_now(hourly: Clockwork) -> None:
    hourly.clock.ms = ms("08:45")
    assert task_of(hourly, run(hourly)).deadline_ms == ms("08:45") + 24 * 3600 * 1000

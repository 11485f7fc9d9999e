"""`workflow` as deployed: the event of its invokers in, how the task stands out, the ledger between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.workflow import handler
from tests.fakes.surroundings import FakeFaults
from tests.integration import scripted_handlers
from tests.integration.functions_world import Context, FunctionsWorld, functions_world
from tests.integration.scripted_handlers import starts
from tests.support.aws import BUCKET
from tests.support.faults import Fault, ProcessDied
from workerflow import handlers
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.fire import fire_payload
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import AttemptResult, LetterClass, RunState
from workerflow.domain.stored import StoredBytes
from workerflow.runtime.clock import SystemClock, SystemIds
from workerflow.services.cancel_run import Cancelled, CancelOrder, CancelRun
from workerflow.services.find_run import FindRun
from workerflow.services.ledger import Ledger
from workerflow.services.set_switch import SetSwitch, SwitchOrder
from workerflow.services.tenants import KnownTenants


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FunctionsWorld]:
    with functions_world(monkeypatch, tmp_path) as found:
        yield found


def answer(world: FunctionsWorld, route: str = "succeed", *, for_caller: bool = False) -> Execution:
    task = world.take(route=route, mode="sync" if for_caller else "async")
    return Execution.from_json(json.dumps(world.execute(task, for_caller=for_caller)).encode())


def pause(world: FunctionsWorld, source: str) -> None:
    set_switch = SetSwitch(
        switches=world.aws.switches,
        manifest=scripted_handlers.manifest(),
        tenants=KnownTenants(store=world.aws.tenants, clock=SystemClock(), faults=FakeFaults()),
        clock=SystemClock(),
        ids=SystemIds(),
    )
    assert set_switch(SwitchOrder("default", source, Enablement.PAUSED, "ops", "maintenance")) is not None


class TestAnswers:
    def test_a_success_for_the_queue_carries_no_output(self, world: FunctionsWorld) -> None:
        assert answer(world) == Execution(ExecutionStatus.SUCCEEDED)

    def test_a_success_for_a_caller_carries_it(self, world: FunctionsWorld) -> None:
        execution = answer(world, "ask", for_caller=True)
        assert HandlerOutput.decode(execution.output or b"").document() == {"got": {"n": 1}, "attempt": 1}

    def test_a_failure_says_why(self, world: FunctionsWorld) -> None:
        execution = answer(world, "refuse")
        assert (execution.status, execution.letter_class) == (ExecutionStatus.FAILED, LetterClass.HANDLER_ERROR)
        assert execution.error == "PermanentError: no such customer"

    def test_a_retry_says_when(self, world: FunctionsWorld) -> None:
        execution = answer(world, "retry")
        assert execution.status is ExecutionStatus.WAITING
        assert 29 < execution.delay_seconds <= 30

    def test_a_long_wait_is_parked(self, world: FunctionsWorld) -> None:
        assert answer(world, "retry_late").status is ExecutionStatus.PARKED

    def test_a_removed_route_is_a_letter(self, world: FunctionsWorld) -> None:
        assert answer(world, "gone").letter_class is LetterClass.DISABLED

    def test_a_task_that_is_not_there_is_unknown(self, world: FunctionsWorld) -> None:
        event = {"tenant": "default", "traceId": "0" * 44, "owner": "o", "forCaller": False}
        assert world.aws.queue_url
        assert handler.lambda_handler(event, Context())["status"] == "unknown"


class TestLedger:
    def test_the_lease_ends_after_lambda_would_have_ended_the_invocation(self, world: FunctionsWorld) -> None:
        task = world.take(route="crash")
        with pytest.raises(ProcessDied):
            world.execute(task)
        run = world.run(task)
        assert (run.state, run.owner) == (RunState.RUNNING, "o" * 16)
        lease_ms = (run.lease_until_ms or 0) - (run.claimed_at_ms or 0)
        assert 280_000 <= lease_ms <= 285_000

    def test_a_large_output_is_kept_outside_the_row_and_answered_again(self, world: FunctionsWorld) -> None:
        task = world.take(route="return_much", mode="sync")
        first = world.execute(task, for_caller=True)
        again = world.execute(task, for_caller=True)
        assert again == first | {"stored": True}
        [stored] = world.aws.clients.s3().list_objects_v2(Bucket=BUCKET)["Contents"]
        assert stored["Key"] == f"default/{task.key_hash}/{task.trace_id}.out.1"
        assert world.run(task).has_output_item

    def test_a_large_payload_is_read_from_the_bucket(self, world: FunctionsWorld) -> None:
        body = json.dumps({"text": "ä" * 10_000}).encode()
        world.aws.blobs.put("default/somewhere", body)
        world.execute(world.take(payload=StoredBytes.pointed(body, "default/somewhere")))
        assert len(starts) == 1

    def test_a_payload_that_is_gone_is_the_platforms_letter(self, world: FunctionsWorld) -> None:
        task = world.take(payload=StoredBytes.pointed(b"x", "default/nowhere"))
        assert world.execute(task)["letterClass"] == "platform"
        assert starts == []

    def test_a_switch_set_at_run_time_holds(self, world: FunctionsWorld) -> None:
        pause(world, "route:succeed")
        task = world.take()
        assert world.execute(task)["status"] == "parked"
        assert world.run(task).paused


class TestSchedules:
    def test_a_fires_handler_gets_what_it_is_for_and_its_secrets(self, world: FunctionsWorld) -> None:
        world.aws.clients.secrets().create_secret(Name="workerflow/dev/default/handlers/crm", SecretString="s3cret")
        body = fire_payload("report", 1_795_410_000_000)
        task = world.take(source="schedule:report", kind="scheduled_job", body=body)
        assert world.execute(task)["status"] == "succeeded"
        run = world.run(task)
        assert (run.source, run.kind) == ("schedule:report", "scheduled_job")
        assert json.loads(run.output or b"")["document"] == {
            "got": {"schedule": "report", "dueAt": "2026-11-23T05:00:00.000Z"},
            "source": "schedule:report",
            "dueAtMs": 1_795_410_000_000,
            "length": 6,
        }

    def test_a_removed_schedules_task_is_a_letter(self, world: FunctionsWorld) -> None:
        task = world.take(source="schedule:gone", kind="scheduled_job")
        assert world.execute(task)["letterClass"] == "disabled"

    def test_a_schedule_is_paused_by_a_switch_of_its_own(self, world: FunctionsWorld) -> None:
        pause(world, "schedule:report")
        task = world.take(source="schedule:report", kind="scheduled_job")
        assert world.execute(task)["status"] == "parked"
        assert world.run(task).paused


class TestFaults:
    def test_a_store_that_does_not_answer_before_the_claim_is_a_function_error_and_no_attempt(
        self, world: FunctionsWorld
    ) -> None:
        task = world.take()
        with world.aws.line.breaking(Fault.REFUSED, "dynamodb.PutItem"), pytest.raises(StoreUnavailableError):
            world.execute(task)
        assert world.aws.runs.get("default", task.trace_id) is None
        assert starts == []

    def test_answers_that_get_lost_on_the_way_are_found_to_be_ones_own(self, world: FunctionsWorld) -> None:
        task = world.take()
        with world.aws.line.breaking(Fault.LOST, "dynamodb.PutItem"):
            assert world.execute(task)["status"] == "succeeded"
        assert (world.run(task).attempt, world.run(task).version) == (1, 2)


class TestSecrets:
    def test_a_handler_reads_its_tenants_connector_secret(self, world: FunctionsWorld) -> None:
        world.aws.clients.secrets().create_secret(Name="workerflow/dev/default/handlers/crm", SecretString="s3cret")
        task = world.take(route="read_secret")
        assert world.execute(task)["status"] == "succeeded"
        assert json.loads(world.run(task).output or b"")["document"] == {"length": 6}

    def test_one_that_does_not_exist_fails_for_good(self, world: FunctionsWorld) -> None:
        assert answer(world, "read_secret").letter_class is LetterClass.HANDLER_ERROR


class TestLogs:
    def test_one_line_tells_how_it_ended_and_none_tells_the_payload(
        self, world: FunctionsWorld, capsys: pytest.CaptureFixture[str]
    ) -> None:
        task = world.take(body=b'{"card":"4111-1111"}')
        world.execute(task)
        out = capsys.readouterr().out
        lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        [execution] = [line for line in lines if line.get("message") == "execution"]
        assert (execution["trace_id"], execution["tenant"], execution["status"]) == (
            task.trace_id,
            "default",
            "succeeded",
        )
        assert "4111" not in out

    def test_nor_does_any_tell_what_a_handlers_exception_repeats_of_it(
        self, world: FunctionsWorld, capsys: pytest.CaptureFixture[str]
    ) -> None:
        task = world.take(route="repeat", body=b'{"card":"4111-1111"}')
        world.execute(task)
        out = capsys.readouterr().out
        assert "4111" not in out
        assert '"error_class":"ValueError"' in out
        assert '"message":"a handler failed"' in out, "where it failed is told"
        assert "4111-1111" in (world.run(task).error or ""), "the ledger keeps it"

    def test_a_handlers_own_lines_carry_trace_id_and_tenant(
        self, world: FunctionsWorld, capsys: pytest.CaptureFixture[str]
    ) -> None:
        task = world.take(route="webhook_echo")
        world.execute(task)
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
        [own] = [line for line in lines if line.get("message") == "webhook received"]
        assert (own["trace_id"], own["tenant"], own["size"]) == (task.trace_id, "default", 7)


class TestCancel:
    def cancel(self, world: FunctionsWorld, trace_id: str) -> None:
        clock, aws = SystemClock(), world.aws
        ledger = Ledger(runs=aws.runs, acceptances=aws.acceptances, clock=clock, ids=SystemIds())
        find_run = FindRun(acceptances=aws.acceptances, runs=aws.runs, clock=clock)
        outcome = CancelRun(find_run=find_run, ledger=ledger, operations=aws.operations)(
            CancelOrder("default", trace_id, "ops", "a mistake")
        )
        assert isinstance(outcome, Cancelled)

    def test_a_handler_that_asks_sees_it_and_gives_up(
        self, world: FunctionsWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        steps: list[int] = []

        def between_steps(context: handlers.Context, step: int) -> None:
            steps.append(step)
            if step == 0:
                self.cancel(world, context.trace_id)

        monkeypatch.setattr(scripted_handlers, "between_steps", between_steps)
        task = world.take(route="stop_when_asked")
        assert world.execute(task)["status"] == "ended"
        run = world.run(task)
        assert (steps, run.state, run.history[-1].result) == ([0], RunState.CANCELLED, AttemptResult.CANCELLED)
        assert world.aws.replays.get_letter("default", task.trace_id) is None
        assert "a handler failed" not in capsys.readouterr().out

    def test_one_that_nobody_cancels_asks_the_ledger_once_a_second_at_most(self, world: FunctionsWorld) -> None:
        task = world.take(route="stop_when_asked")
        world.aws.line.reset()
        assert world.execute(task)["status"] == "succeeded"
        asked = [call for call in world.aws.line.calls if "_is_cancelled" in call.site.caller]
        assert len(asked) == 1

    def test_a_cancelled_tasks_message_is_deleted_and_nothing_runs(self, world: FunctionsWorld) -> None:
        task = world.take()
        self.cancel(world, task.trace_id)
        assert not world.consume_task(task)
        assert (starts, world.run(task).state) == ([], RunState.CANCELLED)

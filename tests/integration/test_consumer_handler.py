"""The consumer as deployed: batches of the queue, and `workflow` behind it in process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest

from functions.consumer import handler
from tests.integration.functions_world import SQS_BATCH, Context, FunctionsWorld, functions_world, text_of
from tests.integration.scripted_handlers import starts
from tests.support.aws import WORKFLOW_FUNCTION
from tests.support.faults import Fault
from tests.support.lambda_stand_in import run_functions
from workerflow.domain.run import AttemptResult, LetterClass, RunState


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FunctionsWorld]:
    with functions_world(monkeypatch, tmp_path) as found:
        yield found


class TestOneMessage:
    def test_a_success_takes_its_message(self, world: FunctionsWorld) -> None:
        task = world.take()
        assert not world.consume_task(task)
        assert world.run(task).state is RunState.SUCCEEDED
        assert starts == [(task.trace_id, 1)]

    def test_the_example_handler_runs_as_it_is_shipped(self, world: FunctionsWorld) -> None:
        task = world.take(route="webhook_echo", body=b'{"hello":"world"}')
        assert not world.consume_task(task)
        assert json.loads(world.run(task).output or b"")["document"]["keys"] == ["hello"]

    def test_a_failure_takes_its_message_and_leaves_a_letter(self, world: FunctionsWorld) -> None:
        task = world.take(route="refuse")
        assert not world.consume_task(task)
        letter = world.aws.replays.get_letter("default", task.trace_id)
        assert letter is not None
        assert (letter.letter_class, letter.payload) == (LetterClass.HANDLER_ERROR, task.payload)

    def test_a_retry_brings_its_message_back_when_it_is_time(self, world: FunctionsWorld) -> None:
        task = world.take(route="retry")
        assert world.consume_task(task)
        [seconds] = world.visible_in()
        assert 25 < seconds <= 31
        assert world.run(task).state is RunState.WAITING

    def test_a_long_wait_takes_the_message_for_the_tick_will_send_another(self, world: FunctionsWorld) -> None:
        task = world.take(route="retry_late")
        assert not world.consume_task(task)
        assert world.run(task).state is RunState.PARKED

    def test_a_second_delivery_of_a_finished_task_runs_nothing(self, world: FunctionsWorld) -> None:
        task = world.take()
        world.consume_task(task)
        assert not world.consume_task(task)
        assert len(starts) == 1

    def test_a_task_that_was_never_accepted_takes_its_message(self, world: FunctionsWorld) -> None:
        assert world.consume('{"v": 1, "tenant": "default", "traceId": "%s"}' % ("0" * 44)) == []

    def test_a_crash_is_recorded_and_its_message_comes_back(self, world: FunctionsWorld) -> None:
        task = world.take(route="crash")
        assert world.consume_task(task)
        run = world.run(task)
        assert (run.state, run.history[-1].result) == (RunState.WAITING, AttemptResult.CRASH)
        assert "exit status 137" in (run.error or "")


class TestFaults:
    def test_an_invocation_that_is_throttled_is_no_attempt(self, world: FunctionsWorld) -> None:
        task = world.take()
        with world.aws.line.breaking(Fault.THROTTLED, "lambda.Invoke"):
            assert world.consume_task(task)
        assert world.aws.runs.get("default", task.trace_id) is None
        assert starts == []

    def test_an_invocation_of_which_nothing_is_heard_brings_the_message_back(self, world: FunctionsWorld) -> None:
        task = world.take()
        with world.aws.line.breaking(Fault.SILENT, "lambda.Invoke"):
            assert world.consume_task(task)
        [seconds] = world.visible_in()
        assert 50 < seconds <= 61
        assert world.run(task).state is RunState.SUCCEEDED, "it ran all the same"

    def test_a_message_whose_return_cannot_be_timed_comes_back_after_the_queues_own_time(
        self, world: FunctionsWorld, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with world.aws.line.breaking(Fault.THROTTLED, "sqs.ChangeMessageVisibility"):
            assert world.consume_task(world.take(route="retry"))
        [seconds] = world.visible_in()
        assert seconds > 300
        assert "a message's return could not be timed" in capsys.readouterr().out

    def test_bytes_that_are_no_task_go_quickly_towards_the_dead_letter_queue(self, world: FunctionsWorld) -> None:
        assert world.consume("<xml/>") == ["<xml/>"]
        [seconds] = world.visible_in()
        assert seconds <= 1

    def test_an_answer_that_is_none_is_a_death_before_the_claim(self, world: FunctionsWorld) -> None:
        run_functions(world.aws.line, {WORKFLOW_FUNCTION: lambda _event: {"ok": True}})
        assert world.consume_task(world.take())
        [seconds] = world.visible_in()
        assert 5 < seconds <= 10


class TestBatch:
    def test_each_message_is_answered_for_itself(self, world: FunctionsWorld) -> None:
        good, bad, later, dead = (
            world.take(f"key-{route}", route) for route in ("succeed", "refuse", "retry", "crash")
        )
        kept = world.consume(text_of(good), text_of(bad), "no task", text_of(later), text_of(dead))
        assert set(kept) == {"no task", text_of(later), text_of(dead)}
        states = [world.run(task).state for task in (good, bad, later, dead)]
        assert states == [RunState.SUCCEEDED, RunState.FAILED, RunState.WAITING, RunState.WAITING]

    def test_ten_tasks_are_executed_at_the_same_time(self, world: FunctionsWorld) -> None:
        tasks = [world.take(f"key-{number}") for number in range(10)]
        assert world.consume(*map(text_of, tasks)) == []
        assert {trace_id for trace_id, _ in starts} == {task.trace_id for task in tasks}

    def test_two_messages_of_one_task_in_a_batch_run_it_once(self, world: FunctionsWorld) -> None:
        task = world.take()
        world.consume(text_of(task), text_of(task))
        assert len(starts) == 1
        assert world.run(task).attempt == 1

    def test_the_recorded_event_is_understood(self, world: FunctionsWorld) -> None:
        assert world.aws.queue_url
        assert handler.lambda_handler(deepcopy(SQS_BATCH), Context()) == {"batchItemFailures": []}

    def test_an_empty_batch_is_no_fault(self, world: FunctionsWorld) -> None:
        assert world.aws.queue_url
        assert handler.lambda_handler({"Records": []}, Context()) == {"batchItemFailures": []}

    def test_a_row_that_no_code_of_ours_wrote_returns_its_own_message_and_no_other(
        self, world: FunctionsWorld, capsys: pytest.CaptureFixture[str]
    ) -> None:
        good, bad = world.take("good"), world.take("bad", "crash")
        world.consume_task(bad)
        table = next(
            call.parameters["TableName"] for call in world.aws.line.calls if call.site.adapter == "DynamoRuns.write"
        )
        key = {"pk": {"S": f"default#{bad.trace_id}"}, "sk": {"S": "run"}}
        world.aws.clients.dynamodb().put_item(TableName=table, Item=key | {"state": {"S": "dreaming"}})
        assert world.consume(text_of(good), text_of(bad)) == [text_of(bad)]
        assert world.run(good).state is RunState.SUCCEEDED
        assert "IntegrityError" in capsys.readouterr().out


class TestLogs:
    def test_every_delivery_is_one_line_with_trace_id_and_status_and_no_payload(
        self, world: FunctionsWorld, capsys: pytest.CaptureFixture[str]
    ) -> None:
        task = world.take(body=b'{"card":"4111-1111"}')
        world.consume_task(task)
        out = capsys.readouterr().out
        lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        [delivery] = [line for line in lines if line.get("message") == "delivery"]
        assert (delivery["trace_id"], delivery["tenant"], delivery["status"]) == (task.trace_id, "default", "succeeded")
        assert "4111" not in out

"""The minute tick as deployed: what was lost is found again, on the real tables and queues."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.functions_world import FunctionsWorld, functions_world, text_of
from tests.integration.scripted_handlers import starts
from tests.support.aws import physical
from tests.support.faults import Fault
from tests.support.quick_moto import put_item, queue_of
from workerflow.adapters.dynamodb.items import acceptance as acceptance_codec
from workerflow.adapters.dynamodb.items import audit as audit_codec
from workerflow.domain.identity import SHARDS, shard_of
from workerflow.domain.run import LetterClass, RunState
from workerflow.domain.task import TaskMessage
from workerflow.services.sweep import GRACE_S
from workerflow.tables import AUDIT_EVENTS, IDEMPOTENCY_KEYS, RUNS

DAY_S = 24 * 3600


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FunctionsWorld]:
    with functions_world(monkeypatch, tmp_path) as found:
        yield found


def bury(world: FunctionsWorld, body: str) -> None:
    world.aws.clients.sqs().send_message(QueueUrl=world.aws.dead_letter_queue_url, MessageBody=body)


def buried(world: FunctionsWorld) -> int:
    return len(queue_of(world.aws.dead_letter_queue_url)._messages)


def test_an_idle_tick_does_nothing_and_completes(world: FunctionsWorld, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.tick() == []
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    [metrics] = [line for line in lines if "_aws" in line]
    assert (metrics["TickCompleted"], metrics["OpenDeadLetters"]) == ([1.0], [0.0])


def test_a_task_whose_message_was_lost_is_sent_again_and_runs(world: FunctionsWorld) -> None:
    task = world.take(age_seconds=GRACE_S + 1)
    assert world.tick() == []
    assert world.sent() == [TaskMessage("default", task.trace_id)]
    world.consume_task(task)
    assert world.run(task).state is RunState.SUCCEEDED
    assert world.tick() == []
    assert len(starts) == 1


def test_one_that_is_young_is_left_to_its_message(world: FunctionsWorld) -> None:
    world.take(age_seconds=GRACE_S - 5)
    world.tick()
    assert world.sent() == []


def test_a_task_past_its_deadline_is_closed_with_its_letter(world: FunctionsWorld) -> None:
    task = world.take(age_seconds=DAY_S + 1)
    world.tick()
    assert world.run(task).letter_class is LetterClass.EXPIRED
    assert world.aws.replays.get_letter("default", task.trace_id) is not None
    assert world.sent() == []


def test_a_callers_task_without_its_caller_is_abandoned(world: FunctionsWorld) -> None:
    task = world.take(route="ask", mode="sync", age_seconds=GRACE_S + 1)
    world.tick()
    assert world.run(task).state is RunState.ABANDONED
    assert (world.sent(), starts) == ([], [])


def test_a_buried_message_parks_its_task_and_a_later_tick_sends_it(world: FunctionsWorld) -> None:
    task = world.take()
    bury(world, text_of(task))
    bury(world, "<xml/>")
    assert world.tick() == []
    assert world.run(task).state is RunState.PARKED
    assert buried(world) == 0
    [event] = [audit_codec.from_item(item) for item in world.aws.items(AUDIT_EVENTS)]
    assert (event.action, event.target) == ("message.rejected", "<xml/>")


def test_a_part_that_fails_is_told_and_the_others_do_their_work(
    world: FunctionsWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    task = world.take(age_seconds=GRACE_S + 1)
    with world.aws.line.breaking(Fault.REFUSED, "sqs.ReceiveMessage"):
        assert world.tick() == ["drain"]
    assert world.sent() == [TaskMessage("default", task.trace_id)]
    out = capsys.readouterr().out
    assert "the tick's part 'drain' failed" in out
    assert '"TickPartFailed":[1.0]' in out.replace(" ", "")


def test_two_ticks_in_a_row_send_one_message(world: FunctionsWorld) -> None:
    world.take(age_seconds=GRACE_S + 1)
    world.tick()
    world.tick()
    assert len(world.sent()) == 1


def test_open_letters_are_counted(world: FunctionsWorld, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        world.execute(world.take(f"key-{number}", "refuse"))
    capsys.readouterr()
    world.tick()
    assert '"OpenDeadLetters":[3.0]' in capsys.readouterr().out.replace(" ", "")


def test_a_row_that_no_code_of_ours_wrote_holds_up_neither_sweep_nor_drain(
    world: FunctionsWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = [world.take(f"key-{number}", age_seconds=GRACE_S + 1) for number in range(2 * SHARDS)]
    poisoned = next(one for one in tasks if sum(shard_of(one.trace_id) == shard_of(two.trace_id) for two in tasks) > 1)
    world.aws.clients.dynamodb().put_item(
        TableName=physical(RUNS),
        Item={"pk": {"S": f"default#{poisoned.trace_id}"}, "sk": {"S": "run"}, "state": {"S": "dreaming"}},
    )
    bury(world, text_of(poisoned))
    assert world.tick() == []
    assert {message.trace_id for message in world.sent() if message} == {one.trace_id for one in tasks} - {
        poisoned.trace_id
    }
    assert buried(world) == 1
    out = capsys.readouterr().out.replace(" ", "")
    assert '"UnreadableRow":[1.0,1.0]' in out, "once by the sweep, once by the drain"


def test_a_task_that_nobody_can_read_is_named_and_goes_on_once_it_is_put_right(
    world: FunctionsWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    task = world.take(age_seconds=GRACE_S + 1)
    item = acceptance_codec.to_item(task)
    put_item(physical(IDEMPOTENCY_KEYS), item | {"mode": "asleep", "deadline_ms": None})
    bury(world, text_of(task))
    assert world.tick() == []
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "cannot be read" in line]
    assert [task.trace_id in line["message"] + line["error_message"] for line in told] == [True, True], (
        "sweep and drain"
    )
    assert (world.sent(), buried(world)) == ([], 1)
    put_item(physical(IDEMPOTENCY_KEYS), item)
    for message in queue_of(world.aws.dead_letter_queue_url)._messages:
        message.visible_at = 0
    assert world.tick() == []
    assert buried(world) == 0
    world.consume_task(task)
    assert world.run(task).state is RunState.SUCCEEDED

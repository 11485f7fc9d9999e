"""The minute tick finds what got lost. The first test is the schedule's own; later ones do not wait for the minute."""

from __future__ import annotations

from tests.e2e.backstage import Backstage
from tests.e2e.calls import Api, eventually
from tests.e2e.slow import Slow
from workerflow.domain.task import TaskMessage


def test_the_schedule_ticks_and_a_task_whose_message_was_lost_is_executed(
    slow: Slow, api: Api, backstage: Backstage
) -> None:
    run = api.ended(slow.unsent.trace_id, seconds=120)

    assert (run["state"], run["attempt"]) == ("succeeded", 1)
    row = backstage.run(slow.unsent.trace_id)
    assert row is not None
    assert row.resends == 1


def test_the_queues_dead_letter_queue_is_drained(api: Api, backstage: Backstage) -> None:
    task = backstage.accept_unsent("e2e_async", "buried", api.payload("buried"), seconds_ago=0)
    backstage.bury("{ this is no task")
    backstage.bury(TaskMessage(task.tenant, task.trace_id).to_text())
    backstage.tick()

    parked = api.run_when(task.trace_id, lambda run: run["state"] == "parked")
    assert parked["attempt"] == 0
    eventually(lambda: backstage.messages_in("DeadLetterQueueUrl"), lambda count: count == 0)
    assert [row["target"] for row in backstage.audit("message.rejected")] == ["{ this is no task"]

    backstage.let_time_pass(task.trace_id)
    backstage.tick()
    assert api.ended(task.trace_id)["state"] == "succeeded"

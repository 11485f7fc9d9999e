"""What a tick of schedules costs in calls: it grows with what is due, and with nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.aws import AwsWorld
from tests.support.ticks import AT_NIGHT, IN_TWO_MINUTES, measure_tick, scheduled_world
from tests.support.world import MINUTE_MS, moto_world
from workerflow.domain.identity import SHARDS
from workerflow.services.group_errors import EVERY_MINUTES


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsWorld]:
    with moto_world() as aws:
        yield aws


def test_a_tick_costs_the_same_with_ten_and_with_three_hundred_schedules_that_are_not_due(aws: AwsWorld) -> None:
    few = measure_tick(scheduled_world(aws, 10, AT_NIGHT))
    many = measure_tick(scheduled_world(aws, 300, AT_NIGHT))
    assert many.calls == few.calls
    assert many.accepted == few.accepted == 0
    assert {name: count for name, count in many.calls.items() if name.startswith("DynamoSchedules")} == {
        "DynamoSchedules.get_mark": 1,
        "DynamoSchedules.write_mark": 1,
        "DynamoSchedules.due": 4,
    }


def test_what_is_due_costs_two_writes_each_and_a_send_for_ten(aws: AwsWorld) -> None:
    idle = measure_tick(scheduled_world(aws, 10, AT_NIGHT))
    due = measure_tick(scheduled_world(aws, 100, IN_TWO_MINUTES))
    due.require(accepted=100, moved=100)
    assert due.calls - idle.calls == {
        "DynamoAcceptances.put": 100,
        "DynamoSchedules.write_cursor": 100,
        "SqsTaskQueue.send_many": 10,
        "DynamoSchedules.get_cursors": 4,
        "DynamoSchedules.due": 4,  # a look at what is left in each shard
        "DynamoSwitches.list_switches": 1,
    }


def test_a_tick_with_no_bulk_job_at_work_costs_one_look_for_one(aws: AwsWorld) -> None:
    idle = measure_tick(scheduled_world(aws, 10, AT_NIGHT))
    assert {name: count for name, count in idle.calls.items() if name.startswith("DynamoBulk")} == {
        "DynamoBulk.list_running": 1
    }
    assert not any(name.startswith(("DynamoErrorGroups", "S3")) for name in idle.calls)


def test_a_walk_over_no_new_dead_letter_costs_a_cursor_and_a_look_into_each_shard(aws: AwsWorld) -> None:
    world = scheduled_world(aws, 10, AT_NIGHT)
    idle = measure_tick(world)
    world.clock.ms += (EVERY_MINUTES - 1) * MINUTE_MS - world.clock.ms % (EVERY_MINUTES * MINUTE_MS)
    walked = measure_tick(world)
    assert walked.calls - idle.calls == {"DynamoErrorGroups.get_walk": 1, "DynamoReplays.list_letters": SHARDS}
    assert measure_tick(world).calls == idle.calls


def test_of_three_hundred_that_exist_one_is_read_where_one_is_due(aws: AwsWorld) -> None:
    world = scheduled_world(aws, 300, AT_NIGHT)
    idle = measure_tick(world)
    cursor = world.kept.cursors()["default", "job_00007"]
    world.kept.seed(cursor.change(nonce="2" * 16, next_due_ms=world.clock.ms + 1, since_ms=world.clock.ms))
    due = measure_tick(world)
    assert due.calls["DynamoSchedules.get_cursors"] == 1
    assert due.calls.total() - idle.calls.total() <= 5

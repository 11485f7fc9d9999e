"""The budget of a task: write units by DynamoDB's own rule, and calls, of the functions as they are wired.

    4 write units for an async success whose acceptance item has at most 1 KB:
        acceptance 1, its index entry 1, claim 1, finish 1; and 1 for each further started KB, once
    2 calls before a 202, and no read; 3 with a payload in the bucket

A change that breaks it costs every user money, so it must be seen here, and decided.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.aws import AwsWorld
from tests.support.budget import WARM, Cost, incompressible, measure, names, publish
from tests.support.script import Dies, Fails, FailsForGood, Ok
from tests.support.world import World, moto_world
from workerflow.domain.tenants import RateLimit, TenantPolicy
from workerflow.tables import REFUSED_CALLS

READS = {"dynamodb.GetItem", "dynamodb.Query", "dynamodb.BatchGetItem", "s3.GetObject", "secretsmanager.GetSecretValue"}
SUCCESS = ["lambda.Invoke", "dynamodb.GetItem", "dynamodb.PutItem", "dynamodb.PutItem"]
"""Consumer's one call; `workflow`: acceptance, claim, finish."""


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsWorld]:
    with moto_world() as aws:
        yield aws


def _written(cost: Cost) -> list[tuple[str, int, dict[str, int]]]:
    return [(bill.table, bill.table_units, dict(bill.index_units)) for bill in cost.bills]


def test_an_async_success_costs_four_write_units(aws: AwsWorld) -> None:
    cost = measure(aws, body=b'{"order":4711,"customer":"c-0815","items":[1,2,3]}')
    assert _written(cost) == [
        ("idempotency_keys", 1, {"tasks_by_time": 1}),
        ("runs", 1, {}),
        ("runs", 1, {}),
    ]
    assert cost.units == 4


def test_exactly_one_index_entry_is_written_on_the_success_path(aws: AwsWorld) -> None:
    assert measure(aws).index_units == 1


@pytest.mark.parametrize("size", [100, 600, 1500, 2500, 5000, 8000])
def test_each_further_started_kb_of_the_acceptance_costs_one_unit_once(aws: AwsWorld, size: int) -> None:
    cost = measure(aws, body=incompressible(size))
    started = -(-cost.acceptance_bytes // 1024)
    assert cost.units == 3 + started
    assert cost.units_of("runs") == 2
    assert size * 0.8 < cost.acceptance_bytes < size + 450


def test_a_payload_in_the_bucket_costs_no_more_units_than_a_small_one(aws: AwsWorld) -> None:
    assert measure(aws, body=incompressible(30_000)).units == 4


def test_a_declared_tenant_without_limits_costs_what_it_costs_without_a_file(aws: AwsWorld) -> None:
    policy = TenantPolicy(routes=("work", "ask", WARM), max_body_bytes=1000, rate_limits=(RateLimit(1, 1, "ask"),))
    cost = measure(aws, policy=policy)
    assert names(cost.before_answer) == ["dynamodb.PutItem", "sqs.SendMessage"]
    assert names(cost.afterwards) == SUCCESS
    assert cost.units == 4


def test_a_rate_limit_costs_one_call_and_one_write_unit(aws: AwsWorld) -> None:
    cost = measure(aws, policy=TenantPolicy(rate_limits=(RateLimit(100, 60, per="client"),)))
    assert names(cost.before_answer) == ["dynamodb.UpdateItem", "dynamodb.PutItem", "sqs.SendMessage"]
    assert (cost.units, cost.units_of("rate_limits"), cost.index_units) == (5, 1, 1)


def test_a_cap_costs_two_write_units_and_five_reads(aws: AwsWorld) -> None:
    """A look at the places, taking one, a look at each shard of what waits, and freeing it, for nobody does."""
    cost = measure(aws, policy=TenantPolicy(max_in_flight=2))
    invoke, acceptance, claim, finish = SUCCESS
    entering, leaving = ["dynamodb.Query", "dynamodb.PutItem"], [*["dynamodb.Query"] * 4, "dynamodb.DeleteItem"]
    assert names(cost.afterwards) == [invoke, acceptance, *entering, claim, finish, *leaving]
    assert (cost.units, cost.units_of("rate_limits"), cost.index_units) == (6, 2, 1)


def test_calls_over_their_rate_cost_nothing_but_a_record_a_second(aws: AwsWorld) -> None:
    world = World(aws)
    publish(aws, TenantPolicy(rate_limits=(RateLimit(1, 3600),)))
    world.call("first")
    start = len(world.line.calls)
    answers = [world.call(returns=False).last.code for _ in range(20)]
    assert answers == ["rate_limited"] * 20
    assert names(world.line.calls[start:]) == ["dynamodb.PutItem"]
    assert len(aws.items(REFUSED_CALLS)) == 1


def test_two_calls_and_no_read_before_a_202(aws: AwsWorld) -> None:
    assert names(measure(aws).before_answer) == ["dynamodb.PutItem", "sqs.SendMessage"]


def test_three_calls_before_a_202_with_a_payload_in_the_bucket(aws: AwsWorld) -> None:
    before = names(measure(aws, body=incompressible(30_000)).before_answer)
    assert before == ["s3.PutObject", "dynamodb.PutItem", "sqs.SendMessage"]


def test_a_duplicate_costs_one_call_and_one_unit(aws: AwsWorld) -> None:
    cost = measure(aws, twice=True)
    assert names(cost.before_answer) == ["dynamodb.PutItem"]
    assert names(cost.afterwards) == []
    assert cost.units == 1


def test_consumer_and_workflow_make_four_calls_for_a_success(aws: AwsWorld) -> None:
    assert names(measure(aws).afterwards) == SUCCESS


def test_a_success_with_payload_and_output_in_the_bucket_makes_seven(aws: AwsWorld) -> None:
    cost = measure(aws, Ok(30_000), body=incompressible(30_000))
    assert names(cost.afterwards) == [
        *("lambda.Invoke", "dynamodb.GetItem", "s3.GetObject", "dynamodb.PutItem"),
        *("s3.PutObject", "dynamodb.PutItem", "dynamodb.PutItem"),
    ]
    assert cost.units == 5


def test_a_sync_success_makes_five_calls_and_no_more_units(aws: AwsWorld) -> None:
    cost = measure(aws, route="ask")
    assert names(cost.before_answer) == ["dynamodb.PutItem", *SUCCESS]
    assert (names(cost.afterwards), cost.units) == ([], 4)


def test_a_repeated_sync_call_reads_the_stored_answer(aws: AwsWorld) -> None:
    cost = measure(aws, route="ask", twice=True)
    assert names(cost.before_answer) == ["dynamodb.PutItem", "lambda.Invoke", "dynamodb.GetItem", "dynamodb.PutItem"]
    assert cost.units == 2


def test_a_redelivered_message_of_a_finished_task_costs_one_refused_write(aws: AwsWorld) -> None:
    def again(world: World) -> None:
        world.go_on(1)
        for run in world.kept.runs().values():
            world.send_again(run.trace_id)
        world.go_on(1)

    cost = measure(aws, then=again)
    assert names(cost.afterwards) == [*SUCCESS, *(["lambda.Invoke", "dynamodb.GetItem", "dynamodb.PutItem"] * 2)]
    assert cost.units == 4 + 2


@pytest.mark.parametrize(
    ("behaviours", "runs", "letters"),
    [
        # claim 1, attempt's item 1, failure 1 and its entry in `runs_open` 1, claim 1 and the entry moved 2,
        # finish 1 and the entry removed 1
        ((Fails(), Ok()), 10, 0),
        ((FailsForGood(),), 4, 6),
        ((Dies(), Ok()), 9, 0),
    ],
    ids=["retry", "permanent_failure", "process_death"],
)
def test_what_leaves_the_success_path_costs_its_index_entries(
    aws: AwsWorld, behaviours: tuple[Fails | FailsForGood | Dies | Ok, ...], runs: int, letters: int
) -> None:
    cost = measure(aws, *behaviours, then=lambda world: world.go_on(60))
    assert (cost.units_of("idempotency_keys"), cost.units_of("runs"), cost.units_of("dead_letters")) == (
        2,
        runs,
        letters,
    )


def test_an_idle_tick_makes_twenty_six_calls_and_writes_its_mark(aws: AwsWorld) -> None:
    world = World(aws)
    world.tick()  # the first one of a process reconciles
    world.clock.advance(60)
    start = len(world.line.calls)
    world.tick()
    called = names(world.line.calls[start:])
    assert len(called) == 26  # one of them asks for bulk jobs at work
    assert [call.site.adapter for call in world.line.calls[start:] if call.name == "dynamodb.PutItem"] == [
        "DynamoSchedules.write_mark"
    ]
    assert set(called) <= READS | {"sqs.ReceiveMessage", "dynamodb.PutItem"}


def test_each_declared_tenant_costs_a_tick_twenty_one_reads(aws: AwsWorld) -> None:
    def calls_of_a_tick(*tenants: str) -> int:
        world = World(aws)
        if tenants:
            world.publish_tenants(dict.fromkeys(tenants, TenantPolicy()))
        world.tick()
        world.clock.advance(60)
        start = len(world.line.calls)
        world.tick()
        # The walk over errors visits a tenant every five minutes: test_tick_cost counts that.
        return sum("GroupErrors" not in call.site.caller for call in world.line.calls[start:])

    assert [calls_of_a_tick(), calls_of_a_tick("default"), calls_of_a_tick("default", "acme")] == [26, 30, 51]

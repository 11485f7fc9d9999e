"""RateLimits: what both implementations promise, and what the one on DynamoDB costs."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.worlds import Ports
from tests.fakes.surroundings import FakeIds
from tests.support.aws import AwsWorld, aws_world, physical
from tests.support.faults import Fault
from tests.support.tasks import NOW_MS
from workerflow.adapters.dynamodb import rate_limits
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.rate_limits import DynamoRateLimits
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.rate_limit import RateVerdict
from workerflow.domain.tenants import RateLimit
from workerflow.ports.tenants import RateLimits
from workerflow.tables import RATE_LIMITS

FIFTY = RateLimit(requests=50, seconds=100)
FOUR = RateLimit(requests=4, seconds=8)
PER_CLIENT = RateLimit(requests=1, seconds=60, per="client")
SECOND_MS = 1000


def _take(limits: RateLimits, limit: RateLimit, *, at: float = 0, tenant: str = "acme", client: str = "") -> bool:
    return limits.take(tenant, limit, client=client, now_ms=NOW_MS + round(at * SECOND_MS)).allowed


def test_a_full_bucket_lets_as_many_calls_pass_at_once_as_it_holds(world: Ports) -> None:
    verdicts = [world.rate_limits.take("acme", FOUR, client="", now_ms=NOW_MS) for _ in range(6)]
    assert verdicts == [
        RateVerdict(allowed=True, remaining=3, wait_seconds=0, full_after_seconds=2),
        RateVerdict(allowed=True, remaining=2, wait_seconds=0, full_after_seconds=4),
        RateVerdict(allowed=True, remaining=1, wait_seconds=0, full_after_seconds=6),
        RateVerdict(allowed=True, remaining=0, wait_seconds=0, full_after_seconds=8),
        RateVerdict(allowed=False, remaining=0, wait_seconds=2, full_after_seconds=8),
        RateVerdict(allowed=False, remaining=0, wait_seconds=2, full_after_seconds=8),
    ]


def test_a_bucket_refills_evenly(world: Ports) -> None:
    moments = [0, 0, 0, 0, 1.9, 2, 3, 4, 4, 30, 30, 30, 30, 30]
    passed = [_take(world.rate_limits, FOUR, at=at) for at in moments]
    assert passed == [True, True, True, True, False, True, False, True, False, True, True, True, True, False]


def test_a_refused_call_takes_nothing_and_is_let_in_when_it_was_told(world: Ports) -> None:
    while (verdict := world.rate_limits.take("acme", FOUR, client="", now_ms=NOW_MS)).allowed:
        pass
    wait_ms = round(verdict.wait_seconds * SECOND_MS)
    assert not world.rate_limits.take("acme", FOUR, client="", now_ms=NOW_MS + wait_ms - 1).allowed
    assert world.rate_limits.take("acme", FOUR, client="", now_ms=NOW_MS + wait_ms).allowed


def test_two_hundred_calls_at_once_at_a_limit_of_fifty_with_the_refill_frozen(world: Ports) -> None:
    with ThreadPoolExecutor(50) as pool:
        passed = list(pool.map(lambda _: _take(world.rate_limits, FIFTY), range(200)))
    assert passed.count(True) == 50
    assert not _take(world.rate_limits, FIFTY)
    assert _take(world.rate_limits, FIFTY, at=2)


def test_buckets_of_tenants_routes_limits_and_clients_are_apart(world: Ports) -> None:
    once = RateLimit(1, 60)
    for tenant in ("acme", "acme-2"):
        for limit in (once, RateLimit(1, 60, route="echo"), RateLimit(1, 61), PER_CLIENT):
            assert [_take(world.rate_limits, limit, tenant=tenant) for _ in range(2)] == [True, False]


def test_clients_have_buckets_of_their_own_only_where_the_limit_says_so(world: Ports) -> None:
    clients = ["192.0.2.1", "2001:db8::1", "2001:db8::1#", "192.0.2.1"]
    assert [_take(world.rate_limits, PER_CLIENT, client=client) for client in clients] == [True, True, True, False]
    shared = RateLimit(1, 60)
    assert [_take(world.rate_limits, shared, client=client) for client in clients] == [True, False, False, False]


def test_a_refused_store_leaves_the_bucket_as_it_was(world: Ports) -> None:
    once = RateLimit(1, 60)
    with world.refusing(), pytest.raises(StoreUnavailableError):
        _take(world.rate_limits, once)
    assert _take(world.rate_limits, once)


# What it costs on DynamoDB, where each container has a memory of its own.


@pytest.fixture
def aws() -> Iterator[AwsWorld]:
    with aws_world() as aws:
        yield aws


def _container(aws: AwsWorld, number: int = 0, *, first_nonce: int = 1) -> DynamoRateLimits:
    ids = FakeIds()
    ids._made = number * 8000 + first_nonce - 1
    return DynamoRateLimits(Database(aws.clients.dynamodb()), physical(RATE_LIMITS), ids)


def test_one_write_decides_where_a_container_is_alone(aws: AwsWorld) -> None:
    limits = _container(aws)
    for at in (0, 0, 0.5, 100, 100):
        assert _take(limits, FOUR, at=at)
    assert [call.name for call in aws.line.calls] == ["dynamodb.UpdateItem"] * 5
    assert {status for call in aws.line.calls for status in call.statuses} == {200}


def test_a_flood_of_refused_calls_costs_one_write_for_each_container(aws: AwsWorld) -> None:
    first, second = _container(aws, 1), _container(aws, 2)
    assert [_take(first, FOUR) for _ in range(1000)].count(True) == 4
    assert len(aws.line.calls) == 4
    assert not any(_take(second, FOUR) for _ in range(1000))
    assert len(aws.line.calls) == 5
    assert _take(second, FOUR, at=2)
    assert not any(_take(first, FOUR, at=2) for _ in range(1000))
    assert len(aws.line.calls) == 7


def test_what_another_container_counted_is_learned_in_two_more_writes_at_most(aws: AwsWorld) -> None:
    containers = [_container(aws, number) for number in range(1, 5)]
    assert all(_take(limits, FIFTY) for limits in containers)
    assert [len(call.statuses) for call in aws.line.calls] == [1] * 7  # the first finds it full, the others do not


def test_exactly_fifty_of_two_hundred_pass_through_twenty_containers(aws: AwsWorld) -> None:
    containers = [_container(aws, number) for number in range(1, 21)]
    with ThreadPoolExecutor(20) as pool:
        passed = [
            taken for some in pool.map(lambda one: [_take(one, FIFTY) for _ in range(10)], containers) for taken in some
        ]
    assert passed.count(True) == 50


@pytest.mark.parametrize("calls_before", [0, 1])
def test_a_call_whose_answer_was_lost_is_counted_once_and_passes(aws: AwsWorld, calls_before: int) -> None:
    limits = _container(aws)
    for _ in range(calls_before):
        _take(limits, FOUR)
    with aws.line.breaking(Fault.LOST):
        verdict = limits.take("acme", FOUR, client="", now_ms=NOW_MS)
    assert aws.line.calls[-1].statuses == [200, 400]  # the second try met our own write
    assert verdict == RateVerdict(
        allowed=True, remaining=3 - calls_before, wait_seconds=0, full_after_seconds=2 * (1 + calls_before)
    )


def test_the_last_call_of_a_bucket_is_not_refused_because_its_own_answer_was_lost(aws: AwsWorld) -> None:
    limits = _container(aws)
    with aws.line.breaking(Fault.LOST):
        assert [_take(limits, FOUR) for _ in range(5)] == [True, True, True, True, False]


def test_a_call_finds_itself_counted_though_others_came_by_meanwhile(aws: AwsWorld) -> None:
    ours, theirs = _container(aws), _container(aws, 1, first_nonce=3)
    assert _take(ours, FIFTY)

    def others_come_by(_request: object) -> None:
        if aws.line.calls[1:] and aws.line.calls[1].tries == 2:
            aws.line.stand_in("dynamodb.UpdateItem", lambda _: None)
            assert all(_take(theirs, FIFTY) for _ in range(5))

    aws.line.stand_in("dynamodb.UpdateItem", others_come_by)
    aws.line.break_call(2, Fault.LOST)
    assert _take(ours, FIFTY)
    [bucket] = aws.items(RATE_LIMITS)
    assert bucket["tat"] == (NOW_MS + 7 * 2 * SECOND_MS) * 1000  # one, the lost one, and five others


def test_a_bucket_is_forgotten_once_it_is_full_again(aws: AwsWorld) -> None:
    limits = _container(aws)
    for _ in range(4):
        _take(limits, FOUR)
    [bucket] = aws.items(RATE_LIMITS)
    full_at_s = NOW_MS // 1000 + 8
    assert full_at_s < bucket["expires_at"] <= full_at_s + 60


def test_a_bucket_that_was_deleted_under_a_container_is_begun_anew(aws: AwsWorld) -> None:
    limits = _container(aws)
    assert _take(limits, FOUR)
    [bucket] = aws.items(RATE_LIMITS)
    key = {name: {"S": bucket[name]} for name in ("pk", "sk")}
    aws.clients.dynamodb().delete_item(TableName=physical(RATE_LIMITS), Key=key)
    assert _take(limits, FOUR)


def test_a_container_remembers_a_bounded_number_of_buckets(aws: AwsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "REMEMBERED", 3)
    limits = _container(aws)
    for number in range(5):
        assert _take(limits, PER_CLIENT, client=str(number))
    assert len(limits._remembered) == 3
    calls = len(aws.line.calls)
    assert not _take(limits, PER_CLIENT, client="4")
    assert len(aws.line.calls) == calls
    assert not _take(limits, PER_CLIENT, client="0")  # forgotten, and learned again
    assert len(aws.line.calls) == calls + 1

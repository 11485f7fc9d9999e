"""When an answer is lost the SDK repeats the call by itself, and meets our own write. Nobody must notice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from tests.support.access import a_token, an_audit
from tests.support.aws import AwsWorld, aws_world
from tests.support.bulk import a_bulk_job, an_error_group
from tests.support.faults import Fault, Request
from tests.support.runs import a_replay, a_run, failed, letter_of, next_version
from tests.support.schedules import a_cursor, a_fire, a_mark, a_skipped_run
from tests.support.tasks import NOW_MS, an_acceptance
from workerflow.adapters.dynamodb.database import BATCH_TRIES, CONFLICT_TRIES
from workerflow.domain.audit import AuditEvent
from workerflow.domain.bulk import BulkState
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.domain.operation import OperationKey
from workerflow.domain.rollup import Rollup, Span
from workerflow.domain.run import RunState
from workerflow.domain.tenants import RateLimit
from workerflow.ports.stores import Cursor, Written
from workerflow.ports.tenants import Slot, TenantsDocument
from workerflow.tables import AUDIT_EVENTS, CURSOR_STATE, RATE_LIMITS, ROLLUPS

ACCEPTANCE = an_acceptance()
RUN = a_run(ACCEPTANCE)
SWITCH = Switch("default", "route:echo", Enablement.PAUSED, "why", "ops", NOW_MS, 1, "1" * 16)
AUDIT = AuditEvent("default", NOW_MS, "1" * 16, "ops", "switch.set", "route:echo")
KEY = OperationKey.of("a" * 12, "order-1", "default", "switch.set")
FIRE = a_fire()
SLOT = Slot("default", 0, "1" * 16, NOW_MS + 1)
ROLLUP = Rollup("default", Span.HOUR, NOW_MS - NOW_MS % 3_600_000, "route:echo", NOW_MS, {"succeeded": 1})

WRITES: dict[str, Callable[[AwsWorld], object]] = {
    "a token": lambda world: world.tokens.add_token(a_token(), an_audit()),
    "an acceptance": lambda world: world.acceptances.put(ACCEPTANCE, now_ms=NOW_MS),
    "a claim": lambda world: world.runs.write(RUN),
    "a finish with its letter": lambda world: world.runs.write(
        replace(failed(RUN), version=1), letter=letter_of(failed(RUN))
    ),
    "a cancellation": lambda world: world.runs.write(RUN, audit=AUDIT),
    "a replay": lambda world: world.replays.record_replay(a_replay(ACCEPTANCE, 1)),
    "a switch": lambda world: world.switches.put_switch(SWITCH, AUDIT),
    "an order with a key": lambda world: world.switches.put_switch(SWITCH, replace(AUDIT, operation=KEY)),
    "a cursor": lambda world: world.cursors.move_cursor(Cursor("default", 0, "a" * 44, 1, "1" * 16)),
    "a schedule's cursor": lambda world: world.schedules.write_cursor(a_cursor()),
    "the tick's mark": lambda world: world.schedules.write_mark(a_mark()),
    "a skipped fire": lambda world: world.schedules.record_skip(FIRE, a_skipped_run(FIRE), now_ms=NOW_MS),
    "a manual run": lambda world: world.schedules.record_manual(FIRE, AUDIT, now_ms=NOW_MS),
    "a bulk job": lambda world: world.bulk.write_job(a_bulk_job()),
    "a bulk job that is started": lambda world: world.bulk.write_job(a_bulk_job(state=BulkState.RUNNING), AUDIT),
    "error groups": lambda world: world.error_groups.write_walk(
        Cursor("default", 0, "a", 1, "1" * 16), [an_error_group()]
    ),
    "the tenants": lambda world: world.tenants.publish(TenantsDocument("{}", 1, "1" * 16), AUDIT),
}


@pytest.fixture
def world() -> Iterator[AwsWorld]:
    with aws_world() as world:
        yield world


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_a_write_that_the_sdk_repeats_is_written_once(world: AwsWorld, write: Callable[[AwsWorld], object]) -> None:
    with world.line.breaking(Fault.LOST):
        assert write(world) == Written()
    [call] = world.line.calls
    assert call.tries == 2
    assert call.statuses == [200, 400]  # the second try met our own write


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_a_write_that_is_throttled_to_the_end_is_unknown(world: AwsWorld, write: Callable[[AwsWorld], object]) -> None:
    with world.line.breaking(Fault.THROTTLED), pytest.raises(StoreUnavailableError):
        write(world)
    assert world.line.calls[0].tries == 3
    assert write(world) == Written()


def test_a_revocation_that_the_sdk_repeats_is_written_once(world: AwsWorld) -> None:
    world.tokens.add_token(a_token(), an_audit())
    revoked = replace(a_token(), revoked_at_ms=NOW_MS)
    with world.line.breaking(Fault.LOST):
        assert world.tokens.revoke_token(revoked, an_audit("token.revoked", "2" * 16)) == Written()
    assert world.line.calls[-1].statuses == [200, 400]
    assert len(world.items(AUDIT_EVENTS)) == 2


def test_a_message_that_the_sdk_repeats_is_sent_twice(world: AwsWorld) -> None:
    """Nothing can be done about it: the claim makes the second one harmless."""
    with world.line.breaking(Fault.LOST):
        world.queue.send_many([])
        world.audit.append(AUDIT)
    assert len(world.items(AUDIT_EVENTS)) == 1


def test_a_slot_that_the_sdk_takes_twice_is_taken(world: AwsWorld) -> None:
    with world.line.breaking(Fault.LOST):
        assert world.slots.take(SLOT, now_ms=NOW_MS)
    assert [call.statuses for call in world.line.calls] == [[200, 200]]


def test_a_slot_that_the_sdk_hands_on_twice_is_handed_on(world: AwsWorld) -> None:
    to = replace(SLOT, holder="run:x")
    world.slots.take(SLOT, now_ms=NOW_MS)
    with world.line.breaking(Fault.LOST):
        assert world.slots.hand(SLOT, to)
    assert [call.statuses for call in world.line.calls[1:]] == [[200, 200]]
    assert list(world.slots.held("default")) == [to]


def test_a_delete_that_the_sdk_repeats_finds_nothing_left_to_delete(world: AwsWorld) -> None:
    world.slots.take(SLOT, now_ms=NOW_MS)
    world.schedules.write_cursor(a_cursor())
    with world.line.breaking(Fault.LOST):
        world.slots.release(SLOT)
        world.schedules.delete_cursor(a_cursor())
    assert [call.statuses for call in world.line.calls[2:]] == [[200, 400]] * 2
    assert world.items(RATE_LIMITS) == world.items(CURSOR_STATE) == []


def test_a_batch_of_writes_that_the_sdk_repeats_leaves_the_same_items(world: AwsWorld) -> None:
    with world.line.breaking(Fault.LOST):
        world.rollups.put_many([ROLLUP])
    assert len(world.items(ROLLUPS)) == 1


def test_a_batch_of_writes_that_is_applied_in_part_is_written_to_its_end(world: AwsWorld) -> None:
    wanted: list[Any] = []

    def in_part(request: Request) -> tuple[int, dict[str, str], bytes] | None:
        wanted.append(json.loads(request.body)["RequestItems"])
        return _batch_left(wanted[0]) if len(wanted) == 1 else None

    world.line.stand_in("dynamodb.BatchWriteItem", in_part)
    world.rollups.put_many([ROLLUP])
    assert wanted[0] == wanted[1]
    assert len(world.items(ROLLUPS)) == 1


def test_a_batch_of_writes_that_never_comes_to_its_end_is_unknown(world: AwsWorld) -> None:
    world.line.stand_in(
        "dynamodb.BatchWriteItem", lambda request: _batch_left(json.loads(request.body)["RequestItems"])
    )
    with pytest.raises(StoreUnavailableError):
        world.rollups.put_many([ROLLUP])
    assert len(world.line.calls) == BATCH_TRIES


@pytest.mark.parametrize("operation", ["UpdateItem", "DeleteItem"])
def test_a_change_that_meets_a_transaction_is_tried_again(world: AwsWorld, operation: str) -> None:
    world.line.stand_in(f"dynamodb.{operation}", _first(2, _error("TransactionConflictException")))
    if operation == "DeleteItem":
        world.slots.release(SLOT)
    else:
        limit = RateLimit(1, 60)
        assert world.rate_limits.take("default", limit, client="", now_ms=NOW_MS).allowed
    assert len(world.line.calls) == 3


def _batch_left(items: Any) -> tuple[int, dict[str, str], bytes]:
    return 200, {"content-type": "application/x-amz-json-1.0"}, json.dumps({"UnprocessedItems": items}).encode()


def _cancelled(*codes: str) -> tuple[int, dict[str, str], bytes]:
    reasons = [{"Code": code, "Message": code} for code in codes]
    told = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled",
        "CancellationReasons": reasons,
    }
    return 400, {"content-type": "application/x-amz-json-1.0"}, json.dumps(told).encode()


def _error(code: str) -> tuple[int, dict[str, str], bytes]:
    return 400, {"content-type": "application/x-amz-json-1.0"}, json.dumps({"__type": code}).encode()


def _first(times: int, answer: tuple[int, dict[str, str], bytes]) -> Callable[[Request], Any]:
    left = [answer] * times
    return lambda _request: left.pop() if left else None


def _write_together(world: AwsWorld) -> object:
    return world.runs.write(replace(failed(RUN), version=1), letter=letter_of(failed(RUN)))


def test_a_transaction_that_meets_another_is_tried_again(world: AwsWorld) -> None:
    busy = _cancelled("TransactionConflict", "None")
    world.line.stand_in("dynamodb.TransactWriteItems", _first(CONFLICT_TRIES - 1, busy))
    assert _write_together(world) == Written()
    assert len(world.line.calls) == CONFLICT_TRIES


def test_a_transaction_that_meets_others_for_ever_is_unknown(world: AwsWorld) -> None:
    world.line.stand_in("dynamodb.TransactWriteItems", lambda _request: _cancelled("None", "TransactionConflict"))
    with pytest.raises(StoreUnavailableError):
        _write_together(world)
    assert len(world.line.calls) == CONFLICT_TRIES


def test_a_put_that_meets_a_transaction_is_tried_again(world: AwsWorld) -> None:
    world.line.stand_in("dynamodb.PutItem", _first(2, _error("TransactionConflictException")))
    assert world.runs.write(RUN) == Written()
    assert len(world.line.calls) == 3


def test_a_transaction_that_is_throttled_inside_is_unknown(world: AwsWorld) -> None:
    world.line.stand_in("dynamodb.TransactWriteItems", lambda _request: _cancelled("ThrottlingError", "None"))
    with pytest.raises(StoreUnavailableError):
        _write_together(world)


def test_a_transaction_that_is_malformed_is_our_mistake(world: AwsWorld) -> None:
    world.line.stand_in("dynamodb.TransactWriteItems", lambda _request: _cancelled("None", "ValidationError"))
    with pytest.raises(IntegrityError):
        _write_together(world)


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "InternalServerError", "Other"])
def test_a_platform_that_is_broken_is_asked_again(world: AwsWorld, code: str) -> None:
    world.line.stand_in("dynamodb.PutItem", lambda _request: _error(code))
    with pytest.raises(StoreUnavailableError):
        world.runs.write(RUN)


def test_a_malformed_request_is_our_mistake(world: AwsWorld) -> None:
    world.line.stand_in("dynamodb.PutItem", lambda _request: _error("com.amazon.coral.validate#ValidationException"))
    with pytest.raises(IntegrityError):
        world.runs.write(RUN)


def test_a_batch_of_reads_that_is_answered_in_part_is_read_to_its_end(world: AwsWorld) -> None:
    world.runs.write(RUN)
    key = {"pk": {"S": f"default#{RUN.trace_id}"}, "sk": {"S": "run"}}
    in_part = {"Responses": {}, "UnprocessedKeys": {"workerflow-test-runs": {"Keys": [key], "ConsistentRead": True}}}
    answer = (200, {"content-type": "application/x-amz-json-1.0"}, json.dumps(in_part).encode())
    world.line.stand_in("dynamodb.BatchGetItem", _first(2, answer))
    assert world.runs.get_many("default", [RUN.trace_id]) == {RUN.trace_id: RUN}
    world.line.stand_in("dynamodb.BatchGetItem", lambda _request: answer)
    with pytest.raises(StoreUnavailableError):
        world.runs.get_many("default", [RUN.trace_id])


def test_an_item_that_no_code_of_ours_wrote_is_told_as_such(world: AwsWorld) -> None:
    key = {"pk": {"S": f"default#{RUN.trace_id}"}, "sk": {"S": "run"}}
    odd_ones: list[dict[str, Any]] = [{}, {"state": {"S": "unheard-of"}}, {"state": {"L": []}}]
    for odd in odd_ones:
        world.clients.dynamodb().put_item(TableName="workerflow-test-runs", Item={**key, **odd})
        with pytest.raises(IntegrityError):
            world.runs.get("default", RUN.trace_id)


def test_one_of_fifty_threads_wins_a_key(world: AwsWorld) -> None:
    outcomes = _from_threads(50, lambda n: world.acceptances.put(replace(ACCEPTANCE, nonce=f"{n:016x}"), now_ms=NOW_MS))
    assert outcomes.count(Written()) == 1
    [winner] = {outcome.current for outcome in outcomes if outcome != Written()}
    assert world.acceptances.get("default", ACCEPTANCE.key_hash) == winner


def test_one_of_fifty_threads_finishes_a_run(world: AwsWorld) -> None:
    world.runs.write(RUN)

    def finish(number: int) -> object:
        nonce = f"{number:016x}"
        if number % 2:
            return world.runs.write(next_version(RUN, nonce, state=RunState.SUCCEEDED))
        end = failed(RUN, nonce)
        return world.runs.write(end, letter=letter_of(end))

    assert _from_threads(50, finish).count(Written()) == 1
    run = world.runs.get("default", RUN.trace_id)
    assert run is not None
    assert (world.replays.get_letter("default", RUN.trace_id) is not None) == (run.state is RunState.FAILED)


def _from_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))

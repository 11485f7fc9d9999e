"""What a task costs by DynamoDB's billing rule, write by write (docs/tables.md tells the same figures)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import shake_128

import pytest

from tests.support.aws import AwsWorld, aws_world
from tests.support.billing import Meter
from tests.support.runs import a_replay, a_run, a_waiting_run, failed, letter_of, next_version
from tests.support.schedules import HOUR_MS, a_cursor, a_fire, a_mark, a_skipped_run
from tests.support.tasks import NOW_MS, an_acceptance
from tests.support.tenants import A_REFUSED_CALL, A_ROLLUP
from workerflow.adapters.dynamodb.item_size import item_bytes
from workerflow.adapters.dynamodb.items import acceptance as acceptance_codec
from workerflow.adapters.dynamodb.items import schedule as schedule_codec
from workerflow.domain.audit import AuditEvent
from workerflow.domain.operation import OperationKey
from workerflow.domain.run import RunState
from workerflow.domain.schedule_cursor import DUE_SHARDS, Missed
from workerflow.domain.tenants import RateLimit
from workerflow.ports.stores import Cursor
from workerflow.ports.tenants import Slot, TenantsDocument

SMALL = an_acceptance("3f2504e0-4f89-41d3-9a0c-0305e82c3301", body=b'{"n": "' + b"x" * 91 + b'"}')
RUN = a_run(SMALL)
AN_ORDER = AuditEvent(
    "default",
    NOW_MS,
    "1" * 16,
    "ops (aaaaaaaaaaaa)",
    "run.cancelled",
    RUN.trace_id,
    "why",
    operation=OperationKey.of("a" * 12, "order-1", "cancel"),
)
DONE = next_version(RUN, "2" * 16, state=RunState.SUCCEEDED, output=b'{"version":1,"document":{"ok":true}}')


@pytest.fixture
def world() -> Iterator[AwsWorld]:
    with aws_world() as world:
        yield world


def _bills(world: AwsWorld, meter: Meter) -> list[tuple[str, int, dict[str, int]]]:
    del world
    return [(bill.table, bill.table_units, dict(bill.index_units)) for bill in meter.bills]


def test_an_async_task_that_succeeds_costs_four_units(world: AwsWorld) -> None:
    meter = Meter(world)
    world.acceptances.put(SMALL, now_ms=NOW_MS)
    world.runs.write(RUN)
    world.runs.write(DONE)
    assert _bills(world, meter) == [
        ("idempotency_keys", 1, {"tasks_by_time": 1}),
        ("runs", 1, {}),
        ("runs", 1, {}),
    ]
    assert meter.units == 4
    assert [call.name for call in world.line.calls] == ["dynamodb.PutItem"] * 3


def test_each_further_started_kb_of_payload_costs_one_unit_once(world: AwsWorld) -> None:
    meter = Meter(world)
    room = 1024 - item_bytes(acceptance_codec.to_item(an_acceptance(body=b"")))
    for number, size in enumerate((room - 4, room + 1, room + 1020, room + 1025)):
        world.acceptances.put(an_acceptance(f"key-{number}", body=_incompressible(size)), now_ms=NOW_MS)
    assert [bill.units for bill in meter.bills] == [2, 3, 3, 4]
    assert meter.bills[0].call.site.adapter == "DynamoAcceptances.put"


def test_a_duplicate_costs_one_unit_for_each_kb_that_stands_there(world: AwsWorld) -> None:
    meter = Meter(world)
    world.acceptances.put(SMALL, now_ms=NOW_MS)
    world.acceptances.put(replace(SMALL, nonce="9" * 16), now_ms=NOW_MS)
    assert _bills(world, meter)[1] == ("idempotency_keys", 1, {})


def test_a_run_that_leaves_the_success_path_is_in_one_index(world: AwsWorld) -> None:
    meter = Meter(world)
    parked = a_waiting_run(SMALL, due_at_ms=NOW_MS)
    again = next_version(parked, "2" * 16, due_at_ms=NOW_MS + 5)
    for run in (parked, again, next_version(again, "3" * 16, due_at_ms=NOW_MS + 5), failed(again)):
        world.runs.write(run)
    # It enters (1), moves (1 out, 1 in), stays, and the last write meets another version: its condition fails.
    assert [(units, indexes.get("runs_open", 0)) for _, units, indexes in _bills(world, meter)] == [
        (1, 1),
        (1, 2),
        (1, 0),
        (1, 0),
    ]


def test_a_dead_letter_is_written_in_the_transaction_of_its_run(world: AwsWorld) -> None:
    world.runs.write(RUN)
    meter = Meter(world)
    end = failed(RUN)
    world.runs.write(end, letter=letter_of(end, SMALL))
    assert _bills(world, meter) == [
        ("runs", 2, {}),
        ("dead_letters", 2, {"letters_by_time": 2, "letters_open": 2}),
    ]


def test_a_replay_is_one_transaction_of_five_items(world: AwsWorld) -> None:
    end = failed(RUN)
    letter = letter_of(end, SMALL)
    world.runs.write(RUN)
    world.runs.write(end, letter=letter)
    meter = Meter(world)
    world.replays.record_replay(a_replay(SMALL, 1, letter=letter))
    assert [(table, units) for table, units, _ in _bills(world, meter)] == [
        ("replay_lineage", 2),
        ("idempotency_keys", 2),
        ("replay_lineage", 2),
        ("dead_letters", 2),
        ("audit_events", 2),
    ]
    assert meter.units == 16


def test_a_cursor_costs_one_unit(world: AwsWorld) -> None:
    meter = Meter(world)
    world.cursors.move_cursor(Cursor("default", 0, "a" * 44, 1, "1" * 16))
    assert _bills(world, meter) == [("cursor_state", 1, {})]


def test_a_fire_costs_an_acceptance_and_a_moved_cursor(world: AwsWorld) -> None:
    """Its task is then executed like any other, for 2: the acceptance takes 2, the cursor 1, its index entry 2."""
    cursor = a_cursor(last_due_ms=NOW_MS, last_trace_id="a" * 44)
    world.schedules.write_cursor(cursor)
    meter = Meter(world)
    world.acceptances.put(a_fire(), now_ms=NOW_MS)
    world.schedules.write_cursor(cursor.change(nonce="2" * 16, next_due_ms=NOW_MS + 2 * HOUR_MS))
    assert _bills(world, meter) == [
        ("idempotency_keys", 1, {"tasks_by_time": 1}),
        ("cursor_state", 1, {"schedules_due": 2}),
    ]
    assert meter.units == 5


def test_the_largest_cursor_stays_within_one_unit(world: AwsWorld) -> None:
    del world
    largest = a_cursor(
        "n" * 63,
        tenant="t" * 63,
        last_due_ms=NOW_MS,
        last_trace_id="a" * 44,
        missed=dict.fromkeys(Missed, 10**9),
        last_missed_ms=NOW_MS,
        last_missed_reason=Missed.DISABLED,
    )
    assert item_bytes(schedule_codec.to_item(largest)) <= 1024


def test_a_tick_with_none_due_writes_its_mark_and_nothing_else(world: AwsWorld) -> None:
    world.schedules.write_mark(a_mark())
    meter = Meter(world)
    for shard in range(DUE_SHARDS):
        assert not world.schedules.due(shard, until_ms=NOW_MS, limit=100)
    world.schedules.write_mark(a_mark(ticked_at_ms=NOW_MS + 60_000, version=2, nonce="2" * 16))
    assert _bills(world, meter) == [("cursor_state", 1, {})]


def test_a_skipped_fire_is_one_transaction(world: AwsWorld) -> None:
    meter = Meter(world)
    fire = a_fire()
    world.schedules.record_skip(fire, a_skipped_run(fire), now_ms=NOW_MS)
    assert _bills(world, meter) == [("idempotency_keys", 2, {"tasks_by_time": 2}), ("runs", 2, {})]
    assert meter.units == 6


def test_a_manual_run_is_one_transaction_with_its_audit_row(world: AwsWorld) -> None:
    meter = Meter(world)
    audit = AuditEvent("default", NOW_MS, "1" * 16, "ops", "schedule.run", "schedule:hourly")
    world.schedules.record_manual(a_fire("click-1", manual=True), audit, now_ms=NOW_MS)
    assert _bills(world, meter) == [("idempotency_keys", 2, {"tasks_by_time": 2}), ("audit_events", 2, {})]
    assert meter.units == 6


def test_a_rate_limited_call_costs_one_unit_and_a_refused_one_none(world: AwsWorld) -> None:
    meter = Meter(world)
    longest = RateLimit(1_000, 86_400, route="r" * 63, per="client")
    for number in range(10):
        world.rate_limits.take("t" * 63, longest, client="f" * 45, now_ms=NOW_MS + number)
    assert _bills(world, meter) == [("rate_limits", 1, {})] * 10
    once = RateLimit(1, 60)
    passed = [world.rate_limits.take("default", once, client="", now_ms=NOW_MS).allowed for _ in range(100)]
    assert passed.count(True) == 1
    assert meter.units == 11


def test_a_capped_task_costs_two_units_more(world: AwsWorld) -> None:
    meter = Meter(world)
    slot = Slot("acme", 0, "1" * 16, NOW_MS + 60_000)
    world.slots.take(slot, now_ms=NOW_MS)
    world.slots.release(slot)
    assert _bills(world, meter) == [("rate_limits", 1, {})] * 2


def test_so_does_one_that_hands_its_slot_on(world: AwsWorld) -> None:
    meter = Meter(world)
    slot = Slot("acme", 0, "1" * 16, NOW_MS + 60_000)
    world.slots.take(slot, now_ms=NOW_MS)
    world.slots.hand(slot, Slot("acme", 0, "run:" + "f" * 44, NOW_MS + 90_000))
    assert _bills(world, meter) == [("rate_limits", 1, {})] * 2


def test_a_refused_call_and_a_rollup_cost_a_unit_for_each_kb(world: AwsWorld) -> None:
    meter = Meter(world)
    world.refused_calls.put(A_REFUSED_CALL)
    world.rollups.put_many([replace(A_ROLLUP, source=f"route:r{number}") for number in range(30)])
    assert _bills(world, meter) == [("refused_calls", 1, {}), *[("rollups", 1, {})] * 30]
    assert [call.name for call in world.line.calls] == ["dynamodb.PutItem", *["dynamodb.BatchWriteItem"] * 2]


def test_tenants_are_published_in_one_transaction(world: AwsWorld) -> None:
    meter = Meter(world)
    audit = AuditEvent("default", NOW_MS, "1" * 16, "ops", "tenants.published", "tenants")
    world.tenants.publish(TenantsDocument('{"acme": {}}', 1, "1" * 16), audit)
    assert _bills(world, meter) == [("cursor_state", 2, {}), ("audit_events", 2, {})]


def _incompressible(size: int) -> bytes:
    return shake_128(b"seed").digest(size)


def test_an_order_with_a_key_costs_its_audit_row_and_its_operation_beside_its_effect(world: AwsWorld) -> None:
    meter = Meter(world)
    world.runs.write(RUN, audit=AN_ORDER)
    assert _bills(world, meter) == [("runs", 2, {}), ("audit_events", 2, {}), ("operations", 2, {})]


def test_one_that_changed_nothing_costs_these_alone(world: AwsWorld) -> None:
    meter = Meter(world)
    world.operations.record(AN_ORDER)
    assert meter.units == 4


def test_a_letter_is_resolved_for_ten_units(world: AwsWorld) -> None:
    end = failed(RUN)
    letter = letter_of(end, SMALL)
    world.runs.write(RUN)
    world.runs.write(end, letter=letter)
    meter = Meter(world)
    world.replays.resolve_letter(replace(letter, note="done", resolved_by="ops", resolution="1" * 16), AN_ORDER)
    assert _bills(world, meter)[0] == ("dead_letters", 2, {"letters_by_time": 2, "letters_open": 2})
    assert meter.units == 10

"""What a task costs by DynamoDB's billing rule, write by write (docs/tables.md tells the same figures)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import shake_128

import pytest

from tests.support.aws import AwsWorld, aws_world
from tests.support.billing import Meter
from tests.support.runs import a_replay, a_run, a_waiting_run, failed, letter_of, next_version
from tests.support.tasks import NOW_MS, an_acceptance
from workerflow.adapters.dynamodb.item_size import item_bytes
from workerflow.adapters.dynamodb.items import acceptance as acceptance_codec
from workerflow.domain.run import RunState
from workerflow.ports.stores import Cursor

SMALL = an_acceptance("3f2504e0-4f89-41d3-9a0c-0305e82c3301", body=b'{"n": "' + b"x" * 91 + b'"}')
RUN = a_run(SMALL)
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
        ("audit_events", 2),
        ("dead_letters", 2),
    ]
    assert meter.units == 16


def test_a_cursor_costs_one_unit(world: AwsWorld) -> None:
    meter = Meter(world)
    world.cursors.move_cursor(Cursor("default", 0, "a" * 44, 1, "1" * 16))
    assert _bills(world, meter) == [("cursor_state", 1, {})]


def _incompressible(size: int) -> bytes:
    return shake_128(b"seed").digest(size)

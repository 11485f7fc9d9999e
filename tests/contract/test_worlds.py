"""Every test starts with nothing: what a world was told, the next one does not know."""

from __future__ import annotations

import pytest

from tests.contract.worlds import Ports
from tests.support.aws import BUCKET, AwsWorld, aws_world, physical
from tests.support.quick_moto import objects_in, put, put_item, put_object, queue_of
from workerflow.tables import TABLES


def full_world(world: AwsWorld) -> None:
    for table in TABLES:
        put_item(physical(table), {key: "1" for key in (table.partition_key, table.sort_key) if key})
    put_object(BUCKET, "one", b"1", written_ms=0)
    put(world.queue_url, "1")
    put(world.dead_letter_queue_url, "1")
    world.clients.secrets().create_secret(Name="one", SecretString="1")


def contents(world: AwsWorld) -> tuple[int, ...]:
    return (
        *(len(world.items(table)) for table in TABLES),
        len(objects_in(BUCKET)),
        len(queue_of(world.queue_url)._messages),
        len(queue_of(world.dead_letter_queue_url)._messages),
        len(world.clients.secrets().list_secrets()["SecretList"]),
    )


def test_a_world_knows_nothing_of_the_one_before() -> None:
    with aws_world() as before:
        full_world(before)
        assert before.line.calls
        assert set(contents(before)) == {1}
    with aws_world() as world:
        assert not world.line.calls
        assert set(contents(world)) == {0}


@pytest.mark.parametrize("_turn", ["first", "second"])
def test_nor_does_a_test_of_the_one_before(world: Ports, _turn: str) -> None:
    assert world.audit_events() == []
    assert world.sent() == []
    assert not world.dead_messages.receive(10)
    world.bury("1")

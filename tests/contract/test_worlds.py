"""Every test starts with nothing: what a world was told, the next one does not know."""

from __future__ import annotations

from typing import Any

import pytest
from moto import mock_aws

from tests.contract.worlds import Ports
from tests.support.aws import BUCKET, PREFIX, AwsWorld, aws_world, lined_clients, physical, table_request
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


def test_a_world_is_what_the_calls_of_the_api_would_have_made() -> None:
    with aws_world():
        made = described()
    with mock_aws():
        clients, line = lined_clients()
        line.clear()
        for table in TABLES:
            clients.dynamodb().create_table(**table_request(table))
        for name in QUEUES:
            clients.sqs().create_queue(QueueName=name)
        clients.s3().create_bucket(Bucket=BUCKET)
        assert described() == made


QUEUES = (f"{PREFIX}-tasks", f"{PREFIX}-tasks-dlq")
_OF_THE_MOMENT = {"CreationDateTime", "TableId", "CreatedTimestamp", "LastModifiedTimestamp"}


def described() -> dict[str, Any]:
    """All that AWS tells of tables, queues and bucket, but when they were made."""
    clients, _ = lined_clients()
    database, queues, objects = clients.dynamodb(), clients.sqs(), clients.s3()
    urls = {name: queues.get_queue_url(QueueName=name)["QueueUrl"] for name in QUEUES}
    told: dict[str, Any] = {
        **{name: database.describe_table(TableName=name)["Table"] for name in map(physical, TABLES)},
        **{
            name: queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] | {"url": url}
            for name, url in urls.items()
        },
        BUCKET: {"region": objects.get_bucket_location(Bucket=BUCKET)["LocationConstraint"]},
    }
    return {
        name: {key: value for key, value in found.items() if key not in _OF_THE_MOMENT} for name, found in told.items()
    }

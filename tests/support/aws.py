"""AWS on moto: the tables of `workerflow.tables`, a queue with its dead-letter queue, a bucket; adapters on them.

Clients are made once per process (making one costs more than a test); each AwsWorld attaches a fresh line to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.dynamodb.models import dynamodb_backends

from tests.fakes.surroundings import FakeIds
from tests.support.faults import Line, LinedSession
from tests.support.quick_moto import (
    answer_directly,
    create_bucket,
    create_queue,
    create_table,
    quick_moto,
    send_unsigned,
)
from workerflow.adapters.clients import Clients
from workerflow.adapters.dynamodb.acceptances import DynamoAcceptances
from workerflow.adapters.dynamodb.access import DynamoSessions, DynamoTokens
from workerflow.adapters.dynamodb.attributes import Item, unpack
from workerflow.adapters.dynamodb.audit import DynamoAuditLog
from workerflow.adapters.dynamodb.bulk import DynamoBulk
from workerflow.adapters.dynamodb.cleanup import DynamoCleanup
from workerflow.adapters.dynamodb.cursors import DynamoCursors
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.error_groups import DynamoErrorGroups
from workerflow.adapters.dynamodb.operations import DynamoOperations
from workerflow.adapters.dynamodb.rate_limits import DynamoRateLimits
from workerflow.adapters.dynamodb.refused_calls import DynamoRefusedCalls
from workerflow.adapters.dynamodb.replays import DynamoReplays
from workerflow.adapters.dynamodb.rollups import DynamoRollups
from workerflow.adapters.dynamodb.runs import DynamoRuns
from workerflow.adapters.dynamodb.schedules import DynamoSchedules
from workerflow.adapters.dynamodb.slots import DynamoSlots
from workerflow.adapters.dynamodb.switches import DynamoSwitches
from workerflow.adapters.dynamodb.tenants import DynamoTenants
from workerflow.adapters.s3 import S3Blobs
from workerflow.adapters.secret_names import DescribedSecrets
from workerflow.adapters.sqs import SqsDeadMessages, SqsDeliveries, SqsQueueGauge, SqsTaskQueue
from workerflow.tables import (
    AUDIT_EVENTS,
    CURSOR_STATE,
    DEAD_LETTERS,
    IDEMPOTENCY_KEYS,
    OPERATIONS,
    RATE_LIMITS,
    REFUSED_CALLS,
    REPLAY_LINEAGE,
    ROLLUPS,
    RUNS,
    TABLES,
    Projection,
    Table,
    table_name,
)

PREFIX = "workerflow-test"
BUCKET = "workerflow-test-payloads"
REGION = "us-east-1"
WORKFLOW_FUNCTION = "workerflow-test-workflow"


def physical(table: Table) -> str:
    """A table's name in the tests' environment."""
    return table_name(PREFIX, table)


def table_request(table: Table) -> dict[str, Any]:
    """The arguments of CreateTable."""
    keys = [table.partition_key] + ([table.sort_key] if table.sort_key else [])
    index_keys = [key for index in table.indexes for key in (index.partition_key, index.sort_key)]
    request: dict[str, Any] = {
        "TableName": physical(table),
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "S"} for name in dict.fromkeys(keys + index_keys)
        ],
        "KeySchema": _key_schema(*keys),
    }
    if table.indexes:
        request["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index.name,
                "KeySchema": _key_schema(index.partition_key, index.sort_key),
                "Projection": {
                    "ProjectionType": index.projection.value,
                    **({"NonKeyAttributes": list(index.included)} if index.projection is Projection.INCLUDE else {}),
                },
            }
            for index in table.indexes
        ]
    return request


def _key_schema(partition: str, sort: str | None = None) -> list[dict[str, str]]:
    schema = [{"AttributeName": partition, "KeyType": "HASH"}]
    return schema + ([{"AttributeName": sort, "KeyType": "RANGE"}] if sort else [])


@cache
def lined_clients() -> tuple[Clients, Line]:
    """This process's clients, and the line that they are attached to."""
    line = Line()
    clients = Clients(REGION, LinedSession(line))
    send_unsigned(clients.dynamodb())
    send_unsigned(clients.sqs())
    return clients, line


class AwsWorld:
    """Every port that has an adapter, on moto, under the names that `FakeWorld` has."""

    def __init__(self) -> None:
        self.clients, self.line = lined_clients()
        self.line.clear()
        self.queue_url, self.dead_letter_queue_url = "", ""
        self._build()
        database = Database(self.clients.dynamodb(), pause=lambda _seconds: None)
        told = {"audit": physical(AUDIT_EVENTS), "operations": physical(OPERATIONS)}
        self.operations = DynamoOperations(database, **told)
        self.acceptances = DynamoAcceptances(database, physical(IDEMPOTENCY_KEYS))
        self.runs = DynamoRuns(database, runs=physical(RUNS), letters=physical(DEAD_LETTERS), **told)
        self.replays = DynamoReplays(
            database,
            letters=physical(DEAD_LETTERS),
            lineage=physical(REPLAY_LINEAGE),
            acceptances=physical(IDEMPOTENCY_KEYS),
            **told,
        )
        self.switches = DynamoSwitches(database, state=physical(CURSOR_STATE), **told)
        self.cursors = DynamoCursors(database, physical(CURSOR_STATE))
        self.retry_cursors = DynamoCursors(database, physical(CURSOR_STATE), "retry")
        self.audit = DynamoAuditLog(database, physical(AUDIT_EVENTS))
        self.schedules = DynamoSchedules(
            database,
            state=physical(CURSOR_STATE),
            acceptances=physical(IDEMPOTENCY_KEYS),
            runs=physical(RUNS),
            **told,
        )
        self.tenants = DynamoTenants(database, state=physical(CURSOR_STATE), audit=physical(AUDIT_EVENTS))
        self.rate_limits = DynamoRateLimits(database, physical(RATE_LIMITS), FakeIds())
        self.slots = DynamoSlots(database, physical(RATE_LIMITS))
        self.refused_calls = DynamoRefusedCalls(database, physical(REFUSED_CALLS))
        self.rollups = DynamoRollups(database, physical(ROLLUPS))
        self.cleanup = DynamoCleanup(database, physical(CURSOR_STATE))
        self.bulk = DynamoBulk(database, **told)
        self.error_groups = DynamoErrorGroups(database, rollups=physical(ROLLUPS), state=physical(CURSOR_STATE))
        self.tokens = DynamoTokens(database, operations=physical(OPERATIONS), audit=physical(AUDIT_EVENTS))
        self.sessions = DynamoSessions(database, operations=physical(OPERATIONS), audit=physical(AUDIT_EVENTS))
        self.secret_names = DescribedSecrets(self.clients.secrets)
        self.blobs = S3Blobs(self.clients.s3, BUCKET)
        self.queue = SqsTaskQueue(self.clients.sqs(), self.queue_url)
        self.queue_gauge = SqsQueueGauge(self.clients.sqs(), self.queue_url)
        self.deliveries = SqsDeliveries(self.clients.sqs(), self.queue_url)
        self.dead_messages = SqsDeadMessages(self.clients.sqs(), self.dead_letter_queue_url)

    def _build(self) -> None:
        for table in TABLES:
            create_table(table_request(table))
        create_bucket(BUCKET)
        self.dead_letter_queue_url = create_queue(f"{PREFIX}-tasks-dlq")
        self.queue_url = create_queue(f"{PREFIX}-tasks")

    def items(self, table: Table) -> list[Item]:
        """All items of a table in plain values, read behind the line's back."""
        backend = dynamodb_backends[ACCOUNT][REGION].tables[physical(table)]
        return [unpack(item.to_json()["Attributes"]) for item in backend.all_items()]


@contextmanager
def aws_world() -> Iterator[AwsWorld]:
    """A new, empty world."""
    with quick_moto():
        world = AwsWorld()
        answer_directly(world.line)
        yield world

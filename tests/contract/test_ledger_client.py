"""The client of the ledger that takes no room answers as moto does, whatever the dashboard's pages ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.aws import physical
from tests.support.ledger import Ledger, Shelf
from tests.support.ledger_client import LedgerClient
from tests.support.ledger_rest import small_items
from tests.support.ledger_tasks import NOW_MS, STEP_MS, TENANT
from tests.support.quick_moto import put_item
from tests.support.read_costs import PAGES, Pages
from tests.support.tasks import DAY_MS
from tests.support.world import moto_world
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.requests import Query
from workerflow.domain.identity import TraceId, shard_of
from workerflow.tables import AUDIT_EVENTS, DEAD_LETTERS, IDEMPOTENCY_KEYS, LETTERS_OPEN, RUNS, Table

NUMBER = 200

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return Ledger(NUMBER)


@pytest.fixture(scope="module")
def moto(ledger: Ledger) -> Iterator[Any]:
    """Moto's client, on tables with every item of the ledger."""
    with moto_world() as world:
        for table, item in all_items(ledger):
            put_item(physical(table), {name: value for name, value in item.items() if value is not None})
        yield world.clients.dynamodb()


def all_items(ledger: Ledger) -> Iterator[tuple[Table, Mapping[str, Any]]]:
    yield from small_items(ledger)
    for number in range(ledger.number):
        yield from _made(IDEMPOTENCY_KEYS, ledger.shelf(IDEMPOTENCY_KEYS, None, f"{TENANT}#{ledger.key_hash(number)}"))
        for table in (RUNS, DEAD_LETTERS):
            yield from _made(table, ledger.shelf(table, None, f"{TENANT}#{ledger.trace_id(number)}"))
    yield from _made(AUDIT_EVENTS, ledger.shelf(AUDIT_EVENTS, None, TENANT))


def _made(table: Table, shelf: Shelf) -> Iterator[tuple[Table, Mapping[str, Any]]]:
    return ((table, shelf.make(number)) for number in shelf.numbers)


class BothClients:
    """Asks both, and lets nobody go on when they say different things."""

    def __init__(self, ledger: Ledger, moto: Any) -> None:
        self._ours, self._moto = LedgerClient(ledger), moto
        self.asked = 0

    def get_item(self, **request: Any) -> Any:
        ours, theirs = self._ours.get_item(**request), self._moto.get_item(**request)
        assert ours.get("Item") == theirs.get("Item"), request
        return self._agreed(ours)

    def batch_get_item(self, **request: Any) -> Any:
        ours, theirs = self._ours.batch_get_item(**request), self._moto.batch_get_item(**request)
        for name, items in ours["Responses"].items():
            assert sorted(items, key=repr) == sorted(theirs["Responses"].get(name, []), key=repr), request
        return self._agreed(ours)

    def query(self, **request: Any) -> Any:
        ours, theirs = self._ours.query(**request), self._moto.query(**request)
        assert ours.get("Items") == theirs.get("Items"), request
        assert ours["Count"] == theirs["Count"], request
        if "LastEvaluatedKey" in theirs:
            assert ours["LastEvaluatedKey"] == theirs["LastEvaluatedKey"], request
        return self._agreed(ours)

    def _agreed(self, answer: Any) -> Any:
        self.asked += 1
        return answer


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_read_alike(ledger: Ledger, moto: Any, name: str) -> None:
    client = BothClients(ledger, moto)
    PAGES[name](Pages(client, ledger))
    assert client.asked


@pytest.mark.parametrize("limit", [None, 1, 7, 1_000])
@pytest.mark.parametrize("descending", [False, True])
def test_whatever_is_asked_of_an_index_is_answered_alike(
    ledger: Ledger, moto: Any, limit: int | None, *, descending: bool
) -> None:
    database = Database(BothClients(ledger, moto))  # type: ignore[arg-type]
    low, high = ledger.position(NUMBER // 4), ledger.position(NUMBER - 50)
    for shard in range(5):
        partition = ("open_in", f"{TENANT}#{shard:02x}")
        for between in (None, ("failed_at", low, high), ("failed_at", high, low + "~")):
            query = Query(physical(DEAD_LETTERS), partition, between, LETTERS_OPEN.name, descending=descending)
            if between is None or between[1] <= between[2]:
                list(database.query(query, limit=limit))
                for now_ms in (NOW_MS, NOW_MS + 38 * DAY_MS, NOW_MS + 38 * DAY_MS - NUMBER // 2 * STEP_MS):
                    database.count(query, limit=limit or 10_000, now_ms=now_ms)


def test_the_parts_of_a_long_answer_are_alike(ledger: Ledger, moto: Any) -> None:
    client = BothClients(ledger, moto)
    request: dict[str, Any] = {
        "TableName": physical(AUDIT_EVENTS),
        "KeyConditionExpression": "#p = :p",
        "ExpressionAttributeNames": {"#p": "pk"},
        "ExpressionAttributeValues": {":p": {"S": TENANT}},
        "Limit": 10,
    }
    found = 0
    while (answer := client.query(**request))["Items"]:
        found += len(answer["Items"])
        if "LastEvaluatedKey" not in answer:
            break
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    assert found == NUMBER / 10


def test_every_task_has_the_name_and_the_shard_that_its_number_gives_it(ledger: Ledger) -> None:
    for number in (0, 1, NUMBER - 1):
        trace = TraceId.parse(ledger.trace_id(number))
        assert ledger.number_of_task(trace.value) == number
        assert trace.accepted_at_ms == NOW_MS - (NUMBER - number) * STEP_MS
        assert shard_of(trace.value) == (number + 1) % 4
    assert ledger.number_of_task(f"{0:044x}") is None

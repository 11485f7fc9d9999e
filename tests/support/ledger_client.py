"""DynamoDB's client for a ledger that takes no room: the reads that our adapters make, and what they would cost.

What it answers is held against moto on a small ledger (tests/contract/test_ledger_client.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.aws import physical
from tests.support.billing import units_of_items, units_of_query
from tests.support.ledger import Ledger, Shelf
from workerflow.adapters.dynamodb.attributes import Item, pack, unpack
from workerflow.adapters.dynamodb.item_size import item_bytes
from workerflow.tables import TABLES, Index, Table

PAGE_BYTES = 1024 * 1024
"""One answer of a query. Source: AWS, "Query: Paginating the results"."""

_TABLES = {physical(table): table for table in TABLES}


@dataclass(frozen=True, slots=True)
class Read:
    """One call: its operation, what it read from, how many items, and its read units."""

    operation: str
    source: str
    items: int
    units: float


class LedgerClient:
    """Answers GetItem, BatchGetItem and Query from a Ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.reads: list[Read] = []

    @property
    def units(self) -> float:
        return sum(read.units for read in self.reads)

    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool = False) -> Mapping[str, Any]:  # noqa: N803 - as the client calls them
        item = self.ledger.get(_TABLES[TableName], unpack(Key))
        self._bill("GetItem", _TABLES[TableName].name, 1, units_of_items([item], strong=ConsistentRead))
        return {"Item": pack(item)} if item else {}

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: N803 - as the client calls them
        responses: dict[str, list[Item]] = {}
        for name, wanted in RequestItems.items():
            items = [self.ledger.get(_TABLES[name], unpack(key)) for key in wanted["Keys"]]
            units = units_of_items(items, strong=wanted.get("ConsistentRead", False))
            self._bill("BatchGetItem", _TABLES[name].name, len(items), units)
            responses[name] = [pack(item) for item in items if item]
        return {"Responses": responses, "UnprocessedKeys": {}}

    def query(self, **request: Any) -> Mapping[str, Any]:
        asked = _Asked.of(request)
        items, is_cut = asked.page(self.ledger.shelf(asked.table, asked.index, asked.partition))
        units = units_of_query(items, strong=request.get("ConsistentRead", False))
        source = asked.index.name if asked.index else asked.table.name
        self._bill("Query", source, len(items), units)
        found = (
            items if asked.expires_after is None else [one for one in items if one["expires_at"] > asked.expires_after]
        )
        answer: dict[str, Any] = {"Count": len(found), "ScannedCount": len(items)}
        if is_cut:
            answer["LastEvaluatedKey"] = pack({name: items[-1][name] for name in asked.key_names})
        return answer if request.get("Select") == "COUNT" else answer | {"Items": [pack(item) for item in items]}

    def _bill(self, operation: str, source: str, items: int, units: float) -> None:
        self.reads.append(Read(operation, source, items, units))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request of Query, as our adapters make them."""

    table: Table
    index: Index | None
    partition: str
    low: str
    high: str
    descending: bool
    limit: int | None
    after: str | None
    expires_after: int | None

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> _Asked:
        table = _TABLES[request["TableName"]]
        index = next((one for one in table.indexes if one.name == request.get("IndexName")), None)
        values = unpack(request["ExpressionAttributeValues"])
        condition = "#p = :p AND #s BETWEEN :low AND :high" if ":low" in values else "#p = :p"
        if request["KeyConditionExpression"] != condition:
            raise AssertionError(f"no adapter asks {request['KeyConditionExpression']}")
        if request.get("FilterExpression", "#expires_at > :now") != "#expires_at > :now":
            raise AssertionError(f"no adapter filters by {request['FilterExpression']}")
        sort_key = index.sort_key if index else table.sort_key
        start = request.get("ExclusiveStartKey")
        return cls(
            table=table,
            index=index,
            partition=values[":p"],
            low=values.get(":low", ""),
            high=values.get(":high", "\U0010ffff"),
            descending=not request.get("ScanIndexForward", True),
            limit=request.get("Limit"),
            after=None if start is None else start[str(sort_key)]["S"],
            expires_after=values.get(":now"),
        )

    @property
    def key_names(self) -> Sequence[str]:
        names = [self.table.partition_key, self.table.sort_key]
        names += [self.index.partition_key, self.index.sort_key] if self.index else []
        return [name for name in names if name is not None]

    def page(self, shelf: Shelf) -> tuple[Sequence[Item], bool]:
        """The items of one answer, and whether it ends before the partition does."""
        items: list[Item] = []
        size = 0
        for number in self._numbers(shelf):
            items.append({name: value for name, value in shelf.make(number).items() if value is not None})
            size += item_bytes(items[-1])
            if len(items) == self.limit or size >= PAGE_BYTES:
                return items, True
        return items, False

    def _numbers(self, shelf: Shelf) -> Sequence[int]:
        numbers = shelf.between(self.low, self.high)
        if self.descending:
            numbers = numbers[::-1]
        if self.after is not None:
            keys = [shelf.key(number) for number in numbers]
            numbers = numbers[keys.index(self.after) + 1 :]
        return numbers

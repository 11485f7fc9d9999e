"""What DynamoDB would bill: emulators' own figures are constants, so it is counted here from the items themselves.

    meter = Meter(world)          # a witness on the line: sees every table before and after each write
    ... run the flow ...
    meter.units                   # write units so far
    meter.bills                   # per write: call, table, units of the table, units of each index

The rule (AWS, "DynamoDB read and write operations", "Using global secondary indexes": write capacity units):
- a write costs one unit for each started KB of the larger of the item before and after it, at least one;
- a failed condition costs the same, by the item that stands there;
- an index entry costs a write of its own where it appears, disappears or changes, two where its key changes, none
  where nothing that the index projects changes;
- everything counts twice inside a transaction. (For index entries that is the cautious reading.)

Reads (the same pages, "read capacity units"):
- an item that is read by its key costs a unit for each started 4 KB, half of that eventually consistent; one that is
  absent costs what the smallest does; of a batch each item is rounded by itself;
- a query costs the bytes of all that it looks at, index entries as the index projects them, rounded up once to 4 KB;
  so does one that only counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.aws import AwsWorld, physical
from tests.support.faults import Call
from workerflow.adapters.dynamodb.attributes import Item, unpack
from workerflow.adapters.dynamodb.item_size import item_bytes, write_units
from workerflow.tables import TABLES, Index, Projection, Table

_TABLE_OF_NAME = {physical(table): table for table in TABLES}


@dataclass(frozen=True, slots=True)
class Bill:
    """What one written item costs."""

    call: Call
    table: str
    table_units: int
    index_units: Mapping[str, int] = field(default_factory=dict)

    @property
    def units(self) -> int:
        return self.table_units + sum(self.index_units.values())


def bill_of_write(call: Call, table: Table, before: Item | None, after: Item | None) -> Bill:
    """Apply the rule to one item, in plain values; None where there is none."""
    factor = 2 if call.operation == "TransactWriteItems" else 1
    size = max(item_bytes(item) for item in (before or {}, after or {}))
    indexes = {index.name: factor * _index_units(table, index, before, after) for index in table.indexes}
    touched = {name: units for name, units in indexes.items() if units}
    return Bill(call, table.name, factor * write_units(size), touched)


def _index_units(table: Table, index: Index, before: Item | None, after: Item | None) -> int:
    old, new = entry_of(table, index, before), entry_of(table, index, after)
    if old == new:
        return 0
    if old is None or new is None:
        return write_units(item_bytes(old or new or {}))
    if any(old[key] != new[key] for key in (index.partition_key, index.sort_key)):
        return write_units(item_bytes(old)) + write_units(item_bytes(new))
    return write_units(max(item_bytes(old), item_bytes(new)))


def entry_of(table: Table, index: Index, item: Item | None) -> Item | None:
    """What an index keeps of an item; None if the item is not in it."""
    if item is None or index.partition_key not in item or index.sort_key not in item:
        return None
    if index.projection is Projection.ALL:
        return item
    keys = {table.partition_key, table.sort_key, index.partition_key, index.sort_key}
    return {name: value for name, value in item.items() if name in keys or name in index.included}


READ_UNIT_BYTES = 4 * 1024


def units_of_items(items: Iterable[Item | None], *, strong: bool) -> float:
    """Read units of items that are read by their keys, one alone or several in a batch; None is absent."""
    sizes = [item_bytes(item) if item else 0 for item in items]
    return sum(_read_units(size, strong=strong) for size in sizes)


def units_of_query(items: Iterable[Item], *, strong: bool) -> float:
    """Read units of one page of a query, by all items or index entries that it looked at."""
    return _read_units(sum(item_bytes(item) for item in items), strong=strong)


def _read_units(size: int, *, strong: bool) -> float:
    return max(1, -(-size // READ_UNIT_BYTES)) * (1.0 if strong else 0.5)


class Meter:
    """Watches a world's line and bills every write on it."""

    def __init__(self, world: AwsWorld) -> None:
        self.bills: list[Bill] = []
        self._world = world
        self._before: dict[int, list[Item | None]] = {}  # by number: an invocation makes calls of its own
        world.line.witness = self

    @property
    def units(self) -> int:
        return sum(bill.units for bill in self.bills)

    def before(self, call: Call) -> None:
        self._before[call.number] = [self._item(table, key) for table, key in _written(call)]

    def after(self, call: Call) -> None:
        for (table, key), before in zip(_written(call), self._before.pop(call.number), strict=True):
            self.bills.append(bill_of_write(call, table, before, self._item(table, key)))

    def _item(self, table: Table, key: Item) -> Item | None:
        return next((item for item in self._world.items(table) if key.items() <= item.items()), None)

    def report(self) -> str:
        """One line for each written item, for people."""
        return "\n".join(
            f"{bill.units:3d}  {bill.table:18} {bill.call.site.adapter:28} {dict(bill.index_units) or ''}"
            for bill in self.bills
        )


def _written(call: Call) -> Iterator[tuple[Table, Item]]:
    """Table and key of every item that a call writes."""
    if call.service != "dynamodb":
        return
    if call.operation in {"PutItem", "UpdateItem", "DeleteItem"}:
        yield _table_and_key(call.parameters)
    for write in call.parameters.get("TransactItems", []):
        yield from map(_table_and_key, write.values())
    for table, writes in call.parameters.get("RequestItems", {}).items():
        for write in writes if call.operation == "BatchWriteItem" else ():
            yield _table_and_key({"TableName": table, **write["PutRequest"]})


def _table_and_key(request: Mapping[str, Any]) -> tuple[Table, Item]:
    table = _TABLE_OF_NAME[request["TableName"]]
    item = unpack(request.get("Item") or request["Key"])
    keys = (table.partition_key, table.sort_key)
    return table, {name: value for name, value in item.items() if name in keys}

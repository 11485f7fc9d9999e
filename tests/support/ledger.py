"""A ledger of any size that takes no room: the partitions of its tables, in which items are made when they are read."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from tests.support.billing import entry_of
from tests.support.ledger_rest import small_items
from tests.support.ledger_tasks import FAILS_EVERY, OPEN_LETTERS, QUEUED, RECENT, RUNNING, TENANT, LedgerTasks
from workerflow.adapters.dynamodb.attributes import Item
from workerflow.adapters.dynamodb.items import acceptance as acceptance_codec
from workerflow.adapters.dynamodb.items import attempt as attempt_codec
from workerflow.adapters.dynamodb.items import audit as audit_codec
from workerflow.adapters.dynamodb.items import letter as letter_codec
from workerflow.adapters.dynamodb.items import run as run_codec
from workerflow.domain.identity import SHARDS
from workerflow.domain.run import RunState
from workerflow.tables import (
    AUDIT_EVENTS,
    DEAD_LETTERS,
    IDEMPOTENCY_KEYS,
    LETTERS_BY_TIME,
    LETTERS_OPEN,
    RUNS,
    RUNS_OPEN,
    TASKS_BY_TIME,
    Index,
    Table,
)

TASKS_AN_AUDIT_EVENT = 10


@dataclass(frozen=True, slots=True)
class Shelf:
    """The items of one partition, in order of their sort keys, by number."""

    numbers: Sequence[int]
    key: Callable[[int], str]
    make: Callable[[int], Item]

    def between(self, low: str, high: str) -> Sequence[int]:
        """The numbers of the items within two sort keys, both included."""
        return self.numbers[
            bisect_left(self.numbers, low, key=self.key) : bisect_right(self.numbers, high, key=self.key)
        ]


NOTHING = Shelf((), lambda _number: "", lambda _number: {})


class Ledger(LedgerTasks):
    """`number` tasks of one tenant, with all that belongs to them, where DynamoDB would have it."""

    def get(self, table: Table, key: Item) -> Item | None:
        """The item of a key."""
        shelf = self.shelf(table, None, key["pk"])
        sort = key.get("sk", "")
        found = shelf.between(sort, sort)
        return shelf.make(found[0]) if found else None

    def shelf(self, table: Table, index: Index | None, partition: str) -> Shelf:
        """The items of a partition, of the table or of an index."""
        if index is not None:
            return self._index(table, index, partition)
        tenant, _, name = partition.partition("#")
        if tenant == TENANT and table is IDEMPOTENCY_KEYS:
            return _alone(self.number_of(name), lambda number: acceptance_codec.to_item(self.acceptance(number)))
        if tenant == TENANT and table is RUNS:
            return _of_items(self._run_items(self.number_of_task(name)), "sk")
        if tenant == TENANT and table is DEAD_LETTERS:
            return self._letter_shelf(self.number_of_task(name))
        if partition == TENANT and table is AUDIT_EVENTS:
            numbers = range(0, self.number, TASKS_AN_AUDIT_EVENT)
            return Shelf(numbers, self._audit_key, lambda number: audit_codec.to_item(self.audit_event(number)))
        return self._small.get((table.name, partition), NOTHING)

    def _letter_shelf(self, number: int | None) -> Shelf:
        letter = self.letter(number) if number is not None else None
        return _alone(number, lambda _number: letter_codec.to_item(letter)) if letter else NOTHING

    def _run_items(self, number: int | None) -> Iterator[Item]:
        if number is not None:
            yield from (attempt_codec.to_item(record) for record in self.attempts(number))
            run = self.run(number)
            if run is not None:
                yield run_codec.to_item(run)

    def _index(self, table: Table, index: Index, partition: str) -> Shelf:
        tenant, _, shard = partition.rpartition("#")
        if tenant != TENANT or int(shard, 16) >= SHARDS:
            return NOTHING
        numbers = range((int(shard, 16) - 1) % SHARDS, self.number, SHARDS)
        if index is TASKS_BY_TIME:
            return Shelf(numbers, self.trace_id, self._entries(table, index, self._acceptance_item))
        if index is RUNS_OPEN:
            recent = [n for n in numbers[-RECENT:] if self.state(n) is RunState.WAITING]
            return _of_items((self._entries(table, index, self._run_item)(n) for n in recent), index.sort_key)
        if index in {LETTERS_BY_TIME, LETTERS_OPEN}:
            failed = self._failed(numbers)
            if index is LETTERS_OPEN and not self.all_open:
                failed = [n for n in failed[-OPEN_LETTERS:] if self.is_open(n)]
            return Shelf(failed, self.position, self._entries(table, index, self._letter_item))
        return NOTHING

    def _failed(self, numbers: range) -> Sequence[int]:
        first = next((n for n in numbers[: 4 * FAILS_EVERY] if n % FAILS_EVERY == 0), self.number)
        ended = self.number - QUEUED - RUNNING
        return range(first, ended, SHARDS * FAILS_EVERY)

    def _acceptance_item(self, number: int) -> Item:
        return acceptance_codec.to_item(self.acceptance(number))

    def _run_item(self, number: int) -> Item:
        run = self.run(number)
        return run_codec.to_item(run) if run else {}

    def _letter_item(self, number: int) -> Item:
        letter = self.letter(number)
        return letter_codec.to_item(letter) if letter else {}

    @staticmethod
    def _entries(table: Table, index: Index, make: Callable[[int], Item]) -> Callable[[int], Item]:
        return lambda number: entry_of(table, index, make(number)) or {}

    @cached_property
    def _small(self) -> Mapping[tuple[str, str], Shelf]:
        found: dict[tuple[str, str], list[Item]] = defaultdict(list)
        for table, item in small_items(self):
            found[table.name, item["pk"]].append(item)
        return {name: _of_items(items, "sk") for name, items in found.items()}

    def _audit_key(self, number: int) -> str:
        return self.audit_event(number).position


def _alone(number: int | None, make: Callable[[int], Item]) -> Shelf:
    return NOTHING if number is None else Shelf((number,), lambda _number: "", make)


def _of_items(items: Iterable[Item], sort_key: str) -> Shelf:
    in_order = sorted(items, key=lambda item: str(item[sort_key]))
    return Shelf(range(len(in_order)), lambda at: str(in_order[at][sort_key]), lambda at: in_order[at])

"""Read a part of one shard of an index from its newest entry back, for people to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from workerflow.adapters.dynamodb.attributes import Item
from workerflow.adapters.dynamodb.requests import Query
from workerflow.adapters.dynamodb.seen import in_order
from workerflow.ports.stores import Newest
from workerflow.tables import Index


@dataclass(frozen=True, slots=True)
class Part:
    """At most `limit` entries of a partition with `since` <= sort key < `before`."""

    table: str
    index: Index
    partition: str
    since: str
    before: str
    limit: int

    @property
    def query(self) -> Query:
        """What to ask for."""
        return Query(
            self.table,
            (self.index.partition_key, self.partition),
            (self.index.sort_key, self.since, _just_below(self.before)),
            self.index.name,
            descending=True,
            viewing=True,
        )

    @property
    def entries(self) -> int:
        """How many to ask for: one more tells whether there is a next part."""
        return self.limit + 1 if self.limit > 0 and self.since < self.before else 0

    def of[T](self, found: Iterable[Item], read: Callable[[Item], T]) -> Newest[T]:
        """The answer, made of what was found; `read` raises IntegrityError for what it cannot read."""
        items = list(found)
        is_over = len(items) <= self.limit
        within = items[: self.limit]
        readable, unreadable = in_order(within, read, self.index.sort_key)
        return Newest(readable, None if is_over else within[-1][self.index.sort_key], unreadable)


def _just_below(key: str) -> str:
    """What is behind every key of ours before this one: DynamoDB's BETWEEN includes both ends."""
    return key[:-1] + chr(ord(key[-1]) - 1) + "~"

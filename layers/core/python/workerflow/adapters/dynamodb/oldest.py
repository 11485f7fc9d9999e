"""Read a part of an index from its oldest entry on, for whoever works through all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter

from workerflow.adapters.dynamodb.attributes import Item
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.requests import Query
from workerflow.adapters.dynamodb.seen import in_order
from workerflow.ports.stores import Oldest
from workerflow.tables import Index

FIRST = "0"
"""Before every position of ours: the value of a key must not be empty, not even as a bound."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """At most `limit` entries of some partitions together, with `after` < sort key < `until`."""

    table: str
    index: Index
    partitions: Iterable[str]
    after: str
    until: str
    limit: int

    def read[T](self, database: Database, read: Callable[[Item], T]) -> Oldest[T]:
        """The entries; `read` raises IntegrityError for what it cannot read."""
        if self.after >= self.until or self.limit < 1:
            return Oldest([], self.after, is_over=True)
        place = self.index.sort_key
        found = sorted(
            (item for query in self._queries() for item in self._within(database, query)), key=itemgetter(place)
        )
        part = found[: self.limit]
        readable, unreadable = in_order(part, read, place)
        position = part[-1][place] if part else self.after
        return Oldest(readable, position, is_over=len(found) <= self.limit, unreadable=unreadable)

    def _queries(self) -> Iterator[Query]:
        between = (self.index.sort_key, self.after or FIRST, self.until)
        for partition in self.partitions:
            yield Query(self.table, (self.index.partition_key, partition), between, self.index.name, viewing=True)

    def _within(self, database: Database, query: Query) -> Iterator[Item]:
        # DynamoDB's BETWEEN includes both ends, the port neither. The older end makes one more to ask for, and another
        # one tells whether there is more; where the newer end comes, there is not.
        for item in database.query(query, limit=self.limit + 2):
            if self.after < item[self.index.sort_key] < self.until:
                yield item

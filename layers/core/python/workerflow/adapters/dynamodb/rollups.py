"""RollupStore on DynamoDB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter

from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.items import rollup as codec
from workerflow.adapters.dynamodb.requests import Query
from workerflow.adapters.dynamodb.seen import seen
from workerflow.domain.rollup import PartialCount, Rollup, Span
from workerflow.ports.rollups import RollupsSeen


class DynamoRollups:
    """Rollups in `rollups`."""

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self._table = table

    def put_many(self, rollups: Sequence[Rollup]) -> None:
        self._database.put_many(self._table, map(codec.to_item, rollups))

    def list_rollups(self, tenant: str, span: Span, *, from_ms: int, until_ms: int) -> Sequence[Rollup]:
        if from_ms >= until_ms:
            return ()
        items = self._database.query(self._query(tenant, span, from_ms, until_ms))
        return [codec.from_item(item) for item in items]

    def view_rollups(self, tenant: str, span: Span, *, from_ms: int, until_ms: int) -> RollupsSeen:
        if from_ms >= until_ms:
            return RollupsSeen(())
        query = replace(self._query(tenant, span, from_ms, until_ms), viewing=True)
        found = seen(self._database.query(query), codec.from_item, itemgetter("sk"))
        return RollupsSeen(tuple(found.readable.values()), len(found.unreadable))

    def _query(self, tenant: str, span: Span, from_ms: int, until_ms: int) -> Query:
        # The upper bound is the start alone: it comes before every key that begins with it.
        between = ("sk", codec.start_text(from_ms), codec.start_text(until_ms))
        return Query(self._table, ("pk", codec.partition(tenant, span)), between)

    def keep_partial(self, partial: PartialCount) -> None:
        self._database.put_many(self._table, [codec.partial_to_item(partial)])

    def list_partials(self, tenant: str, *, from_ms: int, until_ms: int) -> Sequence[PartialCount]:
        if from_ms >= until_ms:
            return ()
        between = ("sk", codec.start_text(from_ms), codec.start_text(until_ms - 1))
        items = self._database.query(Query(self._table, ("pk", codec.partial_partition(tenant)), between))
        return [codec.partial_from_item(item) for item in items]

"""RefusedCalls on DynamoDB."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.items import refused_call as codec
from workerflow.adapters.dynamodb.requests import Put, Query
from workerflow.adapters.dynamodb.seen import in_order
from workerflow.domain.refused_call import RefusedCall


class DynamoRefusedCalls:
    """The last refused calls in `refused_calls`."""

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self._table = table

    def put(self, call: RefusedCall) -> None:
        self._database.put(Put(self._table, codec.to_item(call)))

    def list_calls(self, tenant: str | None) -> Sequence[RefusedCall]:
        items = self._database.query(Query(self._table, ("pk", codec.partition(tenant)), viewing=True))
        calls, _ = in_order(items, codec.from_item, "sk")
        return sorted(calls, key=attrgetter("at_ms"), reverse=True)

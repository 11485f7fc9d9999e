"""AcceptanceStore on DynamoDB."""

from __future__ import annotations

from collections.abc import Sequence

from workerflow.adapters.dynamodb import conditions
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.items import acceptance as codec
from workerflow.adapters.dynamodb.newest import Part
from workerflow.adapters.dynamodb.requests import Put, Query
from workerflow.domain.task import Acceptance, AcceptedTask
from workerflow.ports.stores import Conflict, Newest, Written
from workerflow.tables import TASKS_BY_TIME

_FIRST = "0"
"""Before every trace id: the value of a key must not be empty, not even as a bound."""


class DynamoAcceptances:
    """Acceptances in `idempotency_keys`: one conditional put, which brings back what stands in its way."""

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self._table = table

    def put(self, acceptance: Acceptance, *, now_ms: int) -> Written | Conflict[Acceptance]:
        put = Put(self._table, codec.to_item(acceptance), conditions.forgotten(now_ms))
        refused = self._database.put(put)
        if refused is None:
            return Written()
        standing = None if refused.old is None else codec.from_item(refused.old)
        if standing is not None and standing.nonce == acceptance.nonce:
            return Written()
        return Conflict(standing)

    def get(self, tenant: str, key_hash: str) -> Acceptance | None:
        item = self._database.get(self._table, codec.key(tenant, key_hash))
        return None if item is None else codec.from_item(item)

    def list_accepted(self, tenant: str, shard: int, *, after: str, until: str, limit: int) -> Sequence[AcceptedTask]:
        if after >= until or limit < 1:
            return ()
        query = Query(
            self._table,
            (TASKS_BY_TIME.partition_key, codec.shard_key(tenant, shard)),
            (TASKS_BY_TIME.sort_key, after or _FIRST, until),
            TASKS_BY_TIME.name,
        )
        # DynamoDB's BETWEEN includes both ends, the port neither: two entries more make up for them.
        found = map(codec.from_index, self._database.query(query, limit=limit + 2))
        return [task for task in found if after < task.trace_id < until][:limit]

    def view_accepted(self, tenant: str, shard: int, *, since: str, before: str, limit: int) -> Newest[AcceptedTask]:
        part = Part(self._table, TASKS_BY_TIME, codec.shard_key(tenant, shard), since or _FIRST, before, limit)
        return part.of(self._database.query(part.query, limit=part.entries), codec.from_index)

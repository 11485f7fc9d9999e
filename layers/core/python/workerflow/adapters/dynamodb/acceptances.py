"""AcceptanceStore on DynamoDB."""

from __future__ import annotations

from workerflow.adapters.dynamodb import conditions
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.items import acceptance as codec
from workerflow.adapters.dynamodb.newest import Part
from workerflow.adapters.dynamodb.oldest import FIRST, Stretch
from workerflow.adapters.dynamodb.requests import Put
from workerflow.domain.task import Acceptance, AcceptedTask
from workerflow.ports.stores import Conflict, Newest, Oldest, Written
from workerflow.tables import TASKS_BY_TIME


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

    def list_accepted(self, tenant: str, shard: int, *, after: str, until: str, limit: int) -> Oldest[AcceptedTask]:
        stretch = Stretch(self._table, TASKS_BY_TIME, [codec.shard_key(tenant, shard)], after, until, limit)
        return stretch.read(self._database, codec.from_index)

    def view_accepted(self, tenant: str, shard: int, *, since: str, before: str, limit: int) -> Newest[AcceptedTask]:
        part = Part(self._table, TASKS_BY_TIME, codec.shard_key(tenant, shard), since or FIRST, before, limit)
        return part.of(self._database.query(part.query, limit=part.entries), codec.from_index)

"""CleanupStore on DynamoDB."""

from __future__ import annotations

from workerflow.adapters.dynamodb import conditions
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.items import cleanup as codec
from workerflow.adapters.dynamodb.requests import Put
from workerflow.ports.cleanup import CleanupMark
from workerflow.ports.stores import Conflict, Written


class DynamoCleanup:
    """The marks of cleaning up in `cursor_state`."""

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self._table = table

    def get_mark(self, tenant: str) -> CleanupMark | None:
        item = self._database.get(self._table, codec.key(tenant))
        return None if item is None else codec.from_item(item)

    def write_mark(self, mark: CleanupMark) -> Written | Conflict[CleanupMark]:
        condition = conditions.unchanged(mark.version - 1 or None)
        refused = self._database.put(Put(self._table, codec.to_item(mark), condition))
        if refused is None:
            return Written()
        current = None if refused.old is None else codec.from_item(refused.old)
        if current is not None and (current.nonce, current.version) == (mark.nonce, mark.version):
            return Written()
        return Conflict(current)

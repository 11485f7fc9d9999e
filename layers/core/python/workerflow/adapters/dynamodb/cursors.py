"""CursorStore on DynamoDB."""

from __future__ import annotations

from workerflow.adapters.dynamodb import conditions
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.items import state as codec
from workerflow.adapters.dynamodb.requests import Put
from workerflow.ports.stores import Conflict, Cursor, Written


class DynamoCursors:
    """The cursors of one walk in `cursor_state`: the sweeper's, unless another is named."""

    def __init__(self, database: Database, table: str, walk: str = "sweep") -> None:
        self._database = database
        self._table = table
        self._walk = walk

    def get_cursor(self, tenant: str, shard: int) -> Cursor | None:
        item = self._database.get(self._table, codec.cursor_key(tenant, shard, self._walk))
        return None if item is None else codec.cursor_from_item(item)

    def move_cursor(self, cursor: Cursor) -> Written | Conflict[Cursor]:
        condition = conditions.unchanged(cursor.version - 1 or None)
        refused = self._database.put(Put(self._table, codec.cursor_to_item(cursor, self._walk), condition))
        if refused is None:
            return Written()
        current = None if refused.old is None else codec.cursor_from_item(refused.old)
        if current is not None and (current.nonce, current.version) == (cursor.nonce, cursor.version):
            return Written()
        return Conflict(current)

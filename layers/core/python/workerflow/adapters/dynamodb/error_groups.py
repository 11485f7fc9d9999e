"""ErrorGroupStore on DynamoDB."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workerflow.adapters.dynamodb import conditions
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.items import error_group as codec
from workerflow.adapters.dynamodb.items import state as state_codec
from workerflow.adapters.dynamodb.requests import Put, Query
from workerflow.adapters.dynamodb.seen import seen
from workerflow.domain.error_group import ErrorGroup
from workerflow.ports.error_groups import GROUPS_READ
from workerflow.ports.stores import Conflict, Cursor, Seen, Written


class DynamoErrorGroups:
    """Error groups in `rollups`, the walk's cursor in `cursor_state`."""

    def __init__(self, database: Database, *, rollups: str, state: str) -> None:
        self._database = database
        self._rollups = rollups
        self._state = state

    def get_walk(self, tenant: str) -> Cursor | None:
        item = self._database.get(self._state, state_codec.cursor_key(tenant, 0, codec.WALK))
        return None if item is None else state_codec.cursor_from_item(item)

    def get_groups(self, tenant: str, fingerprints: Iterable[str]) -> Seen[str, ErrorGroup]:
        keys = [codec.key(tenant, fingerprint) for fingerprint in fingerprints]
        return seen(self._database.get_many(self._rollups, keys), codec.from_item, codec.fingerprint_of)

    def list_groups(self, tenant: str) -> Seen[str, ErrorGroup]:
        query = Query(self._rollups, ("pk", codec.partition(tenant)))
        return seen(self._database.query(query, limit=GROUPS_READ), codec.from_item, codec.fingerprint_of)

    def write_walk(self, cursor: Cursor, groups: Sequence[ErrorGroup]) -> Written | Conflict[Cursor]:
        moved = Put(
            self._state,
            state_codec.cursor_to_item(cursor, codec.WALK),
            conditions.unchanged(cursor.version - 1 or None),
        )
        refusals = self._database.transact([moved, *(Put(self._rollups, codec.to_item(group)) for group in groups)])
        if refusals is None:
            return Written()
        standing = refusals[0]
        current = state_codec.cursor_from_item(standing.old) if standing is not None and standing.old else None
        if current is not None and (current.nonce, current.version) == (cursor.nonce, cursor.version):
            return Written()
        return Conflict(current)

"""AuditLog on DynamoDB."""

from __future__ import annotations

from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.items import audit as codec
from workerflow.adapters.dynamodb.requests import Put, Query
from workerflow.adapters.dynamodb.seen import in_order
from workerflow.domain.audit import AuditEvent
from workerflow.ports.stores import Newest


class DynamoAuditLog:
    """Audit rows in `audit_events`. The key is the event's own, so that writing it twice leaves one row."""

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self._table = table

    def append(self, event: AuditEvent) -> None:
        self._database.put(Put(self._table, codec.to_item(event)))

    def view_events(self, tenant: str, *, since: str, before: str, limit: int) -> Newest[AuditEvent]:
        if since >= before or limit < 1:
            return Newest((), None)
        query = Query(self._table, ("pk", tenant), ("sk", since, before), descending=True, viewing=True)
        # DynamoDB's BETWEEN includes both ends, the port only the older one: one more makes up for the other, and
        # another one tells whether there is a next part.
        items = [item for item in self._database.query(query, limit=limit + 2) if item["sk"] < before]
        readable, unreadable = in_order(items[:limit], codec.from_item, "sk")
        return Newest(readable, items[limit - 1]["sk"] if len(items) > limit else None, unreadable)

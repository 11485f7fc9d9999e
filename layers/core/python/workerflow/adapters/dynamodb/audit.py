"""AuditLog on DynamoDB."""

from __future__ import annotations

from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.items import audit as codec
from workerflow.adapters.dynamodb.requests import Put
from workerflow.domain.audit import AuditEvent


class DynamoAuditLog:
    """Audit rows in `audit_events`. The key is the event's own, so that writing it twice leaves one row."""

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self._table = table

    def append(self, event: AuditEvent) -> None:
        self._database.put(Put(self._table, codec.to_item(event)))

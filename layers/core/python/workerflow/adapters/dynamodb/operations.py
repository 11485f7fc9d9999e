"""OperationStore on DynamoDB."""

from __future__ import annotations

from workerflow.adapters.dynamodb.audited import AuditTrail
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.items import operation as codec
from workerflow.domain.audit import AuditEvent
from workerflow.domain.operation import Operation, OperationKey


class DynamoOperations:
    """Orders by their keys in `operations`; an order that changed nothing is told of in `audit_events` all the same."""

    def __init__(self, database: Database, *, operations: str, audit: str) -> None:
        self._database = database
        self._operations = operations
        self._trail = AuditTrail(audit, operations)

    def find(self, tenant: str, key: OperationKey, *, now_ms: int) -> Operation | None:
        item = self._database.get(self._operations, codec.key(tenant, key))
        if item is None or item.get("expires_at", 0) * 1000 <= now_ms:  # TTL deletes late
            return None
        return codec.from_item(item)

    def record(self, event: AuditEvent) -> None:
        self._trail.write(self._database, [], event)

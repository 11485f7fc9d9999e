"""TenantsStore on DynamoDB."""

from __future__ import annotations

from workerflow.adapters.dynamodb import conditions
from workerflow.adapters.dynamodb.audited import AuditTrail
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.items import tenants as codec
from workerflow.adapters.dynamodb.requests import Put
from workerflow.domain.audit import AuditEvent
from workerflow.ports.stores import Conflict, Written
from workerflow.ports.tenants import TenantsDocument


class DynamoTenants:
    """The tenants document in `cursor_state`; who published it stands in `audit_events`, by the same transaction.

    `audit` is None where a function only reads: it is then not even told the table's name.
    """

    def __init__(self, database: Database, *, state: str, audit: str | None = None) -> None:
        self._database = database
        self._state = state
        self._trail = AuditTrail(audit)

    def get(self) -> TenantsDocument | None:
        item = self._database.get(self._state, codec.KEY)
        return None if item is None else codec.from_item(item)

    def publish(self, document: TenantsDocument, audit: AuditEvent) -> Written | Conflict[TenantsDocument]:
        put = Put(self._state, codec.to_item(document), conditions.unchanged(document.version - 1 or None))
        refusals = self._trail.write(self._database, [put], audit)
        if refusals is None:
            return Written()
        refused = refusals[0]
        current = codec.from_item(refused.old) if refused is not None and refused.old is not None else None
        if current is not None and (current.nonce, current.version) == (document.nonce, document.version):
            return Written()
        return Conflict(current)

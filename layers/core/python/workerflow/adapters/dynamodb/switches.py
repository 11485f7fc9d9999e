"""SwitchStore on DynamoDB."""

from __future__ import annotations

from collections.abc import Sequence

from workerflow.adapters.dynamodb import conditions
from workerflow.adapters.dynamodb.audited import AuditTrail
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.items import state as codec
from workerflow.adapters.dynamodb.requests import Delete, Put, Query
from workerflow.domain.audit import AuditEvent
from workerflow.domain.enablement import Switch
from workerflow.ports.stores import Conflict, Written


class DynamoSwitches:
    """Run-time switches in `cursor_state`; who set one stands in `audit_events`, by the same transaction.

    `audit` is None where a function only reads: it is then not even told the table's name; `operations` where it takes
    no orders with keys.
    """

    def __init__(
        self, database: Database, *, state: str, audit: str | None = None, operations: str | None = None
    ) -> None:
        self._database = database
        self._state = state
        self._trail = AuditTrail(audit, operations)

    def list_switches(self, tenant: str) -> Sequence[Switch]:
        items = self._database.query(Query(self._state, ("pk", codec.switch_partition(tenant))))
        return [codec.switch_from_item(item) for item in items]

    def put_switch(self, switch: Switch, audit: AuditEvent) -> Written | Conflict[Switch]:
        put = Put(self._state, codec.switch_to_item(switch), conditions.unchanged(switch.version - 1 or None))
        refusals = self._trail.write(self._database, [put], audit)
        if refusals is None:
            return Written()
        refused = refusals[0]
        current = codec.switch_from_item(refused.old) if refused is not None and refused.old is not None else None
        if current is not None and (current.nonce, current.version) == (switch.nonce, switch.version):
            return Written()
        return Conflict(current)

    def delete_switch(self, switch: Switch, audit: AuditEvent) -> Written | Conflict[Switch]:
        condition = conditions.same_write(switch.version, switch.nonce)
        delete = Delete(self._state, codec.switch_key(switch.tenant, switch.source), condition)
        refusals = self._trail.write(self._database, [delete], audit)
        standing = refusals[0] if refusals is not None else None
        if standing is None or standing.old is None:  # gone, by this call or by an earlier one
            return Written()
        return Conflict(codec.switch_from_item(standing.old))

"""SwitchStore on DynamoDB."""

from __future__ import annotations

from collections.abc import Sequence

from workerflow.adapters.dynamodb import conditions
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.items import audit as audit_codec
from workerflow.adapters.dynamodb.items import state as codec
from workerflow.adapters.dynamodb.requests import Delete, Put, Query
from workerflow.domain.audit import AuditEvent
from workerflow.domain.enablement import Switch
from workerflow.ports.stores import Conflict, Written


class DynamoSwitches:
    """Run-time switches in `cursor_state`; who set one stands in `audit_events`, by the same transaction.

    `audit` is None where a function only reads: it is then not even told the table's name.
    """

    def __init__(self, database: Database, *, state: str, audit: str | None = None) -> None:
        self._database = database
        self._state = state
        self._audit = audit

    def list_switches(self, tenant: str) -> Sequence[Switch]:
        items = self._database.query(Query(self._state, ("pk", codec.switch_partition(tenant))))
        return [codec.switch_from_item(item) for item in items]

    def put_switch(self, switch: Switch, audit: AuditEvent) -> Written | Conflict[Switch]:
        if self._audit is None:
            raise ValueError("this function reads switches and does not set them")
        condition = conditions.unchanged(switch.version - 1 or None)
        refusals = self._database.transact(
            [
                Put(self._state, codec.switch_to_item(switch), condition),
                Put(self._audit, audit_codec.to_item(audit)),
            ]
        )
        if refusals is None:
            return Written()
        refused = refusals[0]
        current = codec.switch_from_item(refused.old) if refused is not None and refused.old is not None else None
        if current is not None and (current.nonce, current.version) == (switch.nonce, switch.version):
            return Written()
        return Conflict(current)

    def delete_switch(self, switch: Switch, audit: AuditEvent) -> Written | Conflict[Switch]:
        if self._audit is None:
            raise ValueError("this function reads switches and does not delete them")
        condition = conditions.same_write(switch.version, switch.nonce)
        refusals = self._database.transact(
            [
                Delete(self._state, codec.switch_key(switch.tenant, switch.source), condition),
                Put(self._audit, audit_codec.to_item(audit)),
            ]
        )
        standing = refusals[0] if refusals is not None else None
        if standing is None or standing.old is None:  # gone, by this call or by an earlier one
            return Written()
        return Conflict(codec.switch_from_item(standing.old))

"""How an audit event is written: in the transaction of the write that it tells of, with its order's key if it has one.

    [the write itself, ..., the audit row]                 the system acted, or an order without a key
    [the write itself, ..., the audit row, the operation]  an order with a key

The operation's condition makes the key count: of two orders with one key one is written, effect and all, and the other
finds the key taken. An operation that shows our own nonce is an earlier try of ours whose answer was lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workerflow.adapters.dynamodb import conditions
from workerflow.adapters.dynamodb.database import Database, Refused
from workerflow.adapters.dynamodb.items import audit as audit_codec
from workerflow.adapters.dynamodb.items import operation as operation_codec
from workerflow.adapters.dynamodb.requests import Change, Delete, Put
from workerflow.domain.audit import AuditEvent
from workerflow.domain.errors import OperationRepeatedError


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """The tables of audit events and operations, as far as a function is told their names.

    Attributes:
        events: None where a function tells of nothing.
        operations: None where it takes no orders with keys.
    """

    events: str | None = None
    operations: str | None = None

    def write(
        self, database: Database, writes: Sequence[Put | Change | Delete], event: AuditEvent
    ) -> Sequence[Refused | None] | None:
        """Apply `writes` and tell of them, all or nothing.

        Returns:
            None: applied, now or by an earlier try whose answer was lost. Else, for each of `writes`, whether its own
            condition did not hold.

        Raises:
            OperationRepeatedError: another order was faster with the event's key; nothing was applied.
        """
        refusals = database.transact([*writes, *self.writes_of(event)])
        return None if refusals is None or is_own(event, refusals) else refusals[: len(writes)]

    def writes_of(self, event: AuditEvent) -> list[Put]:
        """What tells of an event, to stand at a transaction's end: see `is_own`."""
        if self.events is None:
            raise ValueError("this function writes no audit events")
        told = [Put(self.events, audit_codec.to_item(event))]
        if event.operation is None:
            return told
        if self.operations is None:
            raise ValueError("this function takes no orders with keys")
        item = operation_codec.to_item(event, event.operation)
        return [*told, Put(self.operations, item, conditions.forgotten(event.at_ms))]


def is_own(event: AuditEvent, refusals: Sequence[Refused | None]) -> bool:
    """Whether a transaction that `writes_of` the event ended was refused because an earlier try of it was applied.

    False as well where the event has no key: the writes' own conditions have to tell then.

    Raises:
        OperationRepeatedError: the key is another order's.
    """
    standing = refusals[-1] if event.operation is not None else None
    if standing is None or standing.old is None:
        return False
    if operation_codec.from_item(standing.old).nonce != event.nonce:
        raise OperationRepeatedError("the order's key is taken")
    return True

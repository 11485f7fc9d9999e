"""Operation <-> item of `operations`: an operator's order that was carried out, by its key."""

from __future__ import annotations

from workerflow.adapters.dynamodb.attributes import Item, reading
from workerflow.domain.audit import AuditEvent
from workerflow.domain.operation import REMEMBERED_SECONDS, Operation, OperationKey


def key(tenant: str, operation: OperationKey) -> Item:
    """Where an order stands: its token's own place in its tenant's partition."""
    return {"pk": f"{tenant}#done", "sk": f"{operation.token_id}#{operation.key_digest}"}


def to_item(event: AuditEvent, operation: OperationKey) -> Item:
    """What an order's audit event says, under the order's key."""
    return {
        **key(event.tenant, operation),
        "order": operation.order_digest,
        "action": event.action,
        "target": event.target,
        "at_ms": event.at_ms,
        "nonce": event.nonce,
        "details": dict(event.details) or None,
        "expires_at": event.at_ms // 1000 + REMEMBERED_SECONDS,
    }


def from_item(item: Item) -> Operation:
    """Read what `to_item` wrote. Raises IntegrityError for anything else."""
    with reading("operation", item):
        token_id, _, key_digest = item["sk"].partition("#")
        return Operation(
            tenant=item["pk"].removesuffix("#done"),
            key=OperationKey(token_id, key_digest, item["order"]),
            action=item["action"],
            target=item["target"],
            at_ms=item["at_ms"],
            nonce=item["nonce"],
            details=item.get("details", {}),
        )

"""AuditEvent <-> item of `audit_events`."""

from __future__ import annotations

from workerflow.adapters.dynamodb.attributes import Item, reading
from workerflow.domain.audit import KEPT_DAYS, AuditEvent


def key(event: AuditEvent) -> Item:
    """Where an event stands: in order of time; the same event twice is one row."""
    return {"pk": event.tenant, "sk": event.position}


def to_item(event: AuditEvent) -> Item:
    """The whole event."""
    return {
        **key(event),
        "actor": event.actor,
        "action": event.action,
        "target": event.target,
        "reason": event.reason or None,
        "details": dict(event.details) or None,
        "address": event.address or None,
        "expires_at": event.at_ms // 1000 + KEPT_DAYS * 24 * 3600,
    }


def from_item(item: Item) -> AuditEvent:
    """Read what `to_item` wrote. Raises IntegrityError for anything else."""
    with reading("audit event", item):
        at, _, nonce = item["sk"].partition("#")
        return AuditEvent(
            tenant=item["pk"],
            at_ms=int(at),
            nonce=nonce,
            actor=item["actor"],
            action=item["action"],
            target=item["target"],
            reason=item.get("reason", ""),
            details=item.get("details", {}),
            address=item.get("address", ""),
        )

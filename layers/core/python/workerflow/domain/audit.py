"""Audit events: who did what to what, written in the transaction of the write that they tell of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workerflow.domain.operation import OperationKey


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One row of the audit trail.

    Attributes:
        actor: a token's name and id, or the part of the system that acted; never any part of a secret.
        action: a stable verb such as `run.replayed`, `switch.set`, `message.rejected`.
        target: trace id or source acted upon.
        details: small facts, before and after.
        address: where the order came from, as the platform saw it; empty where the system acted by itself.
        operation: the key under which an operator's order is remembered with this event, in the same transaction.
    """

    tenant: str
    at_ms: int
    nonce: str
    actor: str
    action: str
    target: str
    reason: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    operation: OperationKey | None = None

"""Audit events: who did what to what, written in the transaction of the write that they tell of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workerflow.domain.operation import OperationKey

KEPT_DAYS = 400
"""A year and a month: longer than any run lives, and the table still does not grow for ever."""

TENANTS_PUBLISHED = "tenants.published"
"""The action of an event in the trail of `default` that names other tenants."""


def audit_position(at_ms: int, nonce: str = "") -> str:
    """Where an event stands in its tenant's trail, in order of time; without a nonce: before all of that moment."""
    return f"{at_ms:013d}#{nonce}"


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

    @property
    def position(self) -> str:
        """Where it stands in its tenant's trail."""
        return audit_position(self.at_ms, self.nonce)

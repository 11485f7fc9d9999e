"""A refused call, as it is kept for the operator: enough to see why, and nothing that would let anybody in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SLOTS = 10
"""Calls that are kept for each tenant and reason."""
KEPT_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """One refused call.

    Attributes:
        tenant: that it was in the name of; None if there is no such tenant.
        reason: the refusal's stable code, such as `signature_mismatch`.
        slot: 0 to SLOTS - 1.
        at_ms: when, epoch milliseconds.
        request_id: as the caller was told and the log has it.
        status, detail: as the caller was told.
        method, path: of the request; the path cut to what ours can have.
        source_address: as the platform saw it.
        headers: names of the headers that came, sorted; no value.
        expected: what a signature should have covered, line by line, as far as it was known: label and value. Bodies
            are told by size and digest. No signature, no token, no secret.
    """

    tenant: str | None
    reason: str
    slot: int
    at_ms: int
    request_id: str
    status: int
    detail: str
    method: str
    path: str
    source_address: str
    headers: tuple[str, ...] = ()
    expected: Mapping[str, str] = field(default_factory=dict)

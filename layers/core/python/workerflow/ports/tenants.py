"""Tenants and what limits them: the declared tenants, rate limits, slots of tasks in flight, refused calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from workerflow.domain.audit import AuditEvent
from workerflow.domain.rate_limit import RateVerdict
from workerflow.domain.refused_call import RefusedCall
from workerflow.domain.tenants import RateLimit
from workerflow.ports.stores import Conflict, Written


@dataclass(frozen=True, slots=True)
class TenantsDocument:
    """The published file, as text, with the version that the next one replaces."""

    text: str
    version: int
    nonce: str


class TenantsStore(Protocol):
    """The published tenants file: one document, replaced as a whole."""

    def get(self) -> TenantsDocument | None:
        """Read it, strongly; None if none was ever published."""

    def publish(self, document: TenantsDocument, audit: AuditEvent) -> Written | Conflict[TenantsDocument]:
        """Write the document's next version with its audit row in one transaction."""


class RateLimits(Protocol):
    """Buckets that are exact across containers."""

    def take(self, tenant: str, limit: RateLimit, *, client: str, now_ms: int) -> RateVerdict:
        """Take one from the bucket, by conditional writes. Raises StoreUnavailableError: unknown."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place among a tenant's tasks in flight: held by one claim, or kept for one task that was told to come.

    Attributes:
        number: 0 to the cap, exclusive.
        holder: nonce of the invocation that holds it, or `run:` and the trace id of the task that it is kept for.
        until_ms: from then on it is free, whatever its holder does.
    """

    tenant: str
    number: int
    holder: str
    until_ms: int


class SlotStore(Protocol):
    """Slots of tenants whose tasks in flight are capped."""

    def held(self, tenant: str) -> Sequence[Slot]:
        """All slots that anybody holds or held, strongly: one query."""

    def take(self, slot: Slot, *, now_ms: int) -> bool:
        """Take a slot that is free at `now_ms`, or is already this holder's; False: somebody else has it."""

    def hand(self, slot: Slot, to: Slot) -> bool:
        """Let `to`, which is of the same number, follow on `slot`; False: `slot` is not as it was any more."""

    def release(self, slot: Slot) -> None:
        """Free a slot if `slot.holder` still holds it."""


class RefusedCalls(Protocol):
    """The last refused calls, for operators."""

    def put(self, call: RefusedCall) -> None:
        """Write a call into its slot, over whatever was there."""

    def list_calls(self, tenant: str | None) -> Sequence[RefusedCall]:
        """All that are kept of a tenant, newest first; None asks for those in the name of no tenant of ours.

        One that cannot be read hides no other. Eventually consistent.
        """

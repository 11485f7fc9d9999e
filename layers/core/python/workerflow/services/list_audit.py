"""A tenant's audit trail, newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workerflow.domain.audit import KEPT_DAYS, AuditEvent, audit_position
from workerflow.ports.stores import AuditLog
from workerflow.ports.world import Clock

_FOR_EVER_MS = 9_999_999_999_999
_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of the trail.

    Attributes:
        events: newest first.
        next_before: where the next page begins; None at the end.
    """

    events: Sequence[AuditEvent]
    next_before: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAudit:
    """Reads the trail."""

    audit: AuditLog
    clock: Clock

    def __call__(
        self,
        tenant: str,
        *,
        from_ms: int | None = None,
        until_ms: int | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> AuditPage:
        """A page of a tenant's events.

        Args:
            tenant: whose.
            from_ms: no older ones; None: all that are kept.
            until_ms: only older ones; None: all.
            before: `next_before` of the page before; None for the first page.
            limit: 1 to 100.

        Raises:
            StoreUnavailableError: ask again.
        """
        oldest_ms = max(0, self.clock.now_ms() - KEPT_DAYS * _DAY_MS)  # TTL deletes late
        since = audit_position(max(oldest_ms, from_ms or 0))
        until = audit_position(_FOR_EVER_MS if until_ms is None else until_ms)
        found = self.audit.view_events(
            tenant, since=since, before=until if before is None else min(before, until), limit=limit
        )
        return AuditPage(found.entries, found.next_before)

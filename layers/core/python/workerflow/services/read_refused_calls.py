"""The last refused calls of a tenant, for its operator.

TTL deletes late, within days: what is past its time counts as gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workerflow.domain.refused_call import KEPT_SECONDS, RefusedCall
from workerflow.ports.tenants import RefusedCalls
from workerflow.ports.world import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRefusedCalls:
    """Reads what is kept of refused calls."""

    calls: RefusedCalls
    clock: Clock

    def __call__(self, tenant: str | None, *, reason: str | None = None) -> Sequence[RefusedCall]:
        """What is kept, newest first: at most SLOTS calls for each reason.

        Args:
            tenant: whose; None for calls in the name of no tenant of ours.
            reason: only those with this code; None for all.

        Raises:
            StoreUnavailableError: unknown; ask again.
        """
        oldest_ms = self.clock.now_ms() - KEPT_SECONDS * 1000
        found = self.calls.list_calls(tenant)
        return [call for call in found if call.at_ms > oldest_ms and reason in (None, call.reason)]

"""Count a call against its tenant's rate limit. Where the policy sets none for it, nothing is called and nothing paid.

the first limit that fits the route --> its bucket, by one conditional write --> pass, or when to come back
none fits                           --> pass

A bucket whose store does not answer lets nobody pass: StoreUnavailableError, which callers see as "ask again with the
same key". The other way round a flood that throttles its own bucket would lift its own limit.
"""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.rate_limit import RateVerdict
from workerflow.domain.source_address import client_of
from workerflow.domain.tenants import ANY_ROUTE, RateLimit, TenantPolicy
from workerflow.ports.tenants import RateLimits
from workerflow.ports.world import Clock


@dataclass(frozen=True, slots=True)
class Counted:
    """A call that a limit was asked about: the limit, and what its bucket says."""

    limit: RateLimit
    verdict: RateVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRate:
    """Counts calls. One for each process: what `buckets` remembers of busy ones saves writes."""

    buckets: RateLimits
    clock: Clock

    def __call__(self, tenant: str, policy: TenantPolicy, *, route: str, source_address: str) -> Counted | None:
        """Take the call's place in its bucket.

        Args:
            tenant: that the call is proven to come from.
            policy: the tenant's.
            route: name of the route that is called.
            source_address: of the caller, as the platform saw it; IPv6 addresses count by their /64.

        Returns:
            The limit that counted the call with its verdict, or None if none fits.

        Raises:
            StoreUnavailableError: unknown, and not to be let pass; it may have been counted.
        """
        limit = _limit_for(policy, route)
        if limit is None:
            return None
        client = client_of(source_address)
        return Counted(limit, self.buckets.take(tenant, limit, client=client, now_ms=self.clock.now_ms()))


def _limit_for(policy: TenantPolicy, route: str) -> RateLimit | None:
    return next((limit for limit in policy.rate_limits if limit.route in (ANY_ROUTE, route)), None)

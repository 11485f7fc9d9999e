"""A tenant's rate limit at the door: counts the call, tells its caller how the limit stands, refuses beyond it.

    RateLimit-Policy: "default";q=50;w=60     50 calls in 60 s
    RateLimit: "default";r=12;t=46            12 could pass right now; the bucket is full again after 46 s

On a refusal `t` is the time of `Retry-After`, when the next call may pass. Imported at the first call for which a
policy has a limit, so that nobody else pays for it, not even at a cold start.

Source: IETF draft-ietf-httpapi-ratelimit-headers-10, "RateLimit header fields for HTTP", sections 3 and 4; RFC 9651.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from functions.ingress.call_so_far import CallSoFar
from workerflow.domain.refusals import RateLimitedError
from workerflow.domain.tenants import TenantPolicy
from workerflow.runtime.http import Request
from workerflow.services.limit_rate import Counted, LimitRate

POLICY_FIELD = "ratelimit-policy"
STATE_FIELD = "ratelimit"
_NAME = '"default"'


@dataclass(frozen=True, slots=True)
class RequireRate:
    """Counts calls for the door."""

    limit_rate: LimitRate

    def __call__(self, request: Request, so_far: CallSoFar, *, tenant: str, policy: TenantPolicy, route: str) -> None:
        """Count a call, if one of the policy's limits fits it; its answer tells then how the limit stands.

        Raises:
            RateLimitedError: beyond the limit.
            StoreUnavailableError: unknown, and not to be let pass.
        """
        counted = self.limit_rate(tenant, policy, route=route, source_address=request.source_address)
        if counted is None:
            return
        so_far.headers.update(rate_fields(counted))
        if not counted.verdict.allowed:
            raise RateLimitedError(retry_after_seconds(counted))


def rate_fields(counted: Counted) -> Mapping[str, str]:
    """Both fields, by lower-case name."""
    limit, verdict = counted.limit, counted.verdict
    seconds = math.ceil(verdict.full_after_seconds) if verdict.allowed else retry_after_seconds(counted)
    return {
        POLICY_FIELD: f"{_NAME};q={limit.requests};w={limit.seconds}",
        STATE_FIELD: f"{_NAME};r={verdict.remaining};t={seconds}",
    }


def retry_after_seconds(counted: Counted) -> int:
    """When a refused call may come again: whole seconds, at least 1."""
    return max(1, math.ceil(counted.verdict.wait_seconds))

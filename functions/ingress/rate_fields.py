"""The header fields that tell a caller how its rate limit stands.

    RateLimit-Policy: "default";q=50;w=60     50 calls in 60 s
    RateLimit: "default";r=12;t=46            12 could pass right now; the bucket is full again after 46 s

On a refusal `t` is the time of `Retry-After`, when the next call may pass.

Source: IETF draft-ietf-httpapi-ratelimit-headers-10, "RateLimit header fields for HTTP", sections 3 and 4; RFC 9651.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from workerflow.services.limit_rate import Counted

POLICY_FIELD = "ratelimit-policy"
STATE_FIELD = "ratelimit"
_NAME = '"default"'


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

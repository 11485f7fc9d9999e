"""What callers are told of their limit, in the fields of the IETF's draft."""

from __future__ import annotations

import pytest

from functions.ingress.rate import rate_fields, retry_after_seconds
from workerflow.domain.rate_limit import RateVerdict
from workerflow.domain.tenants import RateLimit
from workerflow.services.limit_rate import Counted

LIMIT = RateLimit(50, 60)


def test_a_call_that_passes_is_told_what_is_left_and_when_all_is_back() -> None:
    counted = Counted(LIMIT, RateVerdict(allowed=True, remaining=12, wait_seconds=0, full_after_seconds=45.2))
    assert rate_fields(counted) == {
        "ratelimit-policy": '"default";q=50;w=60',
        "ratelimit": '"default";r=12;t=46',
    }


@pytest.mark.parametrize(("wait_seconds", "told"), [(0.0, 1), (0.01, 1), (1.0, 1), (1.2, 2), (59.9, 60)])
def test_a_call_that_is_refused_is_told_when_to_come_back_in_whole_seconds_twice_the_same(
    wait_seconds: float, told: int
) -> None:
    verdict = RateVerdict(allowed=False, remaining=0, wait_seconds=wait_seconds, full_after_seconds=60)
    counted = Counted(LIMIT, verdict)
    assert retry_after_seconds(counted) == told
    assert rate_fields(counted)["ratelimit"] == f'"default";r=0;t={told}'

"""Values about tenants that tests need again and again."""

from __future__ import annotations

from dataclasses import replace

from tests.support.tasks import NOW_MS
from workerflow.domain.refused_call import RefusedCall
from workerflow.domain.rollup import PartialCount, Rollup, Span

QUARTER_MS = 15 * 60 * 1000

A_REFUSED_CALL = RefusedCall(
    tenant="acme",
    reason="signature_mismatch",
    slot=3,
    at_ms=NOW_MS,
    request_id="request-1",
    status=401,
    detail="The signature does not fit.",
    method="POST",
    path="/api/echo",
    source_address="2001:db8::1",
    headers=("content-type", "x-signature"),
    expected={
        "version": "workerflow-v1",
        "timestamp": "1760000000",
        "method": "POST",
        "path": "/api/echo",
        "query": "",
    },
)
A_ROLLUP = Rollup(
    tenant="acme",
    span=Span.QUARTER,
    start_ms=NOW_MS - NOW_MS % QUARTER_MS,
    source="route:echo",
    counted_at_ms=NOW_MS,
    counts={"succeeded": 12, "queued": 1},
    durations={0: 4, 17: 8},
)
A_PARTIAL_COUNT = PartialCount(
    tenant="acme",
    start_ms=A_ROLLUP.start_ms,
    begun_at_ms=A_ROLLUP.counted_at_ms,
    shard=2,
    position="a" * 44,
    rollups=tuple(replace(A_ROLLUP, source=f"route:r{number:02d}") for number in range(20)),
)

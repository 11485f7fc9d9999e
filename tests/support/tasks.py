"""Makers of values that tests need again and again, every field with a sensible default."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workerflow.domain.identity import TraceId, acceptance_hash
from workerflow.domain.manifest import Manifest
from workerflow.domain.retry import RetryPolicy
from workerflow.domain.route import Route
from workerflow.domain.schedule import Schedule
from workerflow.domain.source import Source
from workerflow.domain.stored import StoredBytes
from workerflow.domain.task import Acceptance

NOW_MS = 1_760_000_000_000
DAY_MS = 24 * 3600 * 1000
POLICY = RetryPolicy(max_attempts=3, base_seconds=2.0, cap_seconds=900.0)


def an_acceptance(
    key: str = "key-1", *, tenant: str = "default", body: bytes = b'{"n":1}', **changes: Any
) -> Acceptance:
    """An async acceptance of `route:echo`, taken at NOW_MS."""
    accepted_at_ms = changes.pop("accepted_at_ms", NOW_MS)
    source = changes.get("source", "route:echo")
    key_hash = acceptance_hash(tenant, source, key)
    acceptance = Acceptance(
        tenant=tenant,
        key_hash=key_hash,
        trace_id=TraceId.mint(accepted_at_ms, key_hash).value,
        source=source,
        kind="http_route",
        mode="async",
        key=key,
        nonce="00000000000000aa",
        accepted_at_ms=accepted_at_ms,
        not_before_ms=accepted_at_ms,
        deadline_ms=accepted_at_ms + DAY_MS,
        expires_at_s=(accepted_at_ms + 30 * DAY_MS) // 1000,
        payload=StoredBytes.inlined(body),
        content_type="application/json",
    )
    return replace(acceptance, **changes)


def a_route(name: str = "echo", **changes: Any) -> Route:
    """An async route with POLICY."""
    route = Route(name=name, module="handlers", function=name, mode="async", retry=POLICY)
    return replace(route, **changes)


def a_schedule(name: str = "report", **changes: Any) -> Schedule:
    """An hourly schedule with POLICY."""
    schedule = Schedule(name=name, module="handlers", function=name, cron="@hourly", retry=POLICY)
    return replace(schedule, **changes)


def a_manifest(*sources: Source) -> Manifest:
    """A manifest of `sources`, by default of the async `echo`, the sync `ask` and the hourly `report`."""
    sources = sources or (a_route(), a_route("ask", mode="sync"), a_schedule())
    return Manifest.build(
        [one for one in sources if isinstance(one, Route)], [one for one in sources if isinstance(one, Schedule)]
    )

"""Rollup <-> item of `rollups`."""

from __future__ import annotations

from workerflow.adapters.dynamodb.attributes import Item, reading
from workerflow.domain.rollup import Rollup, Span

_DAY_S = 24 * 3600
KEPT_SECONDS = {Span.QUARTER: 3 * _DAY_S, Span.HOUR: 40 * _DAY_S, Span.DAY: 400 * _DAY_S}
"""After its start, by span: the finer, the shorter."""


def partition(tenant: str, span: Span) -> str:
    """Where all rollups of a tenant and a span stand."""
    return f"{tenant}#{span.value}"


def start_text(start_ms: int) -> str:
    """A time as keys sort it: 13 digits, good until the year 2286. Before every key of a rollup that begins then."""
    return f"{max(0, start_ms):013d}"


def key(rollup: Rollup) -> Item:
    """Where a rollup stands: in order of time."""
    return {"pk": partition(rollup.tenant, rollup.span), "sk": f"{start_text(rollup.start_ms)}#{rollup.source}"}


def to_item(rollup: Rollup) -> Item:
    """The whole rollup."""
    return {
        **key(rollup),
        "counts": dict(rollup.counts) or None,
        "durations": {str(bucket): count for bucket, count in rollup.durations.items()} or None,
        "counted_ms": rollup.counted_at_ms,
        "expires_at": rollup.start_ms // 1000 + KEPT_SECONDS[rollup.span],
    }


def from_item(item: Item) -> Rollup:
    """Read what `to_item` wrote. Raises IntegrityError for anything else."""
    with reading("rollup", item):
        tenant, _, span = item["pk"].partition("#")
        start, _, source = item["sk"].partition("#")
        return Rollup(
            tenant=tenant,
            span=Span(span),
            start_ms=int(start),
            source=source,
            counted_at_ms=item["counted_ms"],
            counts=item.get("counts", {}),
            durations={int(bucket): count for bucket, count in item.get("durations", {}).items()},
        )

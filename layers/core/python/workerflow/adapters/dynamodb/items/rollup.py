"""Rollup and PartialCount <-> items of `rollups`."""

from __future__ import annotations

import json

from workerflow.adapters.dynamodb.attributes import Item, reading, squeezed, stretched
from workerflow.domain.rollup import PartialCount, Rollup, Span

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


def partial_partition(tenant: str) -> str:
    """Where a tenant's counts stand that were broken off."""
    return f"{tenant}#part"


def partial_to_item(partial: PartialCount) -> Item:
    """The whole of it. One text holds the numbers of all sources: position and numbers are written together."""
    numbers = {
        one.source: {"counts": dict(one.counts), "durations": {str(n): count for n, count in one.durations.items()}}
        for one in partial.rollups
    }
    return {
        "pk": partial_partition(partial.tenant),
        "sk": start_text(partial.start_ms),
        "begun_ms": partial.begun_at_ms,
        "shard": partial.shard,
        "position": partial.position or None,
        **squeezed("numbers", json.dumps(numbers, separators=(",", ":"), sort_keys=True).encode()),
        "expires_at": partial.start_ms // 1000 + KEPT_SECONDS[Span.QUARTER],
    }


def partial_from_item(item: Item) -> PartialCount:
    """Read what `partial_to_item` wrote. Raises IntegrityError for anything else."""
    with reading("partial count", item):
        tenant, start_ms, begun_at_ms = item["pk"].partition("#")[0], int(item["sk"]), item["begun_ms"]
        numbers = json.loads(stretched("numbers", item) or b"")
        rollups = (
            Rollup(
                tenant=tenant,
                span=Span.QUARTER,
                start_ms=start_ms,
                source=source,
                counted_at_ms=begun_at_ms,
                counts=one["counts"],
                durations={int(bucket): count for bucket, count in one["durations"].items()},
            )
            for source, one in numbers.items()
        )
        return PartialCount(tenant, start_ms, begun_at_ms, item["shard"], item.get("position", ""), tuple(rollups))

"""Acceptance <-> item of `idempotency_keys`."""

from __future__ import annotations

from workerflow.adapters.dynamodb.attributes import Item, reading
from workerflow.adapters.dynamodb.items import stored
from workerflow.domain.identity import TraceId, shard_of
from workerflow.domain.task import Acceptance, AcceptedTask, Lineage


def key(tenant: str, key_hash: str) -> Item:
    """Where an acceptance stands."""
    return {"pk": f"{tenant}#{key_hash}"}


def shard_key(tenant: str, shard: int) -> str:
    """Partition of the time-ordered indexes."""
    return f"{tenant}#{shard:02x}"


def to_item(acceptance: Acceptance) -> Item:
    """All of it, once: the payload is never written again. What follows from the rest is left out."""
    return {
        **key(acceptance.tenant, acceptance.key_hash),
        "tenant_shard": shard_key(acceptance.tenant, shard_of(acceptance.trace_id)),
        "trace_id": acceptance.trace_id,
        "source": acceptance.source,
        "kind": acceptance.kind,
        "mode": acceptance.mode,
        "key": acceptance.key,
        "nonce": acceptance.nonce,
        "deadline_ms": acceptance.deadline_ms,
        "not_before_ms": _unless(acceptance.not_before_ms, acceptance.accepted_at_ms),
        "accepted_ms": _unless(acceptance.accepted_at_ms, TraceId(acceptance.trace_id).accepted_at_ms),
        "expires_at": acceptance.expires_at_s,
        "content_type": acceptance.content_type,
        "traceparent": acceptance.traceparent,
        "lineage": _lineage_to_item(acceptance.lineage),
        "manual": acceptance.manual or None,
        **stored.to_item(acceptance.payload),
    }


def from_item(item: Item) -> Acceptance:
    """Read what `to_item` wrote. Raises IntegrityError for anything else."""
    with reading("acceptance", item):
        tenant, _, key_hash = item["pk"].partition("#")
        accepted_at_ms: int = item.get("accepted_ms", TraceId.parse(item["trace_id"]).accepted_at_ms)
        return Acceptance(
            tenant=tenant,
            key_hash=key_hash,
            trace_id=item["trace_id"],
            source=item["source"],
            kind=item["kind"],
            mode=item["mode"],
            key=item["key"],
            nonce=item["nonce"],
            accepted_at_ms=accepted_at_ms,
            not_before_ms=item.get("not_before_ms", accepted_at_ms),
            deadline_ms=item["deadline_ms"],
            expires_at_s=item["expires_at"],
            payload=stored.from_item(item),
            content_type=item["content_type"],
            traceparent=item.get("traceparent"),
            lineage=_lineage_from_item(item.get("lineage")),
            manual=item.get("manual", False),
        )


def from_index(item: Item) -> AcceptedTask:
    """Read an entry of `tasks_by_time`."""
    with reading("accepted task", item):
        tenant, _, key_hash = item["pk"].partition("#")
        trace_id = TraceId.parse(item["trace_id"])
        if trace_id.key_hash != key_hash:  # nothing would lead back from it
            raise ValueError(item["trace_id"])
        return AcceptedTask(
            tenant=tenant,
            trace_id=trace_id.value,
            source=item["source"],
            kind=item["kind"],
            mode=item["mode"],
            deadline_ms=item["deadline_ms"],
            expires_at_s=item["expires_at"],
        )


def _unless(value: int, other: int) -> int | None:
    return None if value == other else value


def _lineage_to_item(lineage: Lineage | None) -> Item | None:
    if lineage is None:
        return None
    return {
        "root": lineage.root,
        "parent": lineage.parent,
        "generation": lineage.generation,
        "effect_root": lineage.effect_root,
        "edited": lineage.edited,
    }


def _lineage_from_item(item: Item | None) -> Lineage | None:
    return None if item is None else Lineage(**item)

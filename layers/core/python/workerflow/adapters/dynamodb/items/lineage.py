"""LineageEntry <-> item of `replay_lineage`, and the row that counts the replays under a root."""

from __future__ import annotations

from workerflow.adapters.dynamodb.attributes import Item, reading
from workerflow.domain.replay import LineageEntry

COUNT = "count"


def partition(tenant: str, root: str) -> str:
    """Where the whole tree of a root stands."""
    return f"{tenant}#{root}"


def key(entry: LineageEntry) -> Item:
    """Where an entry stands. No two replays of one parent share a generation."""
    return {"pk": partition(entry.tenant, entry.root), "sk": f"{entry.parent}#{entry.generation:02d}"}


def count_key(tenant: str, root: str) -> Item:
    """Where a root's count of replays stands."""
    return {"pk": partition(tenant, root), "sk": COUNT}


def to_item(entry: LineageEntry) -> Item:
    """The whole entry."""
    return {
        **key(entry),
        "child": entry.child,
        "actor": entry.actor,
        "reason": entry.reason,
        "edited": entry.edited or None,
        "at_ms": entry.at_ms,
        "nonce": entry.nonce,
        "expires_at": entry.expires_at_s,
    }


def from_item(item: Item) -> LineageEntry:
    """Read what `to_item` wrote. Raises IntegrityError for anything else."""
    with reading("lineage entry", item):
        tenant, _, root = item["pk"].partition("#")
        parent, _, generation = item["sk"].partition("#")
        return LineageEntry(
            tenant=tenant,
            root=root,
            parent=parent,
            generation=int(generation),
            child=item["child"],
            actor=item["actor"],
            reason=item["reason"],
            edited=item.get("edited", False),
            at_ms=item["at_ms"],
            nonce=item["nonce"],
            expires_at_s=item["expires_at"],
        )

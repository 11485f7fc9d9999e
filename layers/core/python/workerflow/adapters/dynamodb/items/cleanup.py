"""CleanupMark <-> item of `cursor_state`."""

from __future__ import annotations

from workerflow.adapters.dynamodb.attributes import Item, reading
from workerflow.ports.cleanup import CleanupMark


def key(tenant: str) -> Item:
    """Where a tenant's mark stands."""
    return {"pk": f"{tenant}#cleanup", "sk": "-"}


def to_item(mark: CleanupMark) -> Item:
    """The whole mark."""
    return {
        **key(mark.tenant),
        "position": mark.position or None,
        "missing": dict(mark.missing) or None,
        "version": mark.version,
        "nonce": mark.nonce,
    }


def from_item(item: Item) -> CleanupMark:
    """Read what `to_item` wrote. Raises IntegrityError for anything else."""
    with reading("cleanup mark", item):
        return CleanupMark(
            tenant=item["pk"].partition("#")[0],
            position=item.get("position", ""),
            missing=item.get("missing", {}),
            version=item["version"],
            nonce=item["nonce"],
        )

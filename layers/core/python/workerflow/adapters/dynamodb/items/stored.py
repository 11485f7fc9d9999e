"""Stored bytes inside another item: inline (compressed when that is smaller) or a pointer, with size and digest."""

from __future__ import annotations

from workerflow.adapters.dynamodb.attributes import Item, squeezed, stretched
from workerflow.domain.stored import StoredBytes


def to_item(stored: StoredBytes) -> Item:
    """The attributes `payload` or `payload_z` or `pointer`, with `size` and `sha256` (32 bytes)."""
    kept = {"pointer": stored.pointer} if stored.inline is None else squeezed("payload", stored.inline)
    return {**kept, "size": stored.size, "sha256": bytes.fromhex(stored.sha256)}


def from_item(item: Item) -> StoredBytes:
    """Read what `to_item` wrote."""
    return StoredBytes(
        sha256=item["sha256"].hex(), size=item["size"], inline=stretched("payload", item), pointer=item.get("pointer")
    )

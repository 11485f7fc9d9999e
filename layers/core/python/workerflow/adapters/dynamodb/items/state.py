"""Switch and Cursor <-> items of `cursor_state`."""

from __future__ import annotations

from workerflow.adapters.dynamodb.attributes import Item, reading
from workerflow.domain.enablement import Enablement, Switch
from workerflow.ports.stores import Cursor


def switch_partition(tenant: str) -> str:
    """Where all switches of a tenant stand: one query reads them."""
    return f"{tenant}#switch"


def switch_key(tenant: str, source: str) -> Item:
    """Where a switch stands."""
    return {"pk": switch_partition(tenant), "sk": source}


def cursor_key(tenant: str, shard: int, walk: str = "sweep") -> Item:
    """Where a cursor of the sweeper stands, or of another walk."""
    return {"pk": f"{tenant}#{walk}", "sk": f"{shard:02x}"}


def switch_to_item(switch: Switch) -> Item:
    """The whole switch."""
    return {
        **switch_key(switch.tenant, switch.source),
        "state": switch.state.value,
        "reason": switch.reason,
        "actor": switch.actor,
        "changed_ms": switch.changed_at_ms,
        "resumed_ms": switch.resumed_at_ms,
        "version": switch.version,
        "nonce": switch.nonce,
    }


def switch_from_item(item: Item) -> Switch:
    """Read what `switch_to_item` wrote. Raises IntegrityError for anything else."""
    with reading("switch", item):
        return Switch(
            tenant=item["pk"].partition("#")[0],
            source=item["sk"],
            state=Enablement(item["state"]),
            reason=item["reason"],
            actor=item["actor"],
            changed_at_ms=item["changed_ms"],
            version=item["version"],
            nonce=item["nonce"],
            resumed_at_ms=item.get("resumed_ms"),
        )


def cursor_to_item(cursor: Cursor, walk: str = "sweep") -> Item:
    """The whole cursor."""
    return {
        **cursor_key(cursor.tenant, cursor.shard, walk),
        "position": cursor.position,
        "version": cursor.version,
        "nonce": cursor.nonce,
    }


def cursor_from_item(item: Item) -> Cursor:
    """Read what `cursor_to_item` wrote. Raises IntegrityError for anything else."""
    with reading("cursor", item):
        return Cursor(
            tenant=item["pk"].partition("#")[0],
            shard=int(item["sk"], 16),
            position=item["position"],
            version=item["version"],
            nonce=item["nonce"],
        )

"""ScheduleCursor and TickMark <-> items of `cursor_state`."""

from __future__ import annotations

from workerflow.adapters.dynamodb.attributes import Item, reading
from workerflow.domain.schedule_cursor import Missed, ScheduleCursor, TickMark
from workerflow.ports.schedules import DueSchedule

MARK_KEY: Item = {"pk": "#tick", "sk": "-"}
"""Where the newest tick's mark stands: no tenant's id begins with `#`."""


def partition(tenant: str) -> str:
    """Where all cursors of a tenant stand: one query reads them."""
    return f"{tenant}#schedule"


def key(tenant: str, name: str) -> Item:
    """Where a cursor stands."""
    return {"pk": partition(tenant), "sk": name}


def due_text(due_at_ms: int) -> str:
    """A time as the index sorts it: 13 digits, good until the year 2286."""
    return f"{due_at_ms:013d}"


def to_item(cursor: ScheduleCursor) -> Item:
    """The whole cursor. The index attributes are there only while a fire is due some day."""
    is_due = cursor.next_due_ms is not None
    return {
        **key(cursor.tenant, cursor.name),
        "due_in": shard_text(cursor.shard) if is_due else None,
        "due_at": due_text(cursor.next_due_ms or 0) if is_due else None,
        "timing": cursor.timing,
        "since_ms": cursor.since_ms,
        "version": cursor.version,
        "nonce": cursor.nonce,
        "last_due_ms": cursor.last_due_ms,
        "last_trace_id": cursor.last_trace_id,
        "missed": {reason.value: count for reason, count in cursor.missed.items()} or None,
        "last_missed_ms": cursor.last_missed_ms,
        "last_missed_reason": cursor.last_missed_reason.value if cursor.last_missed_reason else None,
    }


def from_item(item: Item) -> ScheduleCursor:
    """Read what `to_item` wrote. Raises IntegrityError for anything else."""
    with reading("schedule's cursor", item):
        return ScheduleCursor(
            tenant=item["pk"].partition("#")[0],
            name=item["sk"],
            timing=item["timing"],
            since_ms=item["since_ms"],
            next_due_ms=int(item["due_at"]) if "due_at" in item else None,
            version=item["version"],
            nonce=item["nonce"],
            last_due_ms=item.get("last_due_ms"),
            last_trace_id=item.get("last_trace_id"),
            missed={Missed(reason): count for reason, count in item.get("missed", {}).items()},
            last_missed_ms=item.get("last_missed_ms"),
            last_missed_reason=Missed(item["last_missed_reason"]) if "last_missed_reason" in item else None,
        )


def shard_text(shard: int) -> str:
    """A partition of `schedules_due`."""
    return str(shard)


def from_index(item: Item) -> DueSchedule:
    """Read an entry of `schedules_due`."""
    with reading("due schedule", item):
        return DueSchedule(tenant=item["pk"].partition("#")[0], name=item["sk"], due_at_ms=int(item["due_at"]))


def mark_to_item(mark: TickMark) -> Item:
    """The whole mark."""
    return {
        **MARK_KEY,
        "ticked_ms": mark.ticked_at_ms,
        "reconciled": mark.reconciled,
        "version": mark.version,
        "nonce": mark.nonce,
    }


def mark_from_item(item: Item) -> TickMark:
    """Read what `mark_to_item` wrote. Raises IntegrityError for anything else."""
    with reading("tick's mark", item):
        return TickMark(
            ticked_at_ms=item["ticked_ms"],
            reconciled=item["reconciled"],
            version=item["version"],
            nonce=item["nonce"],
        )

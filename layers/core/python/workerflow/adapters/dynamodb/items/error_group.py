"""ErrorGroup <-> item of `rollups`, and the cursor of the walk that keeps the groups, in `cursor_state`."""

from __future__ import annotations

from workerflow.adapters.dynamodb.attributes import Item, reading
from workerflow.domain.error_group import ErrorGroup
from workerflow.domain.run import LetterClass

WALK = "errors"


def partition(tenant: str) -> str:
    """Where all groups of a tenant stand."""
    return f"{tenant}#errors"


def key(tenant: str, fingerprint: str) -> Item:
    """Where a group stands."""
    return {"pk": partition(tenant), "sk": fingerprint}


def fingerprint_of(item: Item) -> str:
    """Whose group an item is, whatever else stands in it."""
    return str(item["sk"])


def to_item(group: ErrorGroup) -> Item:
    """The whole group."""
    return {
        **key(group.tenant, group.fingerprint),
        "source": group.source,
        "class": group.letter_class.value,
        "error_class": group.error_class,
        "message": group.message,
        "sample": group.sample,
        "n": group.count,
        "first_ms": group.first_seen_ms,
        "last_ms": group.last_seen_ms,
        "expires_at": group.expires_at_s,
    }


def from_item(item: Item) -> ErrorGroup:
    """Read what `to_item` wrote. Raises IntegrityError for anything else."""
    with reading("error group", item):
        return ErrorGroup(
            tenant=item["pk"].partition("#")[0],
            fingerprint=item["sk"],
            source=item["source"],
            letter_class=LetterClass(item["class"]),
            error_class=item["error_class"],
            message=item["message"],
            sample=item["sample"],
            count=item["n"],
            first_seen_ms=item["first_ms"],
            last_seen_ms=item["last_ms"],
            expires_at_s=item["expires_at"],
        )

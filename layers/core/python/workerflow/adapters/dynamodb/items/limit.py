"""Buckets of rate limits, and Slot <-> items of `rate_limits`.

A bucket's item remembers, beside its number, the nonces of the last calls that it counted, each in one of RECENT
attributes that the nonce itself chooses: a call whose answer was lost finds itself counted, though others came by
since.
"""

from __future__ import annotations

from workerflow.adapters.dynamodb.attributes import Item, reading
from workerflow.domain.rate_limit import RateWindow
from workerflow.ports.tenants import Slot

RECENT = 8
_MARGIN_S = 60
"""A bucket is kept a little longer than it takes to fill: clocks differ."""


def bucket_key(tenant: str, bucket: str) -> Item:
    """Where a bucket stands."""
    return {"pk": f"{tenant}#rate", "sk": bucket}


def seen_attribute(nonce: str) -> str:
    """The attribute in which a call's nonce is remembered."""
    return f"seen_{int(nonce, 16) % RECENT}"


def is_counted(item: Item, nonce: str) -> bool:
    """Whether the bucket remembers to have counted this call."""
    return item.get(seen_attribute(nonce)) == nonce


def tat_of(item: Item) -> int:
    """The bucket's number. Raises IntegrityError if it has none."""
    with reading("bucket", item):
        return int(item["tat"])


def bucket_expires_at_s(window: RateWindow) -> int:
    """When a bucket that a call leaves behind is full again at the latest: full ones are as good as none."""
    return (window.latest_us + window.step_us) // 1_000_000 + _MARGIN_S


def slots_partition(tenant: str) -> str:
    """Where all slots of a tenant stand: one query reads them."""
    return f"{tenant}#slots"


def slot_key(slot: Slot) -> Item:
    """Where a slot stands."""
    return {"pk": slots_partition(slot.tenant), "sk": f"{slot.number:04d}"}


def slot_to_item(slot: Slot) -> Item:
    """The whole slot."""
    return {
        **slot_key(slot),
        "holder": slot.holder,
        "until_ms": slot.until_ms,
        "expires_at": slot.until_ms // 1000 + _MARGIN_S,
    }


def slot_from_item(item: Item) -> Slot:
    """Read what `slot_to_item` wrote. Raises IntegrityError for anything else."""
    with reading("slot", item):
        return Slot(
            tenant=item["pk"].partition("#")[0],
            number=int(item["sk"]),
            holder=item["holder"],
            until_ms=item["until_ms"],
        )

"""RefusedCall <-> item of `refused_calls`."""

from __future__ import annotations

import json

from workerflow.adapters.dynamodb.attributes import Item, reading
from workerflow.domain.refused_call import KEPT_SECONDS, RefusedCall

_NOBODY = "#unknown"
"""Instead of a tenant's id, which never begins with `#`."""


def partition(tenant: str | None) -> str:
    """Where all refused calls of a tenant stand, or those in the name of no tenant of ours."""
    return _NOBODY if tenant is None else tenant


def key(call: RefusedCall) -> Item:
    """Where a call stands: in its slot, over whatever was there."""
    return {"pk": partition(call.tenant), "sk": f"{call.reason}#{call.slot:02d}"}


def to_item(call: RefusedCall) -> Item:
    """The whole call. What was expected is kept as text, because its order tells something."""
    return {
        **key(call),
        "at_ms": call.at_ms,
        "request_id": call.request_id,
        "status": call.status,
        "detail": call.detail,
        "method": call.method,
        "path": call.path,
        "source_address": call.source_address,
        "headers": ",".join(call.headers) or None,
        "expected": json.dumps(dict(call.expected), ensure_ascii=False) if call.expected else None,
        "expires_at": call.at_ms // 1000 + KEPT_SECONDS,
    }


def from_item(item: Item) -> RefusedCall:
    """Read what `to_item` wrote. Raises IntegrityError for anything else."""
    with reading("refused call", item):
        reason, _, slot = item["sk"].rpartition("#")
        return RefusedCall(
            tenant=None if item["pk"] == _NOBODY else item["pk"],
            reason=reason,
            slot=int(slot),
            at_ms=item["at_ms"],
            request_id=item["request_id"],
            status=item["status"],
            detail=item["detail"],
            method=item["method"],
            path=item["path"],
            source_address=item["source_address"],
            headers=tuple(item["headers"].split(",")) if "headers" in item else (),
            expected=json.loads(item.get("expected", "{}")),
        )

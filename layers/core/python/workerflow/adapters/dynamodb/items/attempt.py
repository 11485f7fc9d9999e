"""AttemptRecord <-> item of `runs` beside the row: what one attempt left behind."""

from __future__ import annotations

from workerflow.adapters.dynamodb.attributes import Item, reading, squeezed, stretched
from workerflow.adapters.dynamodb.items import stored
from workerflow.domain.failure import Failure
from workerflow.ports.stores import AttemptRecord

SORT_PREFIX = "out#"


def key(tenant: str, trace_id: str, attempt: int) -> Item:
    """Where an attempt's item stands: under its run, in order of attempts (at most 25)."""
    return {"pk": f"{tenant}#{trace_id}", "sk": f"{SORT_PREFIX}{attempt:02d}"}


def number_of(item: Item) -> int:
    """The attempt's number, from the item's key alone."""
    return int(item["sk"].removeprefix(SORT_PREFIX))


def to_item(record: AttemptRecord) -> Item:
    """The output's bytes or pointer, or the failure."""
    return {
        **key(record.tenant, record.trace_id, record.attempt),
        "at_ms": record.at_ms,
        "expires_at": record.expires_at_s,
        **({} if record.output is None else stored.to_item(record.output)),
        **({} if record.failure is None else _failure_to_item(record.failure)),
    }


def from_item(item: Item) -> AttemptRecord:
    """Read what `to_item` wrote. Raises IntegrityError for anything else."""
    with reading("attempt", item):
        tenant, _, trace_id = item["pk"].partition("#")
        return AttemptRecord(
            tenant=tenant,
            trace_id=trace_id,
            attempt=number_of(item),
            at_ms=item["at_ms"],
            expires_at_s=item["expires_at"],
            output=stored.from_item(item) if "sha256" in item else None,
            failure=_failure_from_item(item) if "failure" in item else None,
        )


def _failure_to_item(failure: Failure) -> Item:
    return {
        "failure": failure.kind,
        "error_class": failure.error_class,
        "message": failure.message,
        "frame": failure.frame,
        "retry_after_s": failure.retry_after_seconds,
        **squeezed("traceback", failure.traceback.encode()),
    }


def _failure_from_item(item: Item) -> Failure:
    return Failure(
        kind=item["failure"],
        error_class=item["error_class"],
        message=item["message"],
        traceback=(stretched("traceback", item) or b"").decode(),
        retry_after_seconds=item.get("retry_after_s"),
        frame=item["frame"],
    )

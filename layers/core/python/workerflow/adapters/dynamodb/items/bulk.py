"""BulkJob <-> item of `operations`, and the pointer that stands there while the job is at work."""

from __future__ import annotations

from itertools import batched

from workerflow.adapters.dynamodb.attributes import Item, reading
from workerflow.domain.bulk import KEPT_SECONDS, BulkAction, BulkJob, BulkState, LetterFilter
from workerflow.domain.run import LetterClass

AT_WORK = "#bulk"
"""Where the pointers of all tenants stand: one query finds every job at work. No tenant's id begins with `#`."""
_TRACE_ID_BYTES = 22


def partition(tenant: str) -> str:
    """Where all jobs of a tenant stand, in order of time."""
    return f"{tenant}#bulk"


def key(tenant: str, job_id: str) -> Item:
    """Where a job stands."""
    return {"pk": partition(tenant), "sk": job_id}


def pointer_key(tenant: str, job_id: str) -> Item:
    """Where the pointer of a job stands that is at work: the oldest first, whosever they are."""
    return {"pk": AT_WORK, "sk": f"{job_id}#{tenant}"}


def pointer_from_item(item: Item) -> tuple[str, str]:
    """Tenant and id of the job that a pointer is of."""
    with reading("bulk job's pointer", item):
        job_id, _, tenant = item["sk"].partition("#")
        return tenant, job_id


def to_item(job: BulkJob) -> Item:
    """The whole job. One that is at work does not expire, so that no pointer is left without its job."""
    is_at_work = job.state is BulkState.RUNNING
    return {
        **key(job.tenant, job.job_id),
        "action": job.action.value,
        **_filter_to_item(job.filter),
        "reason": job.reason,
        "actor": job.actor,
        "new_effects": job.new_effects or None,
        "state": job.state.value,
        "created_ms": job.created_at_ms,
        "started_ms": job.started_at_ms,
        "ended_ms": job.ended_at_ms,
        "updated_ms": job.updated_at_ms,
        "matched": job.matched,
        "exact": job.is_exact,
        "position": job.position or None,
        "batch": bytes.fromhex("".join(job.batch)) or None,
        "succeeded": job.succeeded,
        "refused": dict(job.refused) or None,
        "version": job.version,
        "nonce": job.nonce,
        "expires_at": None if is_at_work else job.updated_at_ms // 1000 + KEPT_SECONDS,
    }


def _filter_to_item(wanted: LetterFilter) -> Item:
    return {
        "class": wanted.letter_class.value if wanted.letter_class else None,
        "source": wanted.source,
        "fingerprint": wanted.fingerprint,
        "from_ms": wanted.from_ms,
        "until_ms": wanted.until_ms,
    }


def from_item(item: Item) -> BulkJob:
    """Read what `to_item` wrote. Raises IntegrityError for anything else."""
    with reading("bulk job", item):
        return BulkJob(
            tenant=item["pk"].partition("#")[0],
            job_id=item["sk"],
            action=BulkAction(item["action"]),
            filter=_filter_from_item(item),
            reason=item["reason"],
            actor=item["actor"],
            state=BulkState(item["state"]),
            created_at_ms=item["created_ms"],
            matched=item["matched"],
            is_exact=item["exact"],
            version=item["version"],
            nonce=item["nonce"],
            updated_at_ms=item["updated_ms"],
            new_effects=item.get("new_effects", False),
            position=item.get("position", ""),
            batch=tuple(bytes(one).hex() for one in batched(item.get("batch", b""), _TRACE_ID_BYTES, strict=False)),
            succeeded=item["succeeded"],
            refused=item.get("refused", {}),
            started_at_ms=item.get("started_ms"),
            ended_at_ms=item.get("ended_ms"),
        )


def _filter_from_item(item: Item) -> LetterFilter:
    letter_class = item.get("class")
    return LetterFilter(
        letter_class=LetterClass(letter_class) if letter_class is not None else None,
        source=item.get("source"),
        fingerprint=item.get("fingerprint"),
        from_ms=item["from_ms"],
        until_ms=item["until_ms"],
    )

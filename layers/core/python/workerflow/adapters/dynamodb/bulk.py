"""BulkStore on DynamoDB."""

from __future__ import annotations

from collections.abc import Sequence

from workerflow.adapters.dynamodb import conditions
from workerflow.adapters.dynamodb.audited import AuditTrail
from workerflow.adapters.dynamodb.database import Database, Refused
from workerflow.adapters.dynamodb.items import bulk as codec
from workerflow.adapters.dynamodb.requests import Delete, Put, Query
from workerflow.adapters.dynamodb.seen import in_order
from workerflow.domain.audit import AuditEvent
from workerflow.domain.bulk import BulkJob, BulkState
from workerflow.ports.stores import Conflict, Newest, Written


class DynamoBulk:
    """Bulk jobs in `operations`, and pointers to those that are at work.

    `audit` is None where a function only reads: it is then not even told the table's name.
    """

    def __init__(self, database: Database, *, operations: str, audit: str | None = None) -> None:
        self._database = database
        self._operations = operations
        self._trail = AuditTrail(audit, operations)

    def get_job(self, tenant: str, job_id: str) -> BulkJob | None:
        item = self._database.get(self._operations, codec.key(tenant, job_id))
        return None if item is None else codec.from_item(item)

    def list_jobs(self, tenant: str, *, before: str, limit: int) -> Newest[BulkJob]:
        query = Query(self._operations, ("pk", codec.partition(tenant)), _before(before), descending=True)
        # DynamoDB's BETWEEN includes its end, the port does not: one item more makes up for it, another one tells
        # whether there is a next part.
        items = [item for item in self._database.query(query, limit=limit + 2) if item["sk"] != before]
        readable, unreadable = in_order(items[:limit], codec.from_item, "sk")
        return Newest(readable, items[limit - 1]["sk"] if len(items) > limit else None, unreadable)

    def list_running(self, limit: int) -> Sequence[tuple[str, str]]:
        items = self._database.query(Query(self._operations, ("pk", codec.AT_WORK)), limit=limit)
        return [codec.pointer_from_item(item) for item in items]

    def write_job(self, job: BulkJob, audit: AuditEvent | None = None) -> Written | Conflict[BulkJob]:
        put = Put(self._operations, codec.to_item(job), conditions.unchanged(job.version - 1 or None))
        if audit is None:
            refused = self._database.put(put)
            return Written() if refused is None else _answer(refused, job)
        refusals = self._trail.write(self._database, [put, *self._pointer(job)], audit)
        return Written() if refusals is None else _answer(refusals[0], job)

    def _pointer(self, job: BulkJob) -> Sequence[Put | Delete]:
        where = codec.pointer_key(job.tenant, job.job_id)
        if job.state is BulkState.RUNNING:
            return [Put(self._operations, where)]
        return [Delete(self._operations, where)] if job.state.is_terminal else []


def _before(job_id: str) -> tuple[str, str, str] | None:
    return ("sk", "0", job_id) if job_id else None


def _answer(refused: Refused | None, job: BulkJob) -> Written | Conflict[BulkJob]:
    """A condition did not hold: because of our own write, whose answer was lost, or of another's."""
    current = None if refused is None or refused.old is None else codec.from_item(refused.old)
    if current is not None and (current.nonce, current.version) == (job.nonce, job.version):
        return Written()
    return Conflict(current)

"""Bulk jobs and error groups in memory. They pass the same contract tests as the DynamoDB adapters (tests/contract)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from tests.fakes.memory import Memory
from tests.fakes.stores import newest
from workerflow.domain.audit import AuditEvent
from workerflow.domain.bulk import BulkJob, BulkState
from workerflow.domain.error_group import ErrorGroup
from workerflow.ports.error_groups import GROUPS_READ
from workerflow.ports.stores import Conflict, Cursor, Newest, Seen, Written


class FakeBulk:
    """BulkStore. Whether a job is at work is its state's matter here."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def get_job(self, tenant: str, job_id: str) -> BulkJob | None:
        with self._memory.call("bulk.get_job"):
            return self._memory.bulk_jobs.get((tenant, job_id))

    def list_jobs(self, tenant: str, *, before: str, limit: int) -> Newest[BulkJob]:
        with self._memory.call("bulk.list_jobs"):
            found = (job for job in self._memory.bulk_jobs.values() if job.tenant == tenant)
            older = (job for job in found if not before or job.job_id < before)
            return newest(
                older, attrgetter("job_id"), limit, lambda job: self._memory.is_spoilt("bulk_jobs", tenant, job.job_id)
            )

    def list_running(self, limit: int) -> Sequence[tuple[str, str]]:
        with self._memory.call("bulk.list_running"):
            found = (job for job in self._memory.bulk_jobs.values() if job.state is BulkState.RUNNING)
            return [(job.tenant, job.job_id) for job in sorted(found, key=attrgetter("job_id", "tenant"))][:limit]

    def write_job(self, job: BulkJob, audit: AuditEvent | None = None) -> Written | Conflict[BulkJob]:
        with self._memory.call("bulk.write_job"):
            if audit is not None and self._memory.has_told(audit):
                return Written()
            standing = self._memory.bulk_jobs.get((job.tenant, job.job_id))
            if (standing.version if standing else 0) != job.version - 1:
                same = standing is not None and (standing.nonce, standing.version) == (job.nonce, job.version)
                return Written() if same else Conflict(standing)
            self._memory.bulk_jobs[job.tenant, job.job_id] = job
            if audit is not None:
                self._memory.tell(audit)
            return Written()


class FakeErrorGroups:
    """ErrorGroupStore."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def get_walk(self, tenant: str) -> Cursor | None:
        with self._memory.call("error_groups.get_walk"):
            return self._memory.error_walks.get(tenant)

    def get_groups(self, tenant: str, fingerprints: Iterable[str]) -> Seen[str, ErrorGroup]:
        with self._memory.call("error_groups.get_groups"):
            found = (self._memory.error_groups.get((tenant, fingerprint)) for fingerprint in fingerprints)
            return self._seen(group for group in found if group is not None)

    def list_groups(self, tenant: str) -> Seen[str, ErrorGroup]:
        with self._memory.call("error_groups.list_groups"):
            found = (group for group in self._memory.error_groups.values() if group.tenant == tenant)
            return self._seen(sorted(found, key=attrgetter("fingerprint"))[:GROUPS_READ])

    def _seen(self, groups: Iterable[ErrorGroup]) -> Seen[str, ErrorGroup]:
        by_name = {group.fingerprint: group for group in groups}
        spoilt = {name for name, group in by_name.items() if self._memory.is_spoilt("error_groups", group.tenant, name)}
        readable = {name: group for name, group in by_name.items() if name not in spoilt}
        return Seen(readable, dict.fromkeys(spoilt, "spoilt"))

    def write_walk(self, cursor: Cursor, groups: Sequence[ErrorGroup]) -> Written | Conflict[Cursor]:
        with self._memory.call("error_groups.write_walk"):
            standing = self._memory.error_walks.get(cursor.tenant)
            if (standing.version if standing else 0) != cursor.version - 1:
                same = standing is not None and (standing.nonce, standing.version) == (cursor.nonce, cursor.version)
                return Written() if same else Conflict(standing)
            self._memory.error_walks[cursor.tenant] = cursor
            for group in groups:
                self._memory.error_groups[group.tenant, group.fingerprint] = group
                self._memory.spoilt.discard(("error_groups", group.tenant, group.fingerprint))
            return Written()

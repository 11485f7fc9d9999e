"""Operators' orders about bulk jobs: count, start, abort, and look at them. The work itself is the tick's (work_bulk).

    count ---> counted --start--> running --> done
                  |                  |
                  `------abort-------'----> aborted

Counting is the dry run: it reads the index of open letters and touches none. What it counted stands in the job, and
what fails afterwards is not meant: so a person sees how many letters there are before anything is done to one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from workerflow.domain.audit import AuditEvent
from workerflow.domain.bulk import BulkAction, BulkJob, BulkState, LetterFilter
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.identity import TIME_HEX_DIGITS
from workerflow.domain.operation import OperationKey
from workerflow.ports.operations import BulkStore
from workerflow.ports.stores import LetterEntry, Newest, ReplayStore, Written
from workerflow.ports.world import Clock, Ids
from workerflow.services.bulk_facts import is_meant, progress_of, told_of
from workerflow.services.ledger import MAX_TRIES
from workerflow.services.newest_first import NewestFirst

LETTERS_COUNTED = 20_000
"""Entries of the index that one count reads at most, some 5 MB; a job may be larger than its count."""
PART = 500


@dataclass(frozen=True, slots=True)
class BulkOrder:
    """What an operator asks to be counted.

    Attributes:
        filter: which letters; those that fail after the count are never meant.
        reason: of each replay; the note of each letter that is resolved.
        actor: a token's name and id, never any part of the token.
        new_effects: replays only: children get effect keys of their own.
    """

    tenant: str
    action: BulkAction
    filter: LetterFilter
    reason: str
    actor: str
    new_effects: bool = False
    address: str = ""
    operation: OperationKey | None = None


@dataclass(frozen=True, slots=True)
class BulkJobOrder:
    """What an operator asks of a job that there is."""

    tenant: str
    job_id: str
    actor: str
    address: str = ""
    operation: OperationKey | None = None


@dataclass(frozen=True, slots=True)
class BulkRefused:
    """Why not.

    Attributes:
        code: one of not_found, not_startable, not_abortable.
    """

    code: str
    detail: str


_NOT_FOUND = BulkRefused("not_found", "there is no such bulk job")


@dataclass(frozen=True, slots=True, kw_only=True)
class CountBulk:
    """Counts, and keeps the count as a job that may be started."""

    jobs: BulkStore
    replays: ReplayStore
    clock: Clock
    ids: Ids

    def __call__(self, order: BulkOrder) -> BulkJob:
        """The job, counted and not started.

        Raises:
            StoreUnavailableError: unknown whether it was kept; counting again is harmless.
            OperationRepeatedError: another order was faster with this key.
        """
        now_ms, nonce = self.clock.now_ms(), self.ids.nonce()
        wanted = replace(order.filter, until_ms=min(order.filter.until_ms, now_ms))
        matched, is_exact = self._count(order.tenant, wanted, now_ms)
        job = BulkJob(
            tenant=order.tenant,
            job_id=f"{now_ms:0{TIME_HEX_DIGITS}x}{nonce}",
            action=order.action,
            filter=wanted,
            reason=order.reason,
            actor=order.actor,
            state=BulkState.COUNTED,
            created_at_ms=now_ms,
            matched=matched,
            is_exact=is_exact,
            version=1,
            nonce=nonce,
            updated_at_ms=now_ms,
            new_effects=order.new_effects,
        )
        if self.jobs.write_job(job, _audit(order, job, "bulk.counted", told_of(job))) != Written():
            raise StoreUnavailableError("a bulk job's id is taken")
        return job

    def _count(self, tenant: str, wanted: LetterFilter, now_ms: int) -> tuple[int, bool]:
        def read(shard: int, before: str, limit: int) -> Newest[LetterEntry]:
            return self.replays.view_letters(
                tenant, shard, open_only=True, since=wanted.after, before=before, limit=limit
            )

        walk = NewestFirst(read, attrgetter("position"), before=wanted.until, part=PART, entries=LETTERS_COUNTED)
        matched = sum(is_meant(wanted, entry, now_ms) for entry in walk)
        # Of what cannot be read nobody knows whether it is meant: the job tells how many there were.
        return matched, walk.is_over and not walk.unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class StartBulk:
    """Starts a job that was counted; the next tick works on it."""

    jobs: BulkStore
    clock: Clock
    ids: Ids

    def __call__(self, order: BulkJobOrder) -> BulkJob | BulkRefused:
        """The job, running now, or why it cannot be started.

        Raises:
            StoreUnavailableError: unknown whether it was started; ask how it stands.
            OperationRepeatedError: another order was faster with this key.
        """

        def start(job: BulkJob) -> BulkJob | BulkRefused:
            if job.state is not BulkState.COUNTED:
                return BulkRefused("not_startable", f"the job is {job.state.value}; count anew")
            now_ms = self.clock.now_ms()
            return job.change(nonce=self.ids.nonce(), now_ms=now_ms, state=BulkState.RUNNING, started_at_ms=now_ms)

        return _carry_out(self.jobs, order, "bulk.started", start)


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortBulk:
    """Ends a job before its time. What was done to letters stays done."""

    jobs: BulkStore
    clock: Clock
    ids: Ids

    def __call__(self, order: BulkJobOrder) -> BulkJob | BulkRefused:
        """The job, aborted, or why it cannot be. A tick that is at it ends within its batch.

        Raises:
            StoreUnavailableError: unknown whether it was aborted; ask how it stands.
            OperationRepeatedError: another order was faster with this key.
        """

        def abort(job: BulkJob) -> BulkJob | BulkRefused:
            if job.state.is_terminal:
                return BulkRefused("not_abortable", f"the job is {job.state.value} already")
            now_ms = self.clock.now_ms()
            return job.change(nonce=self.ids.nonce(), now_ms=now_ms, state=BulkState.ABORTED, ended_at_ms=now_ms)

        return _carry_out(self.jobs, order, "bulk.aborted", abort)


@dataclass(frozen=True, slots=True)
class BulkPage:
    """Jobs, newest first. `next_before`: where the next page begins, None at the end."""

    jobs: Sequence[BulkJob]
    next_before: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBulkJobs:
    """How jobs stand."""

    jobs: BulkStore

    def get(self, tenant: str, job_id: str) -> BulkJob | None:
        """One job. Raises StoreUnavailableError."""
        return self.jobs.get_job(tenant, job_id)

    def list(self, tenant: str, *, before: str | None = None, limit: int) -> BulkPage:
        """Jobs that are older than `before`, at most `limit` (one or more). Raises StoreUnavailableError."""
        found = self.jobs.list_jobs(tenant, before=before or "", limit=limit)
        return BulkPage(found.entries, found.next_before)


def _carry_out(
    jobs: BulkStore, order: BulkJobOrder, action: str, change: Callable[[BulkJob], BulkJob | BulkRefused]
) -> BulkJob | BulkRefused:
    for _ in range(MAX_TRIES):
        before = jobs.get_job(order.tenant, order.job_id)
        if before is None:
            return _NOT_FOUND
        after = change(before)
        if isinstance(after, BulkRefused):
            return after
        details = told_of(after) | progress_of(after) | {"before": before.state.value, "after": after.state.value}
        if jobs.write_job(after, _audit(order, after, action, details)) == Written():
            return after
    raise StoreUnavailableError("a bulk job is contended")


def _audit(order: BulkOrder | BulkJobOrder, job: BulkJob, action: str, details: dict[str, str]) -> AuditEvent:
    return AuditEvent(
        tenant=job.tenant,
        at_ms=job.updated_at_ms,
        nonce=job.nonce,
        actor=order.actor,
        action=action,
        target=job.job_id,
        reason=job.reason,
        details=details,
        address=order.address,
        operation=order.operation,
    )

"""Works on bulk jobs that were started: a part of the tick, a batch of each job at a time.

    [batch, position] --work on it--> [results, next batch, position] --...--> [results, done]
          one write                             one write                        one write

Each arrow's head is one compare-and-swap. So what a tick did is told once, although

    it dies in between          the next one works on the same batch, and finds what was done to be the job's own
    there is another beside it  both find it so, and one of them tells; the other stops
    the job is aborted          the batch is worked on to its end, is told, and there is no next one

A letter that cannot be dealt with while a store is away stays in the batch; so does the rest of a batch when the part's
time is over. A batch of which nothing was dealt with is left to the next tick. Nothing is tried for ever: after a day
without any progress, what still fails is refused under the error's code, and stays open. So is at once what cannot be
read; where that is a letter's entry in the index, nobody knows whether the job means it, and it is left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from workerflow.domain.audit import AuditEvent
from workerflow.domain.bulk import BATCH, BulkJob, BulkState
from workerflow.domain.errors import IntegrityError, PlatformError
from workerflow.ports.operations import BulkStore
from workerflow.ports.stores import Conflict, LetterEntry, Oldest, ReplayStore
from workerflow.ports.world import Clock, Ids, Signals
from workerflow.services.bulk_facts import is_meant, progress_of, told_of
from workerflow.services.fair_share import visit_in_turn
from workerflow.services.readable_rows import tell_unreadable
from workerflow.services.resend import TickBudget

JOBS_READ = 1_000
"""Jobs at work that one tick knows of, the oldest: their pointers are 100 KB."""
PAGE = 500
ENTRIES_A_BATCH = 5_000
"""Entries of the index that are looked at for one batch; then the position is kept, whatever was found."""
GIVE_UP_SECONDS = 24 * 3600
ACTOR = "bulk"


type _Results = Mapping[str, str | None]
"""What was done to letters, by trace id: None, or why it was refused. Those that are left are not in it."""


@dataclass(slots=True)
class _Ahead:
    """What comes next: letters of the next batch, up to where the index was looked at, and what was not to be read."""

    batch: list[str]
    position: str
    is_end: bool = False
    unreadable: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkBulk:
    """Works on the jobs of all tenants, fairly.

    Attributes:
        act: what is done to one letter (act_on_letter): None if it is done, else why it cannot be.
    """

    jobs: BulkStore
    replays: ReplayStore
    act: Callable[[BulkJob, str], str | None]
    clock: Clock
    ids: Ids
    signals: Signals

    def __call__(self, budget: TickBudget) -> None:
        """Work until there is nothing left to do, or the budget is spent: `resends_left` letters.

        Raises:
            PlatformError: a job could not be worked on; the others had their turn, and the next tick takes it up.
        """
        at_work: dict[str, list[str]] = {}
        for tenant, job_id in self.jobs.list_running(JOBS_READ):
            at_work.setdefault(tenant, []).append(job_id)

        def visit(tenant: str, share: TickBudget) -> None:
            visit_in_turn(
                at_work[tenant], share, self.clock, lambda job_id, part: self._work(tenant, job_id, part), what="job"
            )

        visit_in_turn(tuple(at_work), budget, self.clock, visit)

    def _work(self, tenant: str, job_id: str, share: TickBudget) -> None:
        job = self.jobs.get_job(tenant, job_id)
        while job is not None and job.state is BulkState.RUNNING and not share.is_spent(self.clock):
            job = self._go_on(job, share)

    def _go_on(self, job: BulkJob, share: TickBudget) -> BulkJob | None:
        """The job's next version, or None: nothing more can be done to it in this tick."""
        results = self._deal_with(job, share)
        if job.batch and not results:
            return None
        following = self._following(job, results)
        outcome = self.jobs.write_job(following, self._audit(following) if following.state.is_terminal else None)
        if not isinstance(outcome, Conflict):
            return following
        self._tell_the_aborted(results, outcome.current)
        return None

    # A batch.

    def _deal_with(self, job: BulkJob, share: TickBudget) -> _Results:
        results: dict[str, str | None] = {}
        errors: list[PlatformError] = []
        for trace_id in job.batch:
            if share.is_spent(self.clock):
                break
            share.resends_left -= 1
            try:
                results[trace_id] = self.act(job, trace_id)
            except PlatformError as error:
                errors.append(error)
                if not self._is_tried_again(job, error):
                    results[trace_id] = error.code
        if errors:  # one stands for all: a store that is away fails every letter of a batch
            self.signals.failure(f"{len(errors)} letters of the bulk job {job.job_id} were not dealt with", errors[0])
        return results

    def _is_tried_again(self, job: BulkJob, error: PlatformError) -> bool:
        return error.retryable and self.clock.now_ms() - job.updated_at_ms < GIVE_UP_SECONDS * 1000

    def _look_ahead(self, job: BulkJob, left: list[str]) -> _Ahead:
        """Fill the next batch up with letters behind the position."""
        ahead = _Ahead(left, job.position or job.filter.after)
        read = 0
        while len(ahead.batch) < BATCH and read < ENTRIES_A_BATCH:
            limit = PAGE if read else BATCH  # most often all letters fit, and one short page is enough
            page = self.replays.list_letters(
                job.tenant, open_only=True, after=ahead.position, until=job.filter.until, limit=limit
            )
            read += page.size
            self._take(job, page, ahead)
            if ahead.is_end:
                return ahead
        return ahead

    def _take(self, job: BulkJob, page: Oldest[LetterEntry], ahead: _Ahead) -> None:
        """Take what the batch has room for, and pass what cannot be read on the way there."""
        before, room = ahead.position, BATCH - len(ahead.batch)
        meant = [entry for entry in page.entries if is_meant(job.filter, entry, job.created_at_ms)]
        ahead.batch += [entry.trace_id for entry in meant[:room]]
        is_cut = len(meant) > room
        ahead.position = meant[room - 1].position if is_cut else page.position
        ahead.is_end = page.is_over and not is_cut
        ahead.unreadable |= {place: why for place, why in page.unreadable.items() if before < place <= ahead.position}

    # The job.

    def _following(self, job: BulkJob, results: _Results) -> BulkJob:
        _, left = _told(job, results)
        ahead = self._look_ahead(job, left)
        tell_unreadable(self.signals, f"dead letters of {job.tenant}", ahead.unreadable)
        now_ms = self.clock.now_ms()
        told, _ = _told(job, results, len(ahead.unreadable))
        changes = told | {"batch": tuple(ahead.batch), "position": ahead.position}
        if ahead.is_end and not ahead.batch:
            changes |= {"state": BulkState.DONE, "ended_at_ms": now_ms}
        return job.change(nonce=self.ids.nonce(), now_ms=now_ms, **changes)

    def _tell_the_aborted(self, results: _Results, current: BulkJob | None) -> None:
        """Add the results to a job that was aborted while its batch was worked on, as far as no other tick did."""
        if current is None or current.state is not BulkState.ABORTED or results.keys().isdisjoint(current.batch):
            return
        told, left = _told(current, results)
        self.jobs.write_job(
            current.change(nonce=self.ids.nonce(), now_ms=self.clock.now_ms(), **told, batch=tuple(left))
        )

    def _audit(self, job: BulkJob) -> AuditEvent:
        return AuditEvent(
            tenant=job.tenant,
            at_ms=job.updated_at_ms,
            nonce=job.nonce,
            actor=ACTOR,
            action="bulk.done",
            target=job.job_id,
            reason=job.reason,
            details=told_of(job) | progress_of(job),
        )


def _told(job: BulkJob, results: _Results, unreadable: int = 0) -> tuple[dict[str, object], list[str]]:
    """The job's numbers with the results of its batch and entries that were passed, and the rest of the batch."""
    dealt_with = [results[trace_id] for trace_id in job.batch if trace_id in results]
    refused = Counter(job.refused) + Counter(code for code in dealt_with if code is not None)
    refused += Counter({IntegrityError.code: unreadable})
    numbers = {"succeeded": job.succeeded + dealt_with.count(None), "refused": dict(sorted(refused.items()))}
    return numbers, [trace_id for trace_id in job.batch if trace_id not in results]

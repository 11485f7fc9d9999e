"""What a bulk job does to one letter, in its own name: whoever does it again finds it done, and by whom."""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.bulk import BulkAction, BulkJob
from workerflow.services.replay_task import InvalidEdit, Replayed, ReplayOrder, ReplayTask
from workerflow.services.resolve_letter import Resolved, ResolveLetter, ResolveOrder

NOT_OPEN = "not_open"
"""Somebody else was faster: a person, another job, the hourly retry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActOnLetter:
    """Replays or resolves one letter for a job."""

    replay: ReplayTask
    resolve: ResolveLetter

    def __call__(self, job: BulkJob, trace_id: str) -> str | None:
        """None: it is done, now or by an earlier try of this job. Else why it cannot be, as a stable code.

        Raises:
            PlatformError: unknown whether it was done; asking again finds out.
        """
        return self._replay(job, trace_id) if job.action is BulkAction.REPLAY else self._resolve(job, trace_id)

    def _replay(self, job: BulkJob, trace_id: str) -> str | None:
        order = ReplayOrder(
            tenant=job.tenant,
            trace_id=trace_id,
            actor=job.worker,
            reason=job.reason,
            new_effects=job.new_effects,
            open_only=True,
        )
        outcome = self.replay(order)
        if isinstance(outcome, Replayed):
            return None if outcome.created or outcome.actor == job.worker else NOT_OPEN
        return "invalid_payload" if isinstance(outcome, InvalidEdit) else outcome.code

    def _resolve(self, job: BulkJob, trace_id: str) -> str | None:
        outcome = self.resolve(ResolveOrder(tenant=job.tenant, trace_id=trace_id, actor=job.worker, note=job.reason))
        if isinstance(outcome, Resolved):
            return None if outcome.letter.resolved_by == job.worker else NOT_OPEN
        return outcome.code

"""What orders about bulk jobs and the work on them share: which letters are meant, and what is told of a job."""

from __future__ import annotations

from workerflow.domain.bulk import BulkJob, LetterFilter
from workerflow.ports.stores import LetterEntry


def is_meant(wanted: LetterFilter, entry: LetterEntry, at_ms: int) -> bool:
    """Whether a job that was counted at `at_ms` deals with an open letter; one that has expired by then is gone."""
    fits = wanted.fits(entry.letter_class, entry.source, entry.fingerprint)
    return fits and entry.expires_at_s * 1000 > at_ms


def told_of(job: BulkJob) -> dict[str, str]:
    """What every audit event of a job says of it."""
    return {
        "jobId": job.job_id,
        "action": job.action.value,
        "matched": str(job.matched),
        "isExact": str(job.is_exact).lower(),
    }


def progress_of(job: BulkJob) -> dict[str, str]:
    """How far a job came."""
    return {"succeeded": str(job.succeeded), "refused": str(sum(job.refused.values()))}

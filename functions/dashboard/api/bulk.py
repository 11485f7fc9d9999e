"""Bulk jobs: a list, and one."""

from __future__ import annotations

from functions.dashboard.api import rules
from functions.dashboard.api.documents import Document, counts_document, page, time_or_none
from functions.dashboard.api.parameters import cursor_at, limit_of, position_of
from functions.dashboard.call import Call
from functions.dashboard.services import Dashboard
from workerflow.domain.bulk import BulkJob, LetterFilter
from workerflow.domain.dashboard_refusals import BulkJobNotFoundError
from workerflow.domain.timestamp import timestamp
from workerflow.runtime.http import Response


def list_bulk_jobs(dashboard: Dashboard, call: Call) -> Response:
    """A page of bulk jobs, newest first."""
    found = dashboard.read_bulk_jobs.list(call.tenant, before=position_of(dashboard, call), limit=limit_of(call))
    jobs = [job_document(one) for one in found.jobs]
    return Response.document(200, page("jobs", jobs, cursor_at(dashboard, call, found.next_before)))


def read_bulk_job(dashboard: Dashboard, call: Call) -> Response:
    """One bulk job, with its progress."""
    job = dashboard.read_bulk_jobs.get(call.tenant, call.path["jobId"])
    if job is None:
        raise BulkJobNotFoundError
    return Response.document(200, job_document(job))


def job_document(job: BulkJob) -> Document:
    """A bulk job; `visited` of the `matched` letters are done with."""
    return {
        "jobId": job.job_id,
        "action": job.action.value,
        "state": job.state.value,
        "filter": _filter_document(job.filter),
        "reason": job.reason,
        "actor": job.actor,
        "newEffects": job.new_effects,
        "matched": job.matched,
        "isExact": job.is_exact,
        "visited": job.visited,
        "succeeded": job.succeeded,
        "refused": counts_document(job.refused),
        "createdAt": timestamp(job.created_at_ms),
        "updatedAt": timestamp(job.updated_at_ms),
        "startedAt": time_or_none(job.started_at_ms),
        "endedAt": time_or_none(job.ended_at_ms),
    }


def _filter_document(wanted: LetterFilter) -> Document:
    return {
        "class": wanted.letter_class.value if wanted.letter_class else None,
        "source": wanted.source,
        "fingerprint": wanted.fingerprint,
        "from": timestamp(wanted.from_ms) if wanted.from_ms else None,
        "until": timestamp(wanted.until_ms) if wanted.until_ms < rules.LAST_MS else None,
    }

"""Bulk jobs: the list, the question that a counted one asks, and how far one that was started is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from functions.dashboard.cursors import scope_of
from functions.dashboard.pages.done import done_on
from functions.dashboard.pages.orders import abort_order, start_order
from functions.dashboard.pages.rendering import page
from functions.dashboard.pages.words import number
from workerflow.domain.bulk import BulkAction, BulkJob, BulkState
from workerflow.domain.dashboard_refusals import BulkJobNotFoundError

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard
    from workerflow.runtime.http import Response

PAGE = 50
_LIST = "showBulkJobs"
_REFUSED_WORDS: Mapping[str, str] = {
    "not_open": "were replayed or resolved by somebody else meanwhile",
    "payload_gone": "have no payload that is still kept",
    "disabled": "are of a route or schedule that is disabled or was removed",
    "too_many_generations": "were replayed as often as may be",
    "not_found": "are forgotten",
    "not_ended": "have not ended",
    "integrity": "cannot be read, and may not be meant: somebody edited them, or a newer version wrote them",
    "store_unavailable": "failed for a whole day",
}
"""Why letters could not be dealt with, to go on after their number."""


def show_all(dashboard: Dashboard, call: Call) -> Response:
    """All jobs of the tenant, newest first."""
    scope = scope_of(_LIST, call.tenant, call.query)
    before = dashboard.cursors.open(call.query.get("cursor"), scope)
    found = dashboard.read_bulk_jobs.list(call.tenant, before=before, limit=PAGE)
    return page(
        dashboard,
        call,
        "bulk_jobs.html",
        jobs=found.jobs,
        any_running=any(job.state is BulkState.RUNNING for job in found.jobs),
        is_first=before is None,
        next_cursor=dashboard.cursors.seal(found.next_before, scope),
    )


def show(dashboard: Dashboard, call: Call) -> Response:
    """One job."""
    job = dashboard.read_bulk_jobs.get(call.tenant, call.path["jobId"])
    if job is None:
        raise BulkJobNotFoundError
    left = max(0, job.matched - job.visited)
    return page(
        dashboard,
        call,
        "bulk_job.html",
        job=job,
        left=left,
        start=start_order(job.job_id, f"{_verb(job)} {letters(job.matched, is_exact=job.is_exact)}"),
        abort=_abort(job, left),
        refused_words=_REFUSED_WORDS,
        done=done_on(dashboard, call),
    )


def letters(count: int, *, is_exact: bool = True) -> str:
    """A number of dead letters: `1 dead letter`, `20,000 or more dead letters`."""
    more = "" if is_exact else " or more"
    return f"{number(count)}{more} dead letter{'' if count == 1 and is_exact else 's'}"


def _verb(job: BulkJob) -> str:
    return "Replay" if job.action is BulkAction.REPLAY else "Resolve"


def _abort(job: BulkJob, left: int) -> object:
    left_words = f"{letters(left, is_exact=job.is_exact)} {'is' if left == 1 and job.is_exact else 'are'} left alone."
    return abort_order(job.job_id, left_words, started=job.state is BulkState.RUNNING)

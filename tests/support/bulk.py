"""Makers of bulk jobs and error groups for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.tasks import NOW_MS
from workerflow.domain.bulk import BulkAction, BulkJob, BulkState, LetterFilter
from workerflow.domain.error_group import ErrorGroup
from workerflow.domain.run import LetterClass

DAY_S = 24 * 3600


def job_id(number: int, at_ms: int = NOW_MS) -> str:
    """The id of a job that was made then."""
    return f"{at_ms:012x}{number:016x}"


def a_bulk_job(number: int = 1, **changes: Any) -> BulkJob:
    """The first version of a counted replay of three letters."""
    job = BulkJob(
        tenant="default",
        job_id=job_id(number),
        action=BulkAction.REPLAY,
        filter=LetterFilter(until_ms=NOW_MS),
        reason="the provider is back",
        actor="ops (token 7)",
        state=BulkState.COUNTED,
        created_at_ms=NOW_MS,
        matched=3,
        is_exact=True,
        version=1,
        nonce="1" * 16,
        updated_at_ms=NOW_MS,
    )
    return replace(job, **changes)


A_FULL_JOB = a_bulk_job(
    2,
    action=BulkAction.RESOLVE,
    filter=LetterFilter(LetterClass.HANDLER_ERROR, "route:echo", "f" * 16, NOW_MS - 5, NOW_MS),
    state=BulkState.ABORTED,
    is_exact=False,
    new_effects=True,
    position=f"{NOW_MS:013d}#{'a' * 44}",
    batch=("a" * 44, "0b" * 22),
    succeeded=7,
    refused={"payload_gone": 2, "not_open": 1},
    started_at_ms=NOW_MS + 1,
    ended_at_ms=NOW_MS + 2,
    updated_at_ms=NOW_MS + 2,
)


def an_error_group(fingerprint: str = "f" * 16, **changes: Any) -> ErrorGroup:
    """Three alike errors of an hour."""
    group = ErrorGroup(
        tenant="default",
        fingerprint=fingerprint,
        source="route:echo",
        letter_class=LetterClass.EXHAUSTED,
        error_class="requests.Timeout",
        message="no answer in 3 s",
        sample="a" * 44,
        count=3,
        first_seen_ms=NOW_MS - 3_600_000,
        last_seen_ms=NOW_MS,
        expires_at_s=NOW_MS // 1000 + 37 * DAY_S,
    )
    return replace(group, **changes)

"""Makers of schedules' values for tests, on top of tests.support.tasks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.tasks import NOW_MS, an_acceptance
from workerflow.domain.run import Run, RunState
from workerflow.domain.schedule_cursor import ScheduleCursor, TickMark
from workerflow.domain.task import Acceptance

HOUR_MS = 3600 * 1000


def a_cursor(name: str = "hourly", *, tenant: str = "default", **changes: Any) -> ScheduleCursor:
    """The first version of a cursor whose next fire is due in an hour."""
    cursor = ScheduleCursor(
        tenant=tenant,
        name=name,
        timing="0123456789abcdef",
        since_ms=NOW_MS,
        next_due_ms=NOW_MS + HOUR_MS,
        version=1,
        nonce="1" * 16,
    )
    return replace(cursor, **changes)


def a_mark(**changes: Any) -> TickMark:
    """The first version of the tick's mark."""
    return replace(TickMark(ticked_at_ms=NOW_MS, reconciled="d" * 64, version=1, nonce="1" * 16), **changes)


def a_fire(
    due: str = "2025-10-09T09:00:00.000Z", *, tenant: str = "default", nonce: str = "1" * 16, **changes: Any
) -> Acceptance:
    """The acceptance of a fire of `schedule:hourly`."""
    body = f'{{"schedule":"hourly","dueAt":"{due}"}}'.encode()
    return an_acceptance(
        due, tenant=tenant, body=body, source="schedule:hourly", kind="scheduled_job", nonce=nonce, **changes
    )


def a_skipped_run(acceptance: Acceptance, **changes: Any) -> Run:
    """The one version of the row of a fire that was skipped."""
    return Run.of_task(acceptance).change(
        nonce=acceptance.nonce,
        now_ms=acceptance.accepted_at_ms,
        state=RunState.SKIPPED,
        finished_at_ms=acceptance.accepted_at_ms,
        **changes,
    )

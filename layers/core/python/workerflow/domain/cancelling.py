"""What operators decide about a run that has not ended: that it ends, or that it need not wait any longer.

no live lease --cancel--> cancelled, at once and for good
live lease    --cancel--> running, with a mark: its handler may see it; a success is still a success, and whatever
                          else comes of the attempt ends the run as cancelled (domain.transitions)
queued, waiting, parked for its time --retry_now--> queued, with a message on its way
"""

from __future__ import annotations

from enum import StrEnum

from workerflow.domain.run import Run, RunState
from workerflow.domain.transitions import LEASE_MARGIN_S, RESEND_BASE_S, Leave, Now, Resend, Update, cancelled


class Obstacle(StrEnum):
    """Why a run is not retried now: stable codes."""

    ENDED = "ended"
    RUNNING = "running"
    CANCELLING = "cancelling"
    PAUSED = "paused"
    CAPPED = "capped"
    WAITS_FOR_CALLER = "waits_for_caller"
    DEADLINE_PASSED = "deadline_passed"


def cancel(run: Run, now: Now) -> Update | Leave:
    """End a run, or have its worker end it; Leave if it has ended, or was asked to already."""
    if run.is_terminal:
        return Leave()
    if not run.has_live_lease(now.ms):
        return cancelled(run, now)
    if run.cancel_asked_at_ms is not None:
        return Leave()
    # With a due time after the lease: a worker that dies unseen leaves a run that the tick ends soon.
    due_at_ms = (run.lease_until_ms or 0) + LEASE_MARGIN_S * 1000
    return Update(run.change(nonce=now.nonce, now_ms=now.ms, cancel_asked_at_ms=now.ms, due_at_ms=due_at_ms))


def is_cancelled(run: Run | None, attempt: int) -> bool:
    """Whether an attempt that is being made is to end: an operator asked for it, or its run is cancelled already."""
    if run is None:
        return False
    return run.state is RunState.CANCELLED or (run.attempt == attempt and run.cancel_asked_at_ms is not None)


def retry_now(run: Run, now: Now) -> Resend | Leave:
    """Have a run that waits for its time tried at once; Leave if there is an obstacle.

    Nothing was lost, so the distance to the next message does not grow.
    """
    if obstacle_to_retry(run, now) is not None:
        return Leave()
    # As in `queued_again`: an expired lease stays to be told as a crash by the claim.
    state = RunState.RUNNING if run.state is RunState.RUNNING else RunState.QUEUED
    return Resend(
        run.change(nonce=now.nonce, now_ms=now.ms, state=state, not_before_ms=None, due_at_ms=now.after(RESEND_BASE_S))
    )


def obstacle_to_retry(run: Run, now: Now) -> Obstacle | None:
    """What keeps a run from being retried now; None: nothing."""
    obstacles = {
        Obstacle.ENDED: run.is_terminal,
        Obstacle.CANCELLING: run.cancel_asked_at_ms is not None,
        Obstacle.RUNNING: run.has_live_lease(now.ms),
        Obstacle.PAUSED: run.paused,
        Obstacle.CAPPED: run.capped,
        Obstacle.WAITS_FOR_CALLER: run.belongs_to_caller,
        Obstacle.DEADLINE_PASSED: run.deadline_ms <= now.ms,
    }
    return next((obstacle for obstacle, stands in obstacles.items() if stands), None)

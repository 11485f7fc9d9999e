"""Runs that are put aside, and how they come back: until their source is resumed, or until their tenant has a place.

And those whose message came to its end. One that was to be cancelled is, wherever it would be put.

    queued, waiting --park_for_pause--> parked, paused --release_paused--> queued | parked until its time
                    --park_for_cap----> parked, capped --release_capped--> queued

Both wait in a partition of their own, with their deadline as due time, so that the tick finds what waited in vain.
"""

from __future__ import annotations

from workerflow.domain.run import LetterClass, Run, RunState
from workerflow.domain.transitions import (
    RESEND_BASE_S,
    SYNC_RETURN_S,
    Begin,
    Close,
    DueDecision,
    Leave,
    Now,
    Resend,
    Update,
    Wait,
    cancelled,
    close,
    close_if_over,
    decide_claim,
    history_without_claim,
    queued_again,
)

COMES_BACK_S = 60
"""A caller without a place comes back every few seconds; that he did is written down this often at most."""


def park_for_pause(run: Run, now: Now) -> Update | Leave:
    """Put a run aside until its source is resumed."""
    if run.is_terminal or run.has_live_lease(now.ms) or (run.state is RunState.PARKED and run.paused):
        return Leave()
    return cancelled(run, now) if run.cancel_asked_at_ms is not None else Update(_parked(run, now, paused=True))


def release_paused(run: Run, now: Now, *, max_attempts: int) -> DueDecision:
    """Decide what the tick does with a parked run whose source was resumed.

    Resend; Close, if it is over; or Update, if it was waiting when the pause came and still has to: it is parked until
    its time.
    """
    if not (run.state is RunState.PARKED and run.paused):
        return Leave()
    if (closing := close_if_over(run, now, max_attempts)) is not None:
        return closing
    if (run.not_before_ms or 0) > now.ms:
        return Update(run.change(nonce=now.nonce, now_ms=now.ms, paused=False, due_at_ms=run.not_before_ms))
    return Resend(queued_again(run, now))


def park_for_cap(run: Run, now: Now, *, max_attempts: int, for_caller: bool) -> Close | Update | Wait | Leave:
    """Decide what becomes of a run for which no place is free.

    Returns:
        What a claim would lead to, if that is not an attempt: what cannot begin needs no place. Else Update: it is put
        aside, or is for its caller to come back within SYNC_RETURN_S; or Leave: it is so already.
    """
    caller_waits = for_caller and run.belongs_to_caller
    claim = decide_claim(run, now, owner="", lease_until_ms=0, max_attempts=max_attempts, for_caller=caller_waits)
    if not isinstance(claim, Begin):
        return claim
    if caller_waits:
        return _wait_for_caller(run, now)
    if run.state is RunState.PARKED and run.capped:
        return Leave()
    return Update(_parked(run, now, capped=True))


def _wait_for_caller(run: Run, now: Now) -> Update | Leave:
    """Until he comes back nothing happens, and if he does not the tick finds the run and gives it up."""
    if (run.due_at_ms or 0) >= now.after(SYNC_RETURN_S - COMES_BACK_S):
        return Leave()
    return Update(run.change(nonce=now.nonce, now_ms=now.ms, due_at_ms=now.after(SYNC_RETURN_S)))


def release_capped(run: Run, now: Now, *, max_attempts: int) -> Resend | Close | Leave:
    """Decide about a run that waits for a place: it has one now, or it is over.

    Its message was not lost, so the distance to the next one does not grow.
    """
    if not (run.state is RunState.PARKED and run.capped):
        return Leave()
    if (closing := close_if_over(run, now, max_attempts)) is not None:
        return closing
    return Resend(
        run.change(
            nonce=now.nonce,
            now_ms=now.ms,
            state=RunState.QUEUED,
            capped=False,
            due_at_ms=now.after(RESEND_BASE_S),
        )
    )


def park_for_drain(run: Run, now: Now, *, max_attempts: int) -> DueDecision | Wait:
    """Decide what becomes of a run whose message ended in the queue's dead-letter queue.

    Leave: terminal, or the tick already has a due time for it; the message may go. Wait: a live lease, the message
    stays. Update: parked, due after RESEND_BASE_S, or cancelled. Close: no attempt or no time is left; the class is
    `platform`, for every delivery failed.
    """
    if run.is_terminal:
        return Leave()
    if run.has_live_lease(now.ms):
        return Wait(now.seconds_until(run.lease_until_ms))
    if run.cancel_asked_at_ms is not None:
        return cancelled(run, now)
    if run.attempt >= max_attempts or run.deadline_ms <= now.ms:
        return close(run, now, LetterClass.PLATFORM, "every delivery of the task's message failed")
    if run.due_at_ms is not None:
        return Leave()
    return Update(
        run.change(
            nonce=now.nonce,
            now_ms=now.ms,
            state=RunState.PARKED,
            lease_until_ms=None,
            due_at_ms=now.after(RESEND_BASE_S),
            history=history_without_claim(run, now),
        )
    )


def _parked(run: Run, now: Now, *, paused: bool = False, capped: bool = False) -> Run:
    return run.change(
        nonce=now.nonce,
        now_ms=now.ms,
        state=RunState.PARKED,
        paused=paused,
        capped=capped,
        lease_until_ms=None,
        due_at_ms=run.deadline_ms,
        history=history_without_claim(run, now),
    )

"""Every decision about a run, as a pure function from the row as read to a value.

Writers propose the decision's run by compare-and-swap; on a conflict they decide again on the row that won. So a rule
stands in one place, whoever applies it, and no rule depends on the order in which two writers arrive.
"""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.failure import Failure
from workerflow.domain.retry import RetryPolicy, decide_retry
from workerflow.domain.run import Attempt, AttemptResult, LetterClass, Run, RunState

LEASE_MARGIN_S = 15
"""A lease outlives the worker's last moment by this much: room for clocks that disagree."""

VISIBILITY_WAIT_LIMIT_S = 120
"""Longer waits are parked: a visible wait keeps its message in flight, and a queue has 120,000 of those."""

WAITING_GRACE_S = 180
"""How long after its time a waiting run's own message may still come before the tick sends another."""

RESEND_BASE_S = 120
RESEND_CAP_S = 3600

SYNC_RETURN_S = 600
"""How long a sync task that failed retryably waits for its caller to come back."""

ERROR_KEPT = 200

CANCELLED_WORDS = "Cancelled: by an operator"

_RESULTS = {
    "permanent": AttemptResult.PERMANENT,
    "invalid_payload": AttemptResult.PERMANENT,
    "retryable": AttemptResult.RETRYABLE,
    "timeout": AttemptResult.TIMEOUT,
    "crash": AttemptResult.CRASH,
    "cancelled": AttemptResult.CANCELLED,
}
_LETTER_CLASSES = {
    "permanent": LetterClass.HANDLER_ERROR,
    "invalid_payload": LetterClass.INVALID_PAYLOAD,
    "retryable": LetterClass.EXHAUSTED,
    "timeout": LetterClass.TIMEOUT,
    "crash": LetterClass.CRASH,
    "cancelled": LetterClass.HANDLER_ERROR,
}


@dataclass(frozen=True, slots=True)
class Now:
    """The moment of a decision, with the nonce of the write that it may lead to."""

    ms: int
    nonce: str

    def after(self, seconds: float) -> int:
        """Epoch milliseconds, `seconds` from now."""
        return self.ms + round(seconds * 1000)

    def seconds_until(self, time_ms: int | None) -> float:
        """Seconds from now to `time_ms`, at least one."""
        return max(1.0, ((time_ms or 0) - self.ms) / 1000)


@dataclass(frozen=True, slots=True)
class Begin:
    """Write `run`: the attempt is claimed."""

    run: Run


@dataclass(frozen=True, slots=True)
class Close:
    """Write `run`, which has failed, with its dead letter for `failure`."""

    run: Run
    failure: Failure


@dataclass(frozen=True, slots=True)
class Update:
    """Write `run`; nothing follows from it."""

    run: Run


@dataclass(frozen=True, slots=True)
class Resend:
    """Write `run`, then send its message again."""

    run: Run


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: somebody works on it, or it is too early. Ask again after `delay_seconds`."""

    delay_seconds: float


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing to write: the run is terminal, or somebody else's, or it is not time."""


type ClaimDecision = Begin | Close | Update | Wait | Leave
type DueDecision = Resend | Close | Update | Leave


def decide_claim(
    run: Run, now: Now, *, owner: str, lease_until_ms: int, max_attempts: int, for_caller: bool
) -> ClaimDecision:
    """Decide whether the next attempt may begin. The nonce of `now` becomes the claim's.

    Args:
        run: the row as read, or `Run.of_task` where there is none.
        now: moment and nonce.
        owner: nonce of the invoker.
        lease_until_ms: end of the lease, later than the worker's own end.
        max_attempts: the route's limit.
        for_caller: a sync caller waits, so the time of the next attempt is the caller's to choose.

    Returns:
        Begin, Wait, Close (deadline passed, or no attempt left), Update (it was to be cancelled, and is), or Leave for
        a terminal run, and for a parked one before its time: the tick has that, and a second message need not come
        back every two minutes until then.
    """
    if run.is_terminal:
        return Leave()
    if run.has_live_lease(now.ms):
        return Wait(now.seconds_until(run.lease_until_ms))
    if run.cancel_asked_at_ms is not None:
        return cancelled(run, now)
    if (closing := close_if_over(run, now, max_attempts)) is not None:
        return closing
    if not for_caller and (run.not_before_ms or 0) > now.ms:
        return Leave() if run.state is RunState.PARKED else Wait(now.seconds_until(run.not_before_ms))
    return Begin(_begin(run, now, owner=owner, lease_until_ms=lease_until_ms))


def _begin(run: Run, now: Now, *, owner: str, lease_until_ms: int) -> Run:
    # A first attempt has no due time, so that the success path touches no index. One that already has a due time
    # keeps one, after its lease: it left the success path, and the sweeper may have passed it.
    due_at_ms = None if run.due_at_ms is None else lease_until_ms + LEASE_MARGIN_S * 1000
    return run.change(
        nonce=now.nonce,
        now_ms=now.ms,
        state=RunState.RUNNING,
        attempt=run.attempt + 1,
        owner=owner,
        claim=now.nonce,
        claimed_at_ms=now.ms,
        lease_until_ms=lease_until_ms,
        not_before_ms=None,
        due_at_ms=due_at_ms,
        paused=False,
        capped=False,
        history=history_without_claim(run, now),
    )


def history_without_claim(run: Run, now: Now) -> tuple[Attempt, ...]:
    """A running run whose lease expired died unseen: its attempt is told as a crash."""
    return run.with_attempt(AttemptResult.CRASH, now.ms) if run.state is RunState.RUNNING else run.history


def cancelled(run: Run, now: Now) -> Update:
    """End a run without live lease for good, because an operator asked for it: no attempt more, and no dead letter."""
    return Update(_cancelled(run, now, history_without_claim(run, now), run.error))


def _cancelled(run: Run, now: Now, history: tuple[Attempt, ...], error: str | None) -> Run:
    return run.change(
        nonce=now.nonce,
        now_ms=now.ms,
        **_ENDED,
        state=RunState.CANCELLED,
        finished_at_ms=now.ms,
        cancel_asked_at_ms=run.cancel_asked_at_ms or now.ms,
        history=history,
        error=(CANCELLED_WORDS + (f", after {error}" if error else ""))[:ERROR_KEPT],
    )


def close_if_over(run: Run, now: Now, max_attempts: int) -> Close | None:
    """Close a run that can have no further attempt: its deadline has passed, or none is left. None: it can."""
    if run.deadline_ms <= now.ms:
        return close(run, now, LetterClass.EXPIRED, "the task's deadline passed before an attempt could begin")
    if run.attempt < max_attempts:
        return None
    if run.state is RunState.RUNNING:
        return close(run, now, LetterClass.CRASH, "the last attempt's lease expired and nobody recorded its outcome")
    return close(run, now, LetterClass.EXHAUSTED, "no attempt is left under the route's retry policy")


def close(run: Run, now: Now, letter_class: LetterClass, message: str) -> Close:
    """Fail a run for a reason that no attempt reported."""
    failure = Failure.by_platform("platform", letter_class.value, message)
    return Close(_failed(run, now, letter_class, failure, history_without_claim(run, now)), failure)


def _failed(run: Run, now: Now, letter_class: LetterClass, failure: Failure, history: tuple[Attempt, ...]) -> Run:
    return run.change(
        nonce=now.nonce,
        now_ms=now.ms,
        **_ENDED,
        state=RunState.FAILED,
        finished_at_ms=now.ms,
        history=history,
        letter_class=letter_class,
        error=_short(failure),
    )


_ENDED: dict[str, object] = {
    "lease_until_ms": None,
    "not_before_ms": None,
    "due_at_ms": None,
    "paused": False,
    "capped": False,
}


def _short(failure: Failure) -> str:
    return f"{failure.error_class}: {failure.message}"[:ERROR_KEPT]


def holds_claim(run: Run, *, attempt: int, claim: str) -> bool:
    """Whether the worker of `claim` may still record an outcome: the attempt is its own and nobody took over.

    A lease that expired without anyone noticing is still the worker's: the write itself decides.
    """
    return run.state is RunState.RUNNING and run.attempt == attempt and run.claim == claim


def succeed(run: Run, now: Now, *, output: bytes | None, has_output_item: bool) -> Update:
    """Record the success of the current attempt."""
    return Update(
        run.change(
            nonce=now.nonce,
            now_ms=now.ms,
            **_ENDED,
            state=RunState.SUCCEEDED,
            finished_at_ms=now.ms,
            history=run.with_attempt(AttemptResult.SUCCEEDED, now.ms),
            output=output,
            has_output_item=has_output_item,
            letter_class=None,
            error=None,
        )
    )


def fail(run: Run, now: Now, failure: Failure, policy: RetryPolicy, *, jitter: float) -> Update | Close:
    """Record the failure of the current attempt: wait for the next one, or close the run if none may follow.

    A run that was to be cancelled is, however the attempt failed.
    """
    history = run.with_attempt(_RESULTS[failure.kind], now.ms)
    if run.cancel_asked_at_ms is not None:
        error = run.error if failure.kind == "cancelled" else _short(failure)
        return Update(_cancelled(run, now, history, error))
    delay_seconds = _next_delay(run, now, failure, policy, jitter)
    if delay_seconds is None:
        return Close(_failed(run, now, _LETTER_CLASSES[failure.kind], failure, history), failure)
    return Update(
        run.change(
            nonce=now.nonce,
            now_ms=now.ms,
            state=RunState.PARKED if _parks(run, delay_seconds) else RunState.WAITING,
            lease_until_ms=None,
            not_before_ms=now.after(delay_seconds),
            due_at_ms=_due_after_failure(run, now, delay_seconds),
            history=history,
            error=_short(failure),
        )
    )


def _next_delay(run: Run, now: Now, failure: Failure, policy: RetryPolicy, jitter: float) -> float | None:
    if not failure.retryable:
        return None
    decision = decide_retry(policy, run.attempt, retry_after_seconds=failure.retry_after_seconds, jitter=jitter)
    if decision.delay_seconds is None or now.after(decision.delay_seconds) >= run.deadline_ms:
        return None
    return decision.delay_seconds


def _parks(run: Run, delay_seconds: float) -> bool:
    return delay_seconds > VISIBILITY_WAIT_LIMIT_S and not run.belongs_to_caller


def _due_after_failure(run: Run, now: Now, delay_seconds: float) -> int:
    if run.belongs_to_caller:
        return now.after(delay_seconds + SYNC_RETURN_S)
    return now.after(delay_seconds if _parks(run, delay_seconds) else delay_seconds + WAITING_GRACE_S)


def record_crash(
    run: Run, now: Now, *, owner: str, failure: Failure, policy: RetryPolicy, jitter: float
) -> DueDecision:
    """Record the death of the attempt that `owner` invoked; Leave if the row is not that attempt's any more."""
    if run.state is not RunState.RUNNING or run.owner != owner:
        return Leave()
    return fail(run, now, failure, policy, jitter=jitter)


def close_disabled(run: Run, now: Now) -> Close | Update | Leave:
    """Dead-letter a waiting run whose source was disabled or removed; a running attempt ends by itself."""
    if run.is_terminal or run.has_live_lease(now.ms):
        return Leave()
    if run.cancel_asked_at_ms is not None:
        return cancelled(run, now)
    return close(run, now, LetterClass.DISABLED, f"{run.source} is disabled or no longer exists")


def hand_over(run: Run, now: Now) -> Update | Leave:
    """Give a sync task to the queue, because its caller is about to be answered 202.

    Leave if it has ended; one that was to be cancelled ends instead.
    """
    if run.is_terminal:
        return Leave()
    if run.has_live_lease(now.ms):
        due_at_ms = (run.lease_until_ms or 0) + LEASE_MARGIN_S * 1000
        return Update(run.change(nonce=now.nonce, now_ms=now.ms, handed_over=True, due_at_ms=due_at_ms))
    if run.cancel_asked_at_ms is not None:
        return cancelled(run, now)
    # The caller came back, so what it waited for is over: its message must not meet the old back-off.
    return Update(
        run.change(
            nonce=now.nonce,
            now_ms=now.ms,
            handed_over=True,
            capped=False,
            not_before_ms=None,
            due_at_ms=now.after(RESEND_BASE_S),
        )
    )


def decide_due(run: Run, now: Now, *, max_attempts: int) -> DueDecision:
    """Decide what the tick does with a run that stands in its hands: absent (version 0), or due.

    Close (deadline passed, no attempt left), Update (a live lease gets a due time after it; a caller's task is
    abandoned; one that was to be cancelled is), Resend (with the distance to the next one doubled), or Leave
    (terminal, or not due yet).
    """
    if run.is_terminal or (run.due_at_ms or 0) > now.ms:
        return Leave()
    if run.has_live_lease(now.ms):
        due_at_ms = (run.lease_until_ms or 0) + LEASE_MARGIN_S * 1000
        return Update(run.change(nonce=now.nonce, now_ms=now.ms, due_at_ms=due_at_ms))
    if run.cancel_asked_at_ms is not None:
        return cancelled(run, now)
    if run.belongs_to_caller:
        return Update(_abandoned(run, now))
    return close_if_over(run, now, max_attempts) or Resend(queued_again(run, now))


def decide_sweep(run: Run, now: Now, *, max_attempts: int) -> DueDecision:
    """Decide what the sweeper does on its one visit: what already has a due time is found by that."""
    return Leave() if run.due_at_ms is not None else decide_due(run, now, max_attempts=max_attempts)


def _abandoned(run: Run, now: Now) -> Run:
    return run.change(
        nonce=now.nonce,
        now_ms=now.ms,
        **_ENDED,
        state=RunState.ABANDONED,
        finished_at_ms=now.ms,
        history=history_without_claim(run, now),
        error=run.error or "the caller did not come back",
    )


def queued_again(run: Run, now: Now) -> Run:
    """The run with its message on the way once more, and the distance to the next one doubled."""
    # A run that still shows `running` stays so: its expired lease lets the next claim in, and the claim tells the
    # crash. Everything else is queued.
    state = RunState.RUNNING if run.state is RunState.RUNNING else RunState.QUEUED
    distance_seconds = min(RESEND_CAP_S, RESEND_BASE_S * 2.0 ** min(run.resends, 10))
    return run.change(
        nonce=now.nonce,
        now_ms=now.ms,
        state=state,
        paused=False,
        capped=False,
        not_before_ms=None,
        due_at_ms=now.after(distance_seconds),
        resends=run.resends + 1,
    )

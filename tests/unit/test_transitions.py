"""The rules of a run's life, one by one and over random lives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tasks import DAY_MS, NOW_MS, POLICY, an_acceptance
from workerflow.domain.cancelling import cancel, is_cancelled, obstacle_to_retry, retry_now
from workerflow.domain.errors import TaskCancelledError
from workerflow.domain.failure import Failure
from workerflow.domain.holding import park_for_cap, park_for_drain, park_for_pause, release_capped, release_paused
from workerflow.domain.run import HISTORY_KEPT, AttemptResult, LetterClass, Run, RunState
from workerflow.domain.transitions import (
    CANCELLED_WORDS,
    ERROR_KEPT,
    LEASE_MARGIN_S,
    RESEND_BASE_S,
    RESEND_CAP_S,
    SYNC_RETURN_S,
    VISIBILITY_WAIT_LIMIT_S,
    WAITING_GRACE_S,
    Begin,
    Close,
    Leave,
    Now,
    Resend,
    Update,
    Wait,
    close_disabled,
    decide_claim,
    decide_due,
    decide_sweep,
    fail,
    hand_over,
    holds_claim,
    record_crash,
    succeed,
)

MAX_ATTEMPTS = POLICY.max_attempts
RETRYABLE = Failure("retryable", "ConnectionError", "no route to host")
PERMANENT = Failure("permanent", "PermanentError", "no such customer")
CRASH = Failure.by_platform("crash", "ProcessDied", "exit status 1")


def at(seconds: float = 0, nonce: str = "n") -> Now:
    return Now(NOW_MS + round(seconds * 1000), nonce)


def fresh(**changes: Any) -> Run:
    return replace(Run.of_task(an_acceptance()), **changes)


def sync(**changes: Any) -> Run:
    return replace(Run.of_task(an_acceptance(mode="sync")), **changes)


def claim(run: Run, now: Now, *, for_caller: bool = False, owner: str = "owner") -> Any:
    return decide_claim(
        run, now, owner=owner, lease_until_ms=now.ms + 285_000, max_attempts=MAX_ATTEMPTS, for_caller=for_caller
    )


def running(run: Run | None = None, now: Now | None = None) -> Run:
    begun = claim(run or fresh(), now or at())
    assert isinstance(begun, Begin)
    return begun.run


def fail_at(run: Run, now: Now, failure: Failure = RETRYABLE, jitter: float = 0.5) -> Run:
    decision = fail(run, now, failure, POLICY, jitter=jitter)
    return decision.run


class TestClaim:
    def test_a_first_claim_takes_attempt_one_and_touches_no_index(self) -> None:
        run = running()
        assert (run.state, run.attempt, run.version, run.expected_version) == (RunState.RUNNING, 1, 1, None)
        assert run.open_partition is None

    def test_a_live_lease_keeps_everyone_else_out(self) -> None:
        decision = claim(running(), at(284))
        assert decision == Wait(1.0)

    def test_an_expired_lease_lets_the_next_attempt_in_and_tells_the_crash(self) -> None:
        run = running(running(), at(286))
        assert run.attempt == 2
        assert [attempt.result for attempt in run.history] == [AttemptResult.CRASH]

    def test_an_expired_lease_of_the_last_attempt_closes_the_run(self) -> None:
        run = replace(running(), attempt=MAX_ATTEMPTS)
        decision = claim(run, at(286))
        assert isinstance(decision, Close)
        assert decision.run.letter_class is LetterClass.CRASH

    @pytest.mark.parametrize("state", [state for state in RunState if state.is_terminal])
    def test_a_terminal_run_is_left_alone(self, state: RunState) -> None:
        assert claim(fresh(state=state), at()) == Leave()

    def test_nothing_begins_after_the_deadline(self) -> None:
        decision = claim(fresh(), at(DAY_MS / 1000))
        assert isinstance(decision, Close)
        assert decision.run.letter_class is LetterClass.EXPIRED

    def test_a_parked_run_is_left_to_the_tick_until_its_time_has_come(self) -> None:
        parked = fail_at(running(), at(1), replace(RETRYABLE, retry_after_seconds=3600.0))
        assert parked.state is RunState.PARKED
        assert claim(parked, at(3600)) == Leave()
        assert isinstance(claim(parked, at(3601)), Begin)

    def test_a_waiting_run_is_claimed_when_its_time_has_come_and_not_sooner(self) -> None:
        waiting = fail_at(running(), at(1), jitter=0.5)
        assert waiting.not_before_ms == at(2).ms
        assert claim(waiting, at(1.5)) == Wait(1.0)
        assert isinstance(claim(waiting, at(2)), Begin)

    def test_a_callers_next_call_runs_now_whatever_the_back_off_said(self) -> None:
        waiting = fail_at(running(sync()), at(1))
        assert isinstance(claim(waiting, at(1.1), for_caller=True), Begin)

    def test_a_run_that_left_the_success_path_keeps_a_due_time_after_its_lease(self) -> None:
        again = running(fail_at(running(), at(1)), at(10))
        assert again.due_at_ms == (again.lease_until_ms or 0) + LEASE_MARGIN_S * 1000

    def test_a_run_whose_policy_was_cut_below_its_attempts_is_exhausted(self) -> None:
        decision = claim(fresh(attempt=7, state=RunState.QUEUED), at())
        assert isinstance(decision, Close)
        assert decision.run.letter_class is LetterClass.EXHAUSTED


class TestFinish:
    def test_success_is_terminal_and_leaves_every_index(self) -> None:
        run = succeed(running(), at(1), output=b"{}", has_output_item=False).run
        assert (run.state, run.open_partition, run.finished_at_ms) == (RunState.SUCCEEDED, None, at(1).ms)

    def test_only_the_worker_of_the_claim_may_record(self) -> None:
        first = running(now=at(nonce="first"))
        second = running(first, at(286, nonce="second"))
        assert holds_claim(first, attempt=1, claim="first")
        assert not holds_claim(second, attempt=1, claim="first")
        assert holds_claim(second, attempt=2, claim="second")

    def test_a_permanent_failure_closes_at_once(self) -> None:
        decision = fail(running(), at(1), PERMANENT, POLICY, jitter=0.5)
        assert isinstance(decision, Close)
        assert decision.run.letter_class is LetterClass.HANDLER_ERROR

    @pytest.mark.parametrize(
        ("failure", "letter_class"),
        [
            (RETRYABLE, LetterClass.EXHAUSTED),
            (CRASH, LetterClass.CRASH),
            (Failure.by_platform("timeout", "HandlerTimeout", ""), LetterClass.TIMEOUT),
        ],
    )
    def test_the_last_attempts_failure_names_the_letter(self, failure: Failure, letter_class: LetterClass) -> None:
        run = replace(running(), attempt=MAX_ATTEMPTS)
        decision = fail(run, at(1), failure, POLICY, jitter=0.5)
        assert isinstance(decision, Close)
        assert decision.run.letter_class is letter_class

    def test_a_short_wait_keeps_the_message_and_is_found_if_it_gets_lost(self) -> None:
        run = fail_at(running(), at(0))
        assert run.state is RunState.WAITING
        assert run.due_at_ms == (run.not_before_ms or 0) + WAITING_GRACE_S * 1000

    def test_a_long_wait_is_parked_until_its_time(self) -> None:
        failure = replace(RETRYABLE, retry_after_seconds=VISIBILITY_WAIT_LIMIT_S + 1)
        run = fail_at(running(), at(0), failure)
        assert run.state is RunState.PARKED
        assert run.due_at_ms == run.not_before_ms == at(VISIBILITY_WAIT_LIMIT_S + 1).ms

    def test_a_wait_beyond_the_deadline_is_no_wait(self) -> None:
        failure = replace(RETRYABLE, retry_after_seconds=DAY_MS / 1000)
        decision = fail(running(), at(1), failure, POLICY, jitter=0)
        assert isinstance(decision, Close)

    def test_a_callers_task_waits_for_the_caller_and_is_never_parked(self) -> None:
        failure = replace(RETRYABLE, retry_after_seconds=VISIBILITY_WAIT_LIMIT_S + 1)
        run = fail_at(running(sync()), at(0), failure)
        assert run.state is RunState.WAITING
        assert run.due_at_ms == at(VISIBILITY_WAIT_LIMIT_S + 1 + SYNC_RETURN_S).ms

    def test_the_history_is_short_and_keeps_the_newest(self) -> None:
        run = replace(running(), history=())
        for number in range(HISTORY_KEPT + 3):
            run = replace(run, attempt=number + 1)
            run = replace(run, history=run.with_attempt(AttemptResult.RETRYABLE, NOW_MS))
        assert [attempt.number for attempt in run.history] == list(range(4, HISTORY_KEPT + 4))


class TestCrash:
    def test_only_the_owner_of_the_attempt_records_its_crash(self) -> None:
        run = running()
        assert record_crash(run, at(1), owner="other", failure=CRASH, policy=POLICY, jitter=0) == Leave()
        recorded = record_crash(run, at(1), owner="owner", failure=CRASH, policy=POLICY, jitter=0)
        assert isinstance(recorded, Update)
        assert recorded.run.history[-1].result is AttemptResult.CRASH

    def test_a_recorded_outcome_is_no_crash(self) -> None:
        done = succeed(running(), at(1), output=None, has_output_item=False).run
        assert record_crash(done, at(2), owner="owner", failure=CRASH, policy=POLICY, jitter=0) == Leave()


class TestTick:
    def test_a_task_that_never_started_is_sent_again_and_gets_a_due_time(self) -> None:
        decision = decide_sweep(fresh(), at(300), max_attempts=MAX_ATTEMPTS)
        assert isinstance(decision, Resend)
        assert decision.run.due_at_ms == at(300 + RESEND_BASE_S).ms

    def test_a_live_first_lease_gets_a_due_time_after_it(self) -> None:
        decision = decide_sweep(running(now=at(200)), at(300), max_attempts=MAX_ATTEMPTS)
        assert isinstance(decision, Update)
        assert decision.run.due_at_ms == at(200 + 285 + LEASE_MARGIN_S).ms

    def test_a_run_with_a_due_time_is_not_the_sweepers(self) -> None:
        assert decide_sweep(fail_at(running(), at(1)), at(300), max_attempts=MAX_ATTEMPTS) == Leave()

    def test_the_distance_between_resends_doubles_up_to_its_cap(self) -> None:
        run, distances = fresh(), []
        for _ in range(7):
            now = Now(run.due_at_ms or NOW_MS, "n")
            decision = decide_due(run, now, max_attempts=MAX_ATTEMPTS)
            assert isinstance(decision, Resend)
            run = decision.run
            distances.append(((run.due_at_ms or 0) - now.ms) / 1000)
        assert distances == [120, 240, 480, 960, 1920, 3600, 3600]
        assert max(distances) == RESEND_CAP_S

    def test_a_callers_task_without_a_lease_is_abandoned_never_executed(self) -> None:
        decision = decide_sweep(sync(), at(300), max_attempts=MAX_ATTEMPTS)
        assert isinstance(decision, Update)
        assert decision.run.state is RunState.ABANDONED

    def test_a_handed_over_task_is_sent_like_any_other(self) -> None:
        handed = hand_over(sync(), at(28))
        assert isinstance(handed, Update)
        assert isinstance(decide_due(handed.run, at(28 + RESEND_BASE_S), max_attempts=MAX_ATTEMPTS), Resend)

    def test_a_hand_over_during_the_attempt_keeps_the_workers_claim(self) -> None:
        run = running(sync())
        handed = hand_over(run, at(28))
        assert isinstance(handed, Update)
        assert holds_claim(handed.run, attempt=run.attempt, claim=run.claim or "")
        assert not handed.run.belongs_to_caller

    def test_a_hand_over_of_an_ended_run_changes_nothing(self) -> None:
        assert hand_over(fresh(state=RunState.SUCCEEDED), at(28)) == Leave()


class TestDisabling:
    def test_disabling_dead_letters_what_waits_and_lets_what_runs_end(self) -> None:
        closed = close_disabled(fresh(), at(1))
        assert isinstance(closed, Close)
        assert closed.run.letter_class is LetterClass.DISABLED
        assert close_disabled(running(), at(1)) == Leave()


class TestDrain:
    def test_a_terminal_runs_message_may_go(self) -> None:
        assert park_for_drain(fresh(state=RunState.FAILED), at(), max_attempts=MAX_ATTEMPTS) == Leave()

    def test_a_live_leases_message_stays(self) -> None:
        assert isinstance(park_for_drain(running(), at(1), max_attempts=MAX_ATTEMPTS), Wait)

    def test_a_task_with_attempts_left_is_parked(self) -> None:
        decision = park_for_drain(fresh(), at(1), max_attempts=MAX_ATTEMPTS)
        assert isinstance(decision, Update)
        assert decision.run.due_at_ms == at(1 + RESEND_BASE_S).ms

    def test_one_without_is_closed_as_the_platforms_fault(self) -> None:
        run = replace(running(), attempt=MAX_ATTEMPTS)
        decision = park_for_drain(run, at(286), max_attempts=MAX_ATTEMPTS)
        assert isinstance(decision, Close)
        assert decision.run.letter_class is LetterClass.PLATFORM


class TestCancel:
    def test_what_has_no_live_lease_is_over_at_once(self) -> None:
        for run in (fresh(), sync(), fail_at(running(), at(1)), running()):
            decision = cancel(run, at(286))
            assert isinstance(decision, Update)
            assert (decision.run.state, decision.run.finished_at_ms) == (RunState.CANCELLED, at(286).ms)
            assert (decision.run.due_at_ms, decision.run.letter_class) == (None, None)

    def test_what_has_one_is_marked_and_found_after_its_lease(self) -> None:
        decision = cancel(running(), at(1))
        assert isinstance(decision, Update)
        run = decision.run
        assert (run.state, run.cancel_asked_at_ms) == (RunState.RUNNING, at(1).ms)
        assert run.due_at_ms == (run.lease_until_ms or 0) + LEASE_MARGIN_S * 1000
        assert cancel(run, at(2)) == Leave()

    @pytest.mark.parametrize("state", [state for state in RunState if state.is_terminal])
    def test_what_has_ended_stays_so(self, state: RunState) -> None:
        assert cancel(fresh(state=state), at()) == Leave()

    def test_the_marks_worker_and_nobody_else_is_to_end(self) -> None:
        marked = replace(running(), cancel_asked_at_ms=1)
        assert is_cancelled(marked, 1)
        assert is_cancelled(replace(marked, state=RunState.CANCELLED), 2)
        assert not any(is_cancelled(run, 1) for run in (None, running(), replace(marked, attempt=2)))

    def test_a_handler_that_gives_up_unasked_has_failed(self) -> None:
        gives_up = Failure.from_exception(TaskCancelledError("by itself"))
        decision = fail(running(), at(1), gives_up, POLICY, jitter=0.5)
        assert isinstance(decision, Close)
        assert decision.run.letter_class is LetterClass.HANDLER_ERROR
        assert decision.run.history[-1].result is AttemptResult.CANCELLED

    def test_the_last_failure_is_told_with_it_and_kept_short(self) -> None:
        waiting = fail_at(running(), at(1), replace(RETRYABLE, message="x" * 500))
        decision = cancel(waiting, at(2))
        assert isinstance(decision, Update)
        assert (decision.run.error or "").startswith(f"{CANCELLED_WORDS}, after ConnectionError: x")
        assert len(decision.run.error or "") == ERROR_KEPT


class TestRetryNow:
    def test_what_waits_for_its_time_does_not_any_more(self) -> None:
        decision = retry_now(fail_at(running(), at(1)), at(2))
        assert isinstance(decision, Resend)
        run = decision.run
        assert (run.state, run.not_before_ms, run.resends) == (RunState.QUEUED, None, 0)
        assert run.due_at_ms == at(2 + RESEND_BASE_S).ms
        assert isinstance(claim(run, at(3)), Begin)

    def test_of_several_obstacles_the_first_is_told(self) -> None:
        run = fresh(state=RunState.PARKED, paused=True, deadline_ms=0)
        assert obstacle_to_retry(run, at()) == "paused"
        assert retry_now(run, at()) == Leave()


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("claim", "succeed", "retry", "permanent", "crash", "due", "sweep"),
                *("pause", "resume", "cap", "uncap", "drain", "disable", "hand_over"),
                *("cancel", "retry_now"),
            ]
        ),
        st.floats(min_value=0, max_value=4000, allow_nan=False),
    ),
    max_size=40,
)


def step(run: Run, event: str, now: Now) -> Run:
    """Apply one event as its writer would; the row unchanged where the decision writes nothing."""
    mine = run.state is RunState.RUNNING
    decisions: dict[str, Callable[[], Any]] = {
        "claim": lambda: claim(run, now),
        "succeed": lambda: succeed(run, now, output=None, has_output_item=False) if mine else Leave(),
        "retry": lambda: fail(run, now, RETRYABLE, POLICY, jitter=0.9) if mine else Leave(),
        "permanent": lambda: fail(run, now, PERMANENT, POLICY, jitter=0.9) if mine else Leave(),
        "crash": lambda: record_crash(run, now, owner="owner", failure=CRASH, policy=POLICY, jitter=0.9),
        "due": lambda: decide_due(run, now, max_attempts=MAX_ATTEMPTS),
        "sweep": lambda: decide_sweep(run, now, max_attempts=MAX_ATTEMPTS),
        "pause": lambda: park_for_pause(run, now),
        "resume": lambda: release_paused(run, now, max_attempts=MAX_ATTEMPTS),
        "cap": lambda: park_for_cap(run, now, max_attempts=MAX_ATTEMPTS, for_caller=False),
        "uncap": lambda: release_capped(run, now, max_attempts=MAX_ATTEMPTS),
        "drain": lambda: park_for_drain(run, now, max_attempts=MAX_ATTEMPTS),
        "disable": lambda: close_disabled(run, now),
        "hand_over": lambda: hand_over(run, now),
        "cancel": lambda: cancel(run, now),
        "retry_now": lambda: retry_now(run, now),
    }
    decision = decisions[event]()
    return run if isinstance(decision, Leave | Wait) else decision.run


@given(EVENTS, st.booleans())
def test_in_every_life_terminal_is_final_and_what_is_open_will_be_found(
    events: list[tuple[str, float]], is_sync: bool
) -> None:
    run, now = (sync() if is_sync else fresh()), at()
    for event, seconds in events:
        now = Now(now.ms + round(seconds * 1000), "n")
        before, run = run, step(run, event, now)
        if before.is_terminal:
            assert run is before, "a terminal run was changed"
        if run is before:
            continue
        assert run.version == before.version + 1
        assert run.attempt <= MAX_ATTEMPTS
        assert run.is_terminal or run.has_live_lease(now.ms) or run.due_at_ms is not None, f"lost after {event}"
        assert run.due_at_ms is None or not run.is_terminal
        assert (run.letter_class is not None and run.state is RunState.FAILED) or run.letter_class is None
        if before.cancel_asked_at_ms is not None:
            assert run.state in {RunState.RUNNING, RunState.SUCCEEDED, RunState.CANCELLED}, f"revived by {event}"
            assert (run.attempt, run.cancel_asked_at_ms) == (before.attempt, before.cancel_asked_at_ms)
        assert (run.state is RunState.CANCELLED) <= (run.cancel_asked_at_ms is not None)

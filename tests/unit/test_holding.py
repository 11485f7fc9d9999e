"""What is put aside waits apart, until its source is resumed or a place is free, and at most until its deadline."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.tasks import NOW_MS, POLICY, an_acceptance
from workerflow.domain.holding import COMES_BACK_S, park_for_cap, park_for_pause, release_capped, release_paused
from workerflow.domain.run import AttemptResult, LetterClass, Run, RunState, capped_partition, paused_partition
from workerflow.domain.transitions import (
    RESEND_BASE_S,
    SYNC_RETURN_S,
    Begin,
    Close,
    Leave,
    Now,
    Resend,
    Update,
    Wait,
    decide_claim,
    decide_due,
    decide_sweep,
    hand_over,
)

MAX_ATTEMPTS = POLICY.max_attempts
LEASE_S = 285


def at(seconds: float = 0) -> Now:
    return Now(NOW_MS + round(seconds * 1000), "n")


def fresh(**changes: Any) -> Run:
    return replace(Run.of_task(an_acceptance()), **changes)


def running(run: Run) -> Run:
    lease_until_ms = at(LEASE_S).ms
    begun = decide_claim(
        run, at(), owner="owner", lease_until_ms=lease_until_ms, max_attempts=MAX_ATTEMPTS, for_caller=True
    )
    assert isinstance(begun, Begin)
    return begun.run


def capped(run: Run, now: Now | None = None, *, for_caller: bool = False) -> object:
    return park_for_cap(run, now or at(1), max_attempts=MAX_ATTEMPTS, for_caller=for_caller)


def put_aside(run: Run) -> Run:
    decision = capped(run)
    assert isinstance(decision, Update)
    return decision.run


class TestPause:
    def test_a_paused_task_waits_apart_until_its_deadline(self) -> None:
        decision = park_for_pause(fresh(), at(1))
        assert isinstance(decision, Update)
        assert decision.run.open_partition == paused_partition(
            "default", "route:echo", int(decision.run.trace_id[-2:], 16) % 4
        )
        assert decision.run.due_at_ms == decision.run.deadline_ms

    def test_pausing_does_not_touch_a_running_attempt(self) -> None:
        assert park_for_pause(running(fresh()), at(1)) == Leave()

    def test_parking_twice_writes_once(self) -> None:
        parked = park_for_pause(fresh(), at(1))
        assert isinstance(parked, Update)
        assert park_for_pause(parked.run, at(2)) == Leave()

    def test_resume_sends_it_and_takes_it_out_of_the_paused_partition(self) -> None:
        parked = park_for_pause(fresh(), at(1))
        assert isinstance(parked, Update)
        released = release_paused(parked.run, at(60), max_attempts=MAX_ATTEMPTS)
        assert isinstance(released, Resend)
        assert not released.run.paused
        assert isinstance(running(released.run), Run)

    def test_a_task_that_waits_for_a_place_waits_for_the_resume_from_then_on(self) -> None:
        paused = park_for_pause(put_aside(fresh()), at(2))
        assert isinstance(paused, Update)
        assert (paused.run.paused, paused.run.capped) == (True, False)


class TestCap:
    def test_a_task_without_a_place_waits_apart_until_its_deadline(self) -> None:
        run = put_aside(fresh())
        assert (run.state, run.capped, run.due_at_ms) == (RunState.PARKED, True, run.deadline_ms)
        assert run.open_partition == capped_partition("default", int(run.trace_id[-2:], 16) % 4)

    def test_it_is_no_attempt_and_uses_none_up(self) -> None:
        run = put_aside(fresh())
        assert (run.attempt, run.history, run.resends) == (0, (), 0)

    def test_waiting_twice_writes_once(self) -> None:
        assert capped(put_aside(fresh()), at(2)) == Leave()

    def test_what_cannot_begin_needs_no_place(self) -> None:
        assert capped(fresh(state=RunState.SUCCEEDED)) == Leave()
        assert isinstance(capped(running(fresh())), Wait)
        assert isinstance(capped(fresh(state=RunState.WAITING, not_before_ms=at(30).ms)), Wait)
        assert capped(fresh(state=RunState.PARKED, not_before_ms=at(600).ms)) == Leave()

    @pytest.mark.parametrize(
        ("changes", "letter_class"),
        [
            ({"deadline_ms": NOW_MS}, LetterClass.EXPIRED),
            ({"attempt": MAX_ATTEMPTS}, LetterClass.EXHAUSTED),
            ({"attempt": MAX_ATTEMPTS, "state": RunState.RUNNING, "lease_until_ms": NOW_MS}, LetterClass.CRASH),
        ],
    )
    def test_what_is_over_is_closed_as_it_is_by_a_claim(
        self, changes: dict[str, Any], letter_class: LetterClass
    ) -> None:
        decision = capped(fresh(**changes))
        assert isinstance(decision, Close)
        assert decision.run.letter_class is letter_class

    def test_an_attempt_that_died_is_told_before_the_next_one_waits(self) -> None:
        parked = capped(running(fresh()), at(LEASE_S))
        assert isinstance(parked, Update)
        assert [attempt.result for attempt in parked.run.history] == [AttemptResult.CRASH]
        assert (parked.run.attempt, parked.run.lease_until_ms) == (1, None)

    def test_a_callers_task_is_his_to_come_back_for_and_is_found_if_he_does_not(self) -> None:
        decision = capped(fresh(mode="sync"), at(0), for_caller=True)
        assert isinstance(decision, Update)
        run = decision.run
        assert (run.state, run.capped, run.due_at_ms) == (RunState.QUEUED, False, at(SYNC_RETURN_S).ms)
        assert decide_sweep(run, at(300), max_attempts=MAX_ATTEMPTS) == Leave()
        abandoned = decide_due(run, at(SYNC_RETURN_S), max_attempts=MAX_ATTEMPTS)
        assert isinstance(abandoned, Update)
        assert abandoned.run.state is RunState.ABANDONED

    def test_he_is_waited_for_from_his_last_call_on_to_the_minute(self) -> None:
        first = capped(fresh(mode="sync"), at(0), for_caller=True)
        assert isinstance(first, Update)
        assert capped(first.run, at(COMES_BACK_S), for_caller=True) == Leave(), "one write a minute"
        later = capped(first.run, at(COMES_BACK_S + 0.001), for_caller=True)
        assert isinstance(later, Update)
        assert later.run.due_at_ms == at(COMES_BACK_S + 0.001 + SYNC_RETURN_S).ms

    def test_what_his_last_attempt_came_to_stays_as_it_is(self) -> None:
        run = fresh(mode="sync", state=RunState.WAITING, not_before_ms=at(30).ms, due_at_ms=at(30).ms, error="why")
        decision = capped(run, for_caller=True)
        assert isinstance(decision, Update)
        assert (decision.run.state, decision.run.not_before_ms, decision.run.error) == (
            RunState.WAITING,
            at(30).ms,
            "why",
        )

    def test_one_that_was_handed_over_waits_like_any_other_whoever_asks(self) -> None:
        handed = hand_over(fresh(mode="sync"), at(1))
        assert isinstance(handed, Update)
        assert isinstance(capped(handed.run, for_caller=True), Update)

    def test_a_released_task_is_queued_with_its_message_on_the_way(self) -> None:
        released = release_capped(put_aside(fresh()), at(60), max_attempts=MAX_ATTEMPTS)
        assert isinstance(released, Resend)
        run = released.run
        assert (run.state, run.capped, run.due_at_ms) == (RunState.QUEUED, False, at(60 + RESEND_BASE_S).ms)

    def test_the_way_to_a_lost_message_does_not_grow_longer_with_every_time_it_waited(self) -> None:
        run = fresh()
        for _ in range(10):
            released = release_capped(put_aside(run), at(60), max_attempts=MAX_ATTEMPTS)
            assert isinstance(released, Resend)
            run = released.run
        assert (run.resends, run.due_at_ms) == (0, at(60 + RESEND_BASE_S).ms)

    def test_only_what_waits_for_a_place_is_released(self) -> None:
        for run in (fresh(), running(fresh()), replace(put_aside(fresh()), capped=False)):
            assert release_capped(run, at(60), max_attempts=MAX_ATTEMPTS) == Leave()

    def test_what_waited_too_long_is_closed_as_expired(self) -> None:
        run = put_aside(fresh())
        closed = release_capped(run, Now(run.deadline_ms, "n"), max_attempts=MAX_ATTEMPTS)
        assert isinstance(closed, Close)
        assert (closed.run.letter_class, closed.run.capped) == (LetterClass.EXPIRED, False)

    def test_a_claim_takes_it_out_of_its_partition(self) -> None:
        assert not running(put_aside(fresh())).capped

    def test_a_hand_over_does_too_so_that_its_message_is_found(self) -> None:
        handed = hand_over(put_aside(fresh(mode="sync", handed_over=True)), at(28))
        assert isinstance(handed, Update)
        assert not handed.run.capped
        assert isinstance(decide_due(handed.run, at(28 + RESEND_BASE_S), max_attempts=MAX_ATTEMPTS), Resend)

    def test_the_sweeper_passes_it(self) -> None:
        assert decide_sweep(put_aside(fresh()), at(600), max_attempts=MAX_ATTEMPTS) == Leave()

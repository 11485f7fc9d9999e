"""The compare-and-swap loop: it decides again on the row that won, a bounded number of times."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.services.wired import Wired, message_of
from workerflow.domain.dead_letter import LetterState
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.run import LetterClass, Run, RunState
from workerflow.domain.transitions import Close, Leave, Now, Update, Wait, close
from workerflow.services.ledger import MAX_TRIES


def cancel(run: Run, now: Now) -> Update | Leave:
    if run.is_terminal:
        return Leave()
    return Update(run.change(nonce=now.nonce, now_ms=now.ms, state=RunState.CANCELLED))


def expire(run: Run, now: Now) -> Close:
    return close(run, now, LetterClass.EXPIRED, "too late")


class TestSettle:
    def test_a_first_write_costs_no_read(self, wired: Wired) -> None:
        task = wired.take()
        settled = wired.ledger.settle(Run.of_task(task), cancel)
        assert wired.memory.calls == ["runs.write"]
        assert settled.run == wired.row(task)
        assert settled.run.state is RunState.CANCELLED

    @pytest.mark.parametrize("decision", [Leave(), Wait(3.0)])
    def test_a_decision_that_writes_nothing_costs_nothing(self, wired: Wired, decision: Leave | Wait) -> None:
        run = Run.of_task(wired.take())
        settled = wired.ledger.settle(run, lambda _run, _now: decision)
        assert (settled.decision, settled.run, wired.memory.calls) == (decision, run, [])

    def test_on_a_conflict_it_decides_again_on_the_row_that_won(self, wired: Wired) -> None:
        task = wired.take()
        done = replace(wired.running(task), state=RunState.SUCCEEDED)
        wired.keep(done)
        settled = wired.ledger.settle(Run.of_task(task), cancel)
        assert (settled.decision, settled.run) == (Leave(), done)
        assert wired.row(task) == done

    def test_every_try_has_a_moment_and_a_nonce_of_its_own(self, wired: Wired) -> None:
        task = wired.take()
        wired.running(task)
        seen: list[Now] = []

        def decide(run: Run, now: Now) -> Update | Leave:
            seen.append(now)
            wired.clock.advance(1)
            return cancel(run, now)

        wired.ledger.settle(Run.of_task(task), decide)
        first, second = seen
        assert second.ms == first.ms + 1000
        assert second.nonce != first.nonce

    def test_a_write_whose_answer_was_lost_is_ones_own_and_not_repeated(self, wired: Wired) -> None:
        task = wired.take()
        wired.runs.between_tries = lambda: None
        settled = wired.ledger.settle(Run.of_task(task), cancel)
        assert isinstance(settled.decision, Update)
        assert wired.row(task).version == 1

    def test_a_row_that_never_stands_still_is_given_up(self, wired: Wired) -> None:
        task = wired.take()
        row = wired.running(task)

        def touch() -> None:
            wired.keep(wired.row(task).change(nonce="other", now_ms=wired.clock.ms))

        wired.meanwhile("runs.write", touch, times=MAX_TRIES)
        with pytest.raises(StoreUnavailableError):
            wired.ledger.settle(row, cancel)
        assert wired.order_of("runs.write") == ["runs.write"] * MAX_TRIES

    def test_one_that_stands_still_in_the_last_moment_is_written(self, wired: Wired) -> None:
        task = wired.take()
        row = wired.running(task)

        def touch() -> None:
            wired.keep(wired.row(task).change(nonce="other", now_ms=wired.clock.ms))

        wired.meanwhile("runs.write", touch, times=MAX_TRIES - 1)
        assert wired.ledger.settle(row, cancel).run.state is RunState.CANCELLED

    def test_a_row_that_vanished_before_the_first_write_is_written_as_the_first(self, wired: Wired) -> None:
        task = wired.take()
        wired.running(task)
        wired.runs.vanishes = True
        settled = wired.ledger.settle(Run.of_task(task), cancel)
        assert (settled.run.state, wired.row(task).version) == (RunState.CANCELLED, 1)

    def test_a_row_that_expired_while_it_was_changed_is_not_raised_from_the_dead(self, wired: Wired) -> None:
        task = wired.take()
        row = wired.running(task)
        wired.meanwhile("runs.write", wired.memory.runs.clear)
        with pytest.raises(StoreUnavailableError):
            wired.ledger.settle(row, cancel)
        assert wired.memory.runs == {}


class TestLetters:
    def test_the_letter_is_written_with_the_terminal_state_or_not_at_all(self, wired: Wired) -> None:
        task = wired.take()
        wired.refuse("runs.write")
        with pytest.raises(StoreUnavailableError):
            wired.ledger.settle(Run.of_task(task), expire, acceptance=task)
        assert (wired.memory.letters, wired.memory.runs) == ({}, {})
        wired.ledger.settle(Run.of_task(task), expire, acceptance=task)
        assert wired.row(task).state is RunState.FAILED
        letter = wired.letter(task)
        assert letter is not None
        assert (letter.state, letter.letter_class, letter.payload) == (
            LetterState.OPEN,
            LetterClass.EXPIRED,
            task.payload,
        )

    def test_who_has_no_acceptance_at_hand_reads_it_once_for_the_letter(self, wired: Wired) -> None:
        task = wired.take()
        wired.ledger.settle(Run.of_task(task), expire)
        assert wired.memory.calls == ["acceptances.get", "runs.write"]
        letter = wired.letter(task)
        assert letter is not None
        assert letter.payload == task.payload

    def test_a_letter_that_lost_against_a_success_is_never_written(self, wired: Wired) -> None:
        task = wired.take()
        row = wired.running(task)
        wired.meanwhile("runs.write", lambda: wired.keep(replace(row, version=2, state=RunState.SUCCEEDED)))

        def decide(run: Run, now: Now) -> Close | Leave:
            return Leave() if run.is_terminal else expire(run, now)

        wired.ledger.settle(row, decide)
        assert wired.memory.letters == {}


class TestAcceptanceAt:
    def test_it_is_one_read_by_the_trace_id_alone(self, wired: Wired) -> None:
        task = wired.take()
        assert wired.ledger.acceptance_at(message_of(task)) == task
        assert wired.memory.calls == ["acceptances.get"]

    def test_an_acceptance_that_is_gone_or_stands_for_a_later_task_is_none(self, wired: Wired) -> None:
        task = wired.take()
        wired.clock.advance(31 * 24 * 3600)
        wired.take()
        assert wired.ledger.acceptance_at(message_of(task)) is None
        wired.memory.acceptances.clear()
        assert wired.ledger.acceptance_at(message_of(task)) is None

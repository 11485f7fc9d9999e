"""Whoever invoked or asked is told how a run stands, and when to look again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.services.wired import LEASE_MS, Wired
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.run import LetterClass, Run, RunState


def told(wired: Wired, run: Run, *, for_caller: bool = False, stored: bool = False) -> Execution:
    return wired.tell_run(run, for_caller=for_caller, stored=stored)


def test_a_running_attempt_is_busy_until_its_lease_ends(wired: Wired) -> None:
    run = wired.running(wired.take())
    assert told(wired, run) == Execution(ExecutionStatus.BUSY, delay_seconds=LEASE_MS / 1000)


def test_for_at_least_a_second_when_it_has_ended_already(wired: Wired) -> None:
    run = wired.running(wired.take())
    wired.clock.advance(LEASE_MS)
    assert told(wired, run) == Execution(ExecutionStatus.BUSY, delay_seconds=1.0)


def test_a_queued_run_is_looked_at_again_shortly(wired: Wired) -> None:
    assert told(wired, wired.queued(wired.take())) == Execution(ExecutionStatus.BUSY, delay_seconds=5.0)


def test_a_waiting_run_says_when_and_why(wired: Wired) -> None:
    row = wired.queued(wired.take())
    run = replace(row, state=RunState.WAITING, not_before_ms=wired.clock.ms + 7_500, error="E: busy")
    assert told(wired, run) == Execution(ExecutionStatus.WAITING, delay_seconds=7.5, error="E: busy")


def test_a_parked_run_says_why_and_not_when_for_the_tick_knows(wired: Wired) -> None:
    row = wired.queued(wired.take())
    run = replace(row, state=RunState.PARKED, not_before_ms=wired.clock.ms + 600_000, error="E: busy")
    assert told(wired, run) == Execution(ExecutionStatus.PARKED, error="E: busy")


@pytest.mark.parametrize("stored", [True, False])
def test_a_failed_run_says_its_class(wired: Wired, stored: bool) -> None:
    row = wired.queued(wired.take())
    run = replace(row, state=RunState.FAILED, letter_class=LetterClass.TIMEOUT, error="E: late")
    expected = Execution(ExecutionStatus.FAILED, stored=stored, letter_class=LetterClass.TIMEOUT, error="E: late")
    assert told(wired, run, stored=stored) == expected


def test_an_output_is_read_for_a_caller_only(wired: Wired) -> None:
    run = replace(wired.queued(wired.take()), state=RunState.SUCCEEDED, output=b"{}")
    assert told(wired, run).output is None
    assert told(wired, run, for_caller=True).output == b"{}"

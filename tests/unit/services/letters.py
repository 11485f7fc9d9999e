"""Dead letters that tests need by the dozen, with their ended runs and acceptances, without running anything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.runs import A_FAILURE
from tests.unit.services.wired import TENANT, Wired
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.run import LetterClass, Run, RunState
from workerflow.domain.task import Acceptance


def a_letter(wired: Wired, key: str, **changes: Any) -> DeadLetter:
    """The letter of a task that was accepted a second ago, and has failed now. `changes` are the letter's."""
    tenant, source = changes.get("tenant", TENANT), changes.get("source", "route:echo")
    task = wired.take(key, tenant=tenant, source=source, accepted_at_ms=wired.clock.ms - 1_000)
    letter_class = changes.pop("letter_class", LetterClass.HANDLER_ERROR)
    run = wired.keep(failed_run(task, wired.clock.ms, letter_class))
    letter = replace(DeadLetter.of_failed_run(run, A_FAILURE, task), **changes)
    wired.memory.letters[tenant, task.trace_id] = letter
    return letter


def failed_run(task: Acceptance, now_ms: int, letter_class: LetterClass = LetterClass.HANDLER_ERROR) -> Run:
    """The row of a task that failed now."""
    return Run.of_task(task).change(
        nonce="f" * 16,
        now_ms=now_ms,
        state=RunState.FAILED,
        attempt=1,
        finished_at_ms=now_ms,
        letter_class=letter_class,
    )


def some_letters(wired: Wired, number: int, **changes: Any) -> list[DeadLetter]:
    """Letters of tasks that failed one after another, a millisecond apart."""
    letters = []
    for _ in range(number):
        letters.append(a_letter(wired, f"key-{len(wired.memory.letters)}", **changes))
        wired.clock.advance(0.001)
    return letters

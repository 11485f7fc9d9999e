"""A bulk replay of 10,000 dead letters, in a world where ticks die, meet, and lose answers.

seeded ---> counted (dry run) ---> started ---> tick, tick (dies), tick and tick at once, ... ---> done
            10,000                                                                             10,000, each once
"""

# ruff: noqa: S311 - chance is no secret here, and the same in every run

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from random import Random

import pytest

from tests.unit.services.letters import some_letters
from tests.unit.services.wired import TENANT, Wired, a_budget
from workerflow.domain.bulk import BATCH, BulkAction, BulkJob, BulkState, LetterFilter
from workerflow.domain.dead_letter import LetterState
from workerflow.domain.errors import PlatformError, StoreUnavailableError
from workerflow.domain.run import RunState
from workerflow.domain.task import Acceptance
from workerflow.services.bulk_jobs import BulkJobOrder, BulkOrder
from workerflow.services.tick import BULK_LETTERS

LETTERS = 10_000
EXECUTED = 200
ACTOR = "ops (token 7)"


class Killed(BaseException):
    """The process ended there and then."""


@dataclass
class Chaos:
    """Strikes some of the calls of a store: kills, refuses, loses the answer, lets another tick come in between."""

    wired: Wired
    chance: Random
    every: int
    struck: Counter[str]
    is_nested: bool = False

    def attach(self) -> None:
        self.wired.memory.before, self.wired.memory.after = self.before, self.after

    def detach(self) -> None:
        self.wired.memory.before = self.wired.memory.after = lambda _name: None

    def before(self, _name: str) -> None:
        if self._strikes():
            self._strike(self.chance.choice(("killed before", "refused", "met")))

    def after(self, _name: str) -> None:
        if self._strikes():
            self._strike(self.chance.choice(("killed after", "lost")))

    def _strikes(self) -> bool:
        return self.chance.random() * self.every < 1

    def _strike(self, how: str) -> None:
        self.struck[how] += 1
        if how.startswith("killed"):
            raise Killed(how)
        if how != "met":
            raise StoreUnavailableError(how)
        if not self.is_nested:
            self.is_nested = True
            with suppress(Killed, PlatformError):
                tick(self.wired)
            self.is_nested = False


def tick(wired: Wired) -> None:
    wired.work_bulk(a_budget(wired, resends=BULK_LETTERS))


def start(wired: Wired, action: BulkAction = BulkAction.REPLAY) -> BulkJob:
    counted = wired.count_bulk(BulkOrder(TENANT, action, LetterFilter(), "the provider is back", ACTOR))
    job = wired.start_bulk(BulkJobOrder(TENANT, counted.job_id, ACTOR))
    assert isinstance(job, BulkJob)
    return job


def now(wired: Wired, job: BulkJob) -> BulkJob:
    return wired.memory.bulk_jobs[TENANT, job.job_id]


def work_to_the_end(wired: Wired, job: BulkJob) -> int:
    """Tick until the job is at its end; the number of ticks."""
    for number in range(1, 500):
        with suppress(Killed, PlatformError):
            tick(wired)
        if now(wired, job).state.is_terminal:
            return number
        wired.clock.advance(60)
    raise AssertionError(f"the job never ends: {now(wired, job)}")


def children(wired: Wired) -> Iterator[Acceptance]:
    return (one for one in wired.memory.acceptances.values() if one.lineage is not None)


def audited(wired: Wired, action: str) -> int:
    return sum(event.action == action for event in wired.memory.audit.values())


@pytest.mark.slow
def test_ten_thousand_letters_are_replayed_once_each_whatever_happens_to_the_ticks() -> None:
    wired = Wired()
    letters = some_letters(wired, LETTERS)
    job = start(wired)
    assert (job.matched, job.is_exact) == (LETTERS, True)
    chaos = Chaos(wired, Random(4), every=1_500, struck=Counter())
    chaos.attach()
    ticks = work_to_the_end(wired, job)
    chaos.detach()
    done = now(wired, job)
    assert (done.state, done.succeeded, done.refused) == (BulkState.DONE, job.matched, {})
    parents = Counter(child.lineage.parent for child in children(wired) if child.lineage is not None)
    assert parents == Counter(letter.trace_id for letter in letters)
    assert len(wired.memory.lineage) == audited(wired, "run.replayed") == LETTERS
    assert audited(wired, "bulk.done") == 1
    assert min(chaos.struck.values()) >= 3
    assert len(chaos.struck) == 5
    assert ticks >= LETTERS / BULK_LETTERS
    _execute_some(wired)


def _execute_some(wired: Wired) -> None:
    """Some children run to their success, and their parents' letters are resolved by that."""
    ran = list(children(wired))[:EXECUTED]
    for child in ran:
        wired.run_once(child)
    assert {wired.row(child).state for child in ran} == {RunState.SUCCEEDED}
    states = Counter(letter.state for letter in wired.memory.letters.values())
    assert states == {LetterState.RESOLVED: EXECUTED, LetterState.REPLAYED: LETTERS - EXECUTED}
    parents = {child.lineage.parent for child in ran if child.lineage is not None}
    resolved = {one.trace_id for one in wired.memory.letters.values() if one.state is LetterState.RESOLVED}
    assert resolved == parents


@pytest.mark.parametrize("action", BulkAction)
@pytest.mark.parametrize("seed", range(6))
def test_smaller_jobs_end_alike_in_a_wilder_world(seed: int, action: BulkAction) -> None:
    wired = Wired()
    letters = some_letters(wired, 2 * BATCH + seed)
    job = start(wired, action)
    chaos = Chaos(wired, Random(seed), every=300, struck=Counter())
    chaos.attach()
    work_to_the_end(wired, job)
    chaos.detach()
    done = now(wired, job)
    assert (done.state, done.succeeded, done.refused) == (BulkState.DONE, len(letters), {})
    assert len(wired.memory.lineage) == (len(letters) if action is BulkAction.REPLAY else 0)
    assert audited(wired, "bulk.done") == 1
    assert audited(wired, "run.replayed") + audited(wired, "letter.resolved") == len(letters)


@pytest.mark.parametrize("seed", range(6))
def test_an_abort_at_any_moment_is_heard_within_one_batch(seed: int) -> None:
    wired = Wired()
    some_letters(wired, 5 * BATCH)
    job = start(wired)
    chance = Random(seed)
    left = chance.randrange(2_000)

    def abort(_name: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            wired.memory.before = lambda _name: None
            aborted = wired.abort_bulk(BulkJobOrder(TENANT, job.job_id, ACTOR))
            assert isinstance(aborted, BulkJob)
            replayed_by_then.append(len(wired.memory.lineage))

    replayed_by_then: list[int] = []
    wired.memory.before = abort
    tick(wired)
    [by_then] = replayed_by_then
    assert by_then <= len(wired.memory.lineage) <= by_then + BATCH
    assert (now(wired, job).state, now(wired, job).succeeded) == (BulkState.ABORTED, len(wired.memory.lineage))
    tick(wired)
    assert now(wired, job).succeeded == len(wired.memory.lineage)

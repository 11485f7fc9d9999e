"""Whatever walks meets each entry that can be read once, and no other holds it up: by chance, page by page."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from tests.unit.services.letters import some_letters
from tests.unit.services.wired import TENANT, Wired, a_budget, message_of
from workerflow.domain.bulk import BulkAction, BulkJob, BulkState, LetterFilter
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.error_group import BEHIND_SECONDS
from workerflow.domain.errors import RetryableError
from workerflow.domain.rollup import ALL_SOURCES, Span
from workerflow.domain.task import Acceptance
from workerflow.services import group_errors, roll_up, sweep, work_bulk
from workerflow.services.bulk_jobs import BulkJobOrder, BulkOrder
from workerflow.services.group_errors import EVERY_MINUTES
from workerflow.services.sweep import GRACE_S

ROUNDS = 60
"""More than any walk here needs, however little it may do at once."""
NUMBER = 24

seeds = pytest.mark.parametrize("seed", range(12))


def some_of(chance: Random, number: int) -> set[int]:
    return set(chance.sample(range(number), chance.choice([0, 2, number // 2, number - 1])))


def letters_of(wired: Wired, chance: Random) -> tuple[list[DeadLetter], list[DeadLetter]]:
    """Those that can be read, and those that cannot."""
    made = [some_letters(wired, 1, fingerprint=chance.choice("abcde") * 16)[0] for _ in range(NUMBER)]
    spoilt = some_of(chance, NUMBER)
    wired.memory.spoilt |= {("letters", TENANT, made[number].trace_id) for number in spoilt}
    return [one for n, one in enumerate(made) if n not in spoilt], [made[number] for number in spoilt]


def tasks_of(wired: Wired, chance: Random) -> tuple[list[Acceptance], int]:
    """Those that can be read, and how many cannot."""
    made = []
    for number in range(NUMBER):
        made.append(wired.take(f"key-{number}"))
        wired.clock.ms += chance.randrange(3)
    spoilt = some_of(chance, NUMBER)
    wired.memory.spoilt |= {("acceptances", TENANT, made[number].key_hash) for number in spoilt}
    return [one for n, one in enumerate(made) if n not in spoilt], len(spoilt)


def a_chance(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - the same in every run


@seeds
def test_the_sweeper_sends_each_task_once(wired: Wired, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance = a_chance(seed)
    monkeypatch.setattr(sweep, "PAGE", chance.randrange(1, 6))
    readable, unreadable = tasks_of(wired, chance)
    wired.clock.advance(GRACE_S + 1)
    for _ in range(ROUNDS):
        wired.sweep([TENANT], a_budget(wired, resends=chance.randrange(1, 5)))
    assert Counter(wired.queue.messages) == Counter(map(message_of, readable))
    assert wired.signals.counts["UnreadableRow"] == unreadable


@seeds
def test_the_rollup_counts_each_task_once(wired: Wired, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance = a_chance(seed)
    monkeypatch.setattr(roll_up, "PAGE", chance.randrange(1, 6))
    wired.clock.ms = Span.HOUR.start_of(wired.clock.ms)
    start_ms = wired.clock.ms
    readable, _ = tasks_of(wired, chance)
    wired.clock.ms = start_ms + Span.QUARTER.ms
    end_ms = wired.clock.ms
    wired.meanwhile("runs.get_many", lambda: wired.clock.advance(1), times=10**6)
    service = roll_up.RollUp(
        acceptances=wired.world.acceptances,
        runs=wired.runs,
        rollups=wired.world.rollups,
        clock=wired.clock,
        pages_a_keep=chance.randrange(1, 4),
    )
    for _ in range(ROUNDS):
        try:
            service(TENANT, due_at_ms=end_ms, until_ms=wired.clock.ms + chance.randrange(1_000, 5_000))
        except RetryableError:
            continue
        break
    counted = wired.memory.rollups.get((TENANT, Span.QUARTER.value, start_ms, ALL_SOURCES))
    assert (counted.tasks if counted else 0) == len(readable)


@seeds
def test_the_walk_over_errors_counts_each_letter_once(wired: Wired, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance = a_chance(seed)
    monkeypatch.setattr(group_errors, "PAGE", chance.randrange(1, 9))
    monkeypatch.setattr(group_errors, "GROUPS_PER_WRITE", chance.randrange(1, 4))
    readable, unreadable = letters_of(wired, chance)
    wired.clock.advance(BEHIND_SECONDS + 1)
    for _ in range(ROUNDS):
        wired.clock.ms += -wired.clock.ms % (EVERY_MINUTES * 60_000)
        wired.meanwhile("replays.list_letters", lambda: wired.clock.advance(chance.choice([0, 30])))
        wired.group_errors((TENANT,), a_budget(wired, seconds=20))
        wired.clock.advance(1)
    groups = {name: group.count for (_, name), group in wired.memory.error_groups.items()}
    assert groups == Counter(letter.fingerprint for letter in readable)
    assert wired.signals.counts["UnreadableRow"] == len(unreadable)


@seeds
def test_a_bulk_job_deals_with_each_letter_once(wired: Wired, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance = a_chance(seed)
    batch = chance.randrange(1, 6)
    for name, value in (
        ("BATCH", batch),
        ("PAGE", chance.randrange(1, 9)),
        ("ENTRIES_A_BATCH", chance.randrange(2, 9)),
    ):
        monkeypatch.setattr(work_bulk, name, value)
    readable, unreadable = letters_of(wired, chance)
    meant = LetterFilter(fingerprint=chance.choice([None, "a" * 16]))
    fitting = [one for one in readable if meant.fingerprint in {None, one.fingerprint}]
    job = wired.count_bulk(BulkOrder(TENANT, BulkAction.RESOLVE, meant, "mended", "ops"))
    assert isinstance(wired.start_bulk(BulkJobOrder(TENANT, job.job_id, "ops")), BulkJob)
    for _ in range(ROUNDS):
        wired.work_bulk(a_budget(wired, resends=chance.randrange(1, 5)))
    done = wired.memory.bulk_jobs[TENANT, job.job_id]
    assert (done.state, done.succeeded) == (BulkState.DONE, len(fitting))
    assert done.refused == ({"integrity": len(unreadable)} if unreadable else {})
    assert wired.signals.counts["UnreadableRow"] == len(unreadable)

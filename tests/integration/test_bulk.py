"""Bulk jobs on the functions as they are wired, on moto: two batches, a tick that dies, two at once, and an abort."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.support.aws import AwsWorld
from tests.support.faults import Call, Fault, ProcessDied
from tests.support.runs import A_FAILURE
from tests.support.tasks import an_acceptance
from tests.support.world import MINUTE_MS, World, moto_world
from tests.unit.services.letters import failed_run
from workerflow.domain.bulk import BATCH, BulkAction, BulkJob, BulkState, LetterFilter
from workerflow.domain.dead_letter import DeadLetter, LetterState
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.run import RunState
from workerflow.services import work_bulk
from workerflow.services.bulk_jobs import BulkJobOrder, BulkOrder

LETTERS = BATCH + 40
ACTOR = "ops (token 7)"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsWorld]:
    with moto_world() as aws:
        yield aws


@pytest.fixture
def world(aws: AwsWorld) -> World:
    return _with_letters(aws, LETTERS)


def _with_letters(aws: AwsWorld, number: int) -> World:
    world = World(aws)
    for one in range(number):
        _leave_a_letter(world, one)
    world.clock.ms += MINUTE_MS
    return world


def _leave_a_letter(world: World, number: int) -> None:
    failed_ms = world.clock.ms + number
    task = an_acceptance(f"key-{number}", source="route:work", accepted_at_ms=failed_ms - 1_000)
    run = failed_run(task, failed_ms)
    world.kept.leave_failure(task, run, DeadLetter.of_failed_run(run, A_FAILURE, task))


def _start(world: World, action: BulkAction = BulkAction.REPLAY) -> BulkJob:
    order = BulkOrder(DEFAULT_TENANT, action, LetterFilter(source="route:work"), "the provider is back", ACTOR)
    job = world.processes.start_bulk(_of(world.processes.count_bulk(order)))
    assert isinstance(job, BulkJob)
    assert (job.matched, job.is_exact) == (len(world.kept.letters()), True)
    return job


def _of(job: BulkJob) -> BulkJobOrder:
    return BulkJobOrder(DEFAULT_TENANT, job.job_id, ACTOR)


def _tick(world: World) -> None:
    world.clock.ms += MINUTE_MS
    world.tick()


def _now(world: World) -> BulkJob:
    [job] = world.kept.bulk_jobs()
    return job


def _replays(world: World) -> Counter[str]:
    return Counter(entry.parent for entry in world.kept.lineage())


def _assert_done(world: World, job: BulkJob) -> None:
    done = _now(world)
    assert (done.state, done.succeeded, done.refused) == (BulkState.DONE, job.matched, {})
    assert done.visited == job.matched
    assert (world.kept.audited("bulk.started"), world.kept.audited("bulk.done")) == (1, 1)


def test_a_replay_survives_a_kill_in_the_middle_and_its_children_run(world: World) -> None:
    job = _start(world)
    left = LETTERS // 2

    def die_in_the_middle(call: Call) -> Fault | None:
        nonlocal left
        left -= call.site.adapter == "DynamoReplays.record_replay"
        if left > 0:
            return None
        world.line.choose = lambda _call: None
        return Fault.DIES_AFTER

    world.line.choose = die_in_the_middle
    _tick(world)
    assert LETTERS // 2 <= sum(_replays(world).values()) < LETTERS
    assert _now(world).visited == 0
    _tick(world)
    _assert_done(world, job)
    assert set(_replays(world).values()) == {1}
    assert len(_replays(world)) == LETTERS
    world.deliver_once()
    ran = [run for run in world.kept.runs().values() if run.state is RunState.SUCCEEDED]
    states = Counter(letter.state for letter in world.kept.letters().values())
    assert states == {LetterState.RESOLVED: len(ran), LetterState.REPLAYED: LETTERS - len(ran)}
    assert len(ran) == 10


def test_two_ticks_at_once_resolve_and_count_every_letter_once(world: World) -> None:
    job = _start(world, BulkAction.RESOLVE)

    def another_tick() -> None:
        with suppress(ProcessDied):
            world.processes.another_scheduler()()

    world.before_next("dynamodb.TransactWriteItems", "DynamoReplays.resolve_letter", another_tick)
    _tick(world)
    _assert_done(world, job)
    assert {letter.state for letter in world.kept.letters().values()} == {LetterState.RESOLVED}
    assert world.kept.audited("letter.resolved") == LETTERS


def test_an_abort_is_heard_after_one_batch(aws: AwsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_bulk, "BATCH", 10)
    world = _with_letters(aws, 25)
    job = _start(world)
    world.before_next(
        "dynamodb.TransactWriteItems", "DynamoReplays.record_replay", lambda: world.processes.abort_bulk(_of(job))
    )
    _tick(world)
    assert (_now(world).state, _now(world).succeeded) == (BulkState.ABORTED, 10)
    assert sum(_replays(world).values()) == 10
    _tick(world)
    assert sum(_replays(world).values()) == 10

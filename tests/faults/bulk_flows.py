"""Stories of bulk jobs and of the groups of alike errors: each letter is dealt with once, told once, counted once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator

from tests.faults.flow import FAILED, HANDLER_ERROR, SUCCEEDED, Flow
from tests.support.script import FailsForGood, Script, filling
from tests.support.world import World
from workerflow.domain.bulk import BulkAction, BulkJob, BulkState, LetterFilter
from workerflow.domain.dead_letter import LetterState
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.operation import OperationKey
from workerflow.services.bulk_jobs import BulkJobOrder, BulkOrder
from workerflow.services.group_errors import EVERY_MINUTES
from workerflow.services.once import CarriedOut

REPLAYED, RESOLVED, GROUPED = 2, 2, 2
LARGE = json.dumps({"filling": filling(30_000)}).encode()
ACTOR, TOKEN_ID = "ops (token 7)", "7" * 12
TURN_MS = EVERY_MINUTES * 60_000


def _fail(world: World, letters: int, *, body: bytes = b'{"n":1}') -> None:
    for number in range(letters):
        world.call(f"key-{number}", body=body)
    world.go_on(30)


# Orders, each with a key.


def _carry_out(world: World, action: str, do: Callable[[OperationKey], object]) -> str:
    """Give an order until there is an answer; the job's id."""
    key = OperationKey.of(TOKEN_ID, f"key of {action}", DEFAULT_TENANT, action)
    outcome = world.look(lambda: world.processes.once(DEFAULT_TENANT, key, lambda: do(key)))
    assert isinstance(outcome, CarriedOut), outcome
    return outcome.operation.details["jobId"]


def _count(world: World, action: BulkAction) -> str:
    def do(key: OperationKey) -> object:
        order = BulkOrder(DEFAULT_TENANT, action, LetterFilter(), "the provider is back", ACTOR, operation=key)
        return world.processes.count_bulk(order)

    return _carry_out(world, "count", do)


def _start(world: World, job_id: str) -> None:
    _carry_out(world, "start", lambda key: world.processes.start_bulk(_of(job_id, key)))


def _abort(world: World, job_id: str) -> None:
    _carry_out(world, "abort", lambda key: world.processes.abort_bulk(_of(job_id, key)))


def _of(job_id: str, key: OperationKey) -> BulkJobOrder:
    return BulkJobOrder(DEFAULT_TENANT, job_id, ACTOR, operation=key)


# Stories.


def _replay_all(world: World) -> None:
    _fail(world, REPLAYED)
    _start(world, _count(world, BulkAction.REPLAY))


def _resolve_all(world: World) -> None:
    _fail(world, RESOLVED)
    _start(world, _count(world, BulkAction.RESOLVE))


def _abort_within_a_batch(world: World) -> None:
    _fail(world, 1, body=LARGE)
    job_id = _count(world, BulkAction.REPLAY)
    _start(world, job_id)
    world.before_next("dynamodb.TransactWriteItems", "DynamoReplays.record_replay", lambda: _abort(world, job_id))


def _abort_what_waits(world: World) -> None:
    _fail(world, 1)
    job_id = _count(world, BulkAction.REPLAY)
    _abort(world, job_id)
    world.look(lambda: world.processes.read_bulk_jobs.list(DEFAULT_TENANT, limit=9))
    world.look(lambda: world.processes.read_bulk_jobs.get(DEFAULT_TENANT, job_id))


def _group(world: World) -> None:
    """Two walks, so that one that came to grief is followed by another."""
    _fail(world, GROUPED)
    for _ in range(2):
        world.clock.ms += TURN_MS - world.clock.ms % TURN_MS
        world.tick()
    world.look(lambda: world.processes.list_error_groups(DEFAULT_TENANT))


# What must be at the end.


def _the_job(world: World) -> BulkJob:
    [job] = world.kept.bulk_jobs()
    return job


def _done_and_told(world: World, letters: int) -> Iterator[str]:
    job = _the_job(world)
    if (job.state, job.matched, job.succeeded, job.visited) != (BulkState.DONE, letters, letters, letters):
        yield f"the job is {job}"
    yield from _audited(world, "bulk.counted", "bulk.started", "bulk.done")


def _audited(world: World, *actions: str) -> Iterator[str]:
    yield from (
        f"{action} was told {world.kept.audited(action)} times" for action in actions if world.kept.audited(action) != 1
    )


def _all_replayed(world: World) -> Iterator[str]:
    yield from _done_and_told(world, REPLAYED)
    children = Counter(entry.parent for entry in world.kept.lineage())
    if sorted(children.values()) != [1] * REPLAYED:
        yield f"the children are {children}"


def _all_resolved(world: World) -> Iterator[str]:
    yield from _done_and_told(world, RESOLVED)
    if {letter.state for letter in world.kept.letters().values()} != {LetterState.RESOLVED}:
        yield f"the letters are {world.kept.letters()}"
    if world.kept.audited("letter.resolved") != RESOLVED:
        yield f"{world.kept.audited('letter.resolved')} audit events of letters"


def _aborted_and_told(world: World) -> Iterator[str]:
    """What a tick did to the batch in which it died is done, and not told."""
    job = _the_job(world)
    replayed = len(world.kept.lineage())
    if job.state is not BulkState.ABORTED or not job.succeeded <= replayed <= 1:
        yield f"{replayed} replays, and the job is {job}"
    yield from _audited(world, "bulk.counted", "bulk.started", "bulk.aborted")


def _never_at_work(world: World) -> Iterator[str]:
    if _the_job(world).state is not BulkState.ABORTED or world.kept.lineage():
        yield f"the job is {_the_job(world)}"
    yield from _audited(world, "bulk.counted", "bulk.aborted")


def _all_grouped(world: World) -> Iterator[str]:
    counts = [(group.count, group.message) for group in world.kept.error_groups()]
    if counts != [(GROUPED, "no such customer")]:
        yield f"the groups are {counts}"


_SCRIPT = Script((FailsForGood(),))

BULK_FLOWS = (
    Flow("bulk_replay", _replay_all, _SCRIPT, SUCCEEDED | FAILED, HANDLER_ERROR, _all_replayed, strikes="WorkBulk"),
    Flow("bulk_resolve", _resolve_all, _SCRIPT, FAILED, HANDLER_ERROR, _all_resolved, strikes="WorkBulk"),
    Flow(
        "bulk_abort_within_a_batch",
        _abort_within_a_batch,
        _SCRIPT,
        SUCCEEDED | FAILED,
        HANDLER_ERROR,
        _aborted_and_told,
        strikes="WorkBulk._tell_the_aborted",
    ),
    Flow("bulk_orders", _abort_what_waits, _SCRIPT, FAILED, HANDLER_ERROR, _never_at_work, strikes="CarryOutOnce"),
    Flow("error_walk", _group, _SCRIPT, FAILED, HANDLER_ERROR, _all_grouped, strikes="GroupErrors"),
)

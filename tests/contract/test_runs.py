"""RunStore: what both implementations promise."""

from __future__ import annotations

from dataclasses import replace
from hashlib import shake_128

import pytest

from tests.contract.worlds import Ports
from tests.support.runs import A_FAILURE, a_run, a_waiting_run, failed, letter_of, next_version
from tests.support.tasks import NOW_MS, an_acceptance
from workerflow.adapters.dynamodb.items.run import row_bytes
from workerflow.domain.dead_letter import LetterState
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.identity import shard_of
from workerflow.domain.run import RunState, due_partition, paused_partition
from workerflow.domain.stored import StoredBytes
from workerflow.ports.stores import AttemptRecord, Conflict, DueRun, Written

RUN = a_run()
PARENT = an_acceptance("parent")


def test_a_first_version_is_written_and_read_back_whole(world: Ports) -> None:
    assert world.runs.get(RUN.tenant, RUN.trace_id) is None
    assert world.runs.write(RUN) == Written()
    assert world.runs.get(RUN.tenant, RUN.trace_id) == RUN


def test_a_row_with_everything_in_it_is_read_back_whole(world: Ports) -> None:
    run = replace(
        failed(failed(RUN)),
        version=1,
        paused=True,
        handed_over=True,
        resends=3,
        cancel_asked_at_ms=NOW_MS + 3,
        not_before_ms=NOW_MS + 1,
        due_at_ms=NOW_MS + 2,
        output=b'{"version":1,"document":{}}',
        has_output_item=True,
    )
    world.runs.write(run)
    assert world.runs.get(run.tenant, run.trace_id) == run


def test_the_next_version_replaces_the_one_that_was_read(world: Ports) -> None:
    second = next_version(RUN, "2" * 16, state=RunState.SUCCEEDED, output=b"done")
    world.runs.write(RUN)
    assert world.runs.write(second) == Written()
    assert world.runs.get(RUN.tenant, RUN.trace_id) == second


def test_a_first_version_meets_the_one_that_stands(world: Ports) -> None:
    world.runs.write(RUN)
    assert world.runs.write(replace(RUN, nonce="2" * 16)) == Conflict(RUN)


def test_a_version_meets_the_one_that_was_faster(world: Ports) -> None:
    faster, slower = next_version(RUN, "2" * 16), next_version(RUN, "3" * 16)
    world.runs.write(RUN)
    world.runs.write(faster)
    assert world.runs.write(slower) == Conflict(faster)
    assert world.runs.get(RUN.tenant, RUN.trace_id) == faster


def test_a_later_version_of_a_row_that_is_not_there_conflicts_with_nothing(world: Ports) -> None:
    assert world.runs.write(next_version(RUN, "2" * 16)) == Conflict(None)


@pytest.mark.parametrize("first", [True, False])
def test_a_write_whose_answer_was_lost_is_found_to_be_our_own(world: Ports, first: bool) -> None:
    run = RUN if first else next_version(RUN, "2" * 16)
    if not first:
        world.runs.write(RUN)
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.runs.write(run)
    assert world.runs.write(run) == Written()


def test_a_write_of_ours_that_was_overtaken_is_not_taken_for_written(world: Ports) -> None:
    ours, overtook = RUN, next_version(RUN, "2" * 16)
    world.runs.write(ours)
    world.runs.write(overtook)
    assert world.runs.write(ours) == Conflict(overtook)


def test_a_refused_write_leaves_nothing(world: Ports) -> None:
    with world.refusing(), pytest.raises(StoreUnavailableError):
        world.runs.write(RUN)
    assert world.runs.get(RUN.tenant, RUN.trace_id) is None


def test_many_rows_are_read_at_once_and_absent_ones_left_out(world: Ports) -> None:
    runs = [a_run(an_acceptance(f"key-{number}")) for number in range(120)]
    for run in runs[:110]:
        world.runs.write(run)
    found = world.runs.get_many("default", [run.trace_id for run in (*runs, runs[0])])
    assert found == {run.trace_id: run for run in runs[:110]}
    assert world.runs.get_many("default", []) == {}
    assert world.runs.get_many("another", [runs[0].trace_id]) == {}


def test_a_letter_is_written_with_its_run(world: Ports) -> None:
    end = failed(RUN)
    letter = letter_of(end)
    world.runs.write(RUN)
    assert world.runs.write(end, letter=letter) == Written()
    assert world.runs.get(end.tenant, end.trace_id) == end
    assert world.replays.get_letter(end.tenant, end.trace_id) == letter


def test_the_letter_of_a_run_that_was_overtaken_is_not_written(world: Ports) -> None:
    faster, end = next_version(RUN, "2" * 16), failed(RUN)
    world.runs.write(RUN)
    world.runs.write(faster)
    assert world.runs.write(end, letter=letter_of(end)) == Conflict(faster)
    assert world.replays.get_letter(end.tenant, end.trace_id) is None


def test_a_letter_whose_answer_was_lost_is_found_to_be_our_own(world: Ports) -> None:
    end = failed(RUN)
    world.runs.write(RUN)
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.runs.write(end, letter=letter_of(end))
    assert world.runs.write(end, letter=letter_of(end)) == Written()
    assert world.replays.count_open_letters("default", 10, now_ms=NOW_MS) == 1


def test_a_success_resolves_the_letter_of_its_parent(world: Ports) -> None:
    _dead_letter_of_the_parent(world)
    done = next_version(RUN, "2" * 16, state=RunState.SUCCEEDED)
    world.runs.write(RUN)
    assert world.runs.write(done, resolves=PARENT.trace_id) == Written()
    letter = world.replays.get_letter(PARENT.tenant, PARENT.trace_id)
    assert letter is not None
    assert letter.state is LetterState.RESOLVED
    assert world.replays.count_open_letters("default", 10, now_ms=NOW_MS) == 0


def test_a_success_that_was_overtaken_resolves_nothing(world: Ports) -> None:
    _dead_letter_of_the_parent(world)
    faster, done = next_version(RUN, "2" * 16), next_version(RUN, "3" * 16, state=RunState.SUCCEEDED)
    world.runs.write(RUN)
    world.runs.write(faster)
    assert world.runs.write(done, resolves=PARENT.trace_id) == Conflict(faster)
    assert world.replays.count_open_letters("default", 10, now_ms=NOW_MS) == 1


def test_a_parent_without_letter_does_not_hold_a_success_back(world: Ports) -> None:
    done = next_version(RUN, "2" * 16, state=RunState.SUCCEEDED)
    world.runs.write(RUN)
    assert world.runs.write(done, resolves=PARENT.trace_id) == Written()
    assert world.runs.get(RUN.tenant, RUN.trace_id) == done
    assert world.replays.get_letter(PARENT.tenant, PARENT.trace_id) is None


def test_a_parent_without_letter_does_not_hold_another_letter_back(world: Ports) -> None:
    end = failed(RUN)
    world.runs.write(RUN)
    assert world.runs.write(end, letter=letter_of(end), resolves=PARENT.trace_id) == Written()
    assert world.replays.get_letter(end.tenant, end.trace_id) == letter_of(end)


def _dead_letter_of_the_parent(world: Ports) -> None:
    parent = a_run(PARENT)
    world.runs.write(parent)
    world.runs.write(failed(parent), letter=letter_of(failed(parent), PARENT))


def test_open_runs_are_told_in_order_of_their_due_time(world: Ports) -> None:
    runs = [a_waiting_run(an_acceptance(f"key-{number}"), due_at_ms=NOW_MS + number) for number in (50, 7, 999, 8)]
    for run in runs:
        world.runs.write(run)
    told = [entry for shard in range(4) for entry in _due(world, due_partition("default", shard), NOW_MS + 50)]
    expected = [DueRun("default", run.trace_id, run.due_at_ms or 0) for run in runs if run.due_at_ms != NOW_MS + 999]
    in_order = sorted(expected, key=lambda entry: (shard_of(entry.trace_id), entry.due_at_ms))
    assert told == in_order


def test_open_runs_are_told_up_to_the_limit(world: Ports) -> None:
    for number in range(40):
        world.runs.write(a_waiting_run(an_acceptance(f"key-{number}"), due_at_ms=NOW_MS - number))
    told = world.runs.due(due_partition("default", 2), until_ms=NOW_MS, limit=3)
    everything = _due(world, due_partition("default", 2), NOW_MS)
    assert list(told) == everything[:3]
    assert len(everything) > 3


def test_a_run_leaves_the_index_with_its_due_time(world: Ports) -> None:
    run = a_waiting_run(due_at_ms=NOW_MS)
    partition = due_partition("default", shard_of(run.trace_id))
    world.runs.write(run)
    assert len(_due(world, partition, NOW_MS)) == 1
    world.runs.write(next_version(run, "2" * 16, due_at_ms=None))
    assert _due(world, partition, NOW_MS * 2) == []


def test_a_run_without_due_time_is_never_in_the_index(world: Ports) -> None:
    world.runs.write(RUN)
    assert _due(world, due_partition("default", shard_of(RUN.trace_id)), NOW_MS * 2) == []


def test_a_paused_run_waits_in_the_partition_of_its_source(world: Ports) -> None:
    run = a_waiting_run(due_at_ms=NOW_MS, paused=True)
    shard = shard_of(run.trace_id)
    world.runs.write(run)
    assert _due(world, due_partition("default", shard), NOW_MS) == []
    assert _due(world, paused_partition("default", run.source, shard), 9_999_999_999_999) == [
        DueRun("default", run.trace_id, NOW_MS)
    ]
    assert _due(world, paused_partition("default", "route:other", shard), NOW_MS) == []


def _due(world: Ports, partition: str, until_ms: int) -> list[DueRun]:
    return list(world.runs.due(partition, until_ms=until_ms, limit=1000))


@pytest.mark.parametrize(
    "record",
    [
        AttemptRecord("default", RUN.trace_id, 1, NOW_MS, 2_000_000_000, output=StoredBytes.inlined(b"x" * 3000)),
        AttemptRecord("default", RUN.trace_id, 12, NOW_MS, 2_000_000_000, output=StoredBytes.pointed(b"x", "a/b/c")),
        AttemptRecord("default", RUN.trace_id, 2, NOW_MS, 2_000_000_000, failure=A_FAILURE),
        AttemptRecord(
            "default", RUN.trace_id, 3, NOW_MS, 2_000_000_000, failure=replace(A_FAILURE, retry_after_seconds=0.125)
        ),
        AttemptRecord("default", RUN.trace_id, 4, NOW_MS, 2_000_000_000),
    ],
)
def test_what_an_attempt_left_behind_is_read_back_whole(world: Ports, record: AttemptRecord) -> None:
    world.runs.put_attempt(record)
    world.runs.put_attempt(record)
    assert world.runs.get_attempt(record.tenant, record.trace_id, record.attempt) == record
    assert world.runs.get_attempt(record.tenant, record.trace_id, record.attempt + 1) is None
    assert world.runs.get(record.tenant, record.trace_id) is None


def _incompressible(size: int) -> bytes:
    return shake_128(b"seed").digest(size)


def test_an_output_that_fits_is_held_and_one_that_does_not_is_not(world: Ports) -> None:
    done = next_version(RUN, "2" * 16, state=RunState.SUCCEEDED)
    assert world.runs.holds(replace(done, output=b'{"ok":true}'))
    assert world.runs.holds(replace(done, output=b"a" * 5000))  # it compresses well
    assert not world.runs.holds(replace(done, output=_incompressible(900)))  # and this does not


def test_an_error_is_cut_to_what_the_row_takes_alike_by_every_implementation(world: Ports) -> None:
    source = "route:" + "r" * 63
    run = replace(failed(a_waiting_run(due_at_ms=NOW_MS, source=source)), version=1, error="\N{GRINNING FACE}" * 200)
    world.runs.write(run)
    kept = world.runs.get(run.tenant, run.trace_id)
    assert kept is not None
    assert kept == replace(run, error=kept.error)
    assert kept.error is not None
    assert run.error is not None
    assert run.error.startswith(kept.error)
    assert row_bytes(kept) in range(1021, 1025)

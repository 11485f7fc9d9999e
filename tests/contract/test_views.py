"""What stores show to people: newest first, at half the price, and one item that cannot be read hides no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.worlds import Ports
from tests.support.runs import A_FAILURE, a_replay, a_run, failed, letter_of
from tests.support.tasks import NOW_MS, an_acceptance
from tests.support.tenants import A_ROLLUP, QUARTER_MS
from workerflow.domain.dead_letter import DeadLetter, LetterState, letter_position
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.identity import SHARDS, shard_of
from workerflow.domain.rollup import Rollup, Span
from workerflow.domain.run import Run
from workerflow.domain.stored import StoredBytes
from workerflow.domain.task import Acceptance, AcceptedTask, TaskMessage
from workerflow.ports.rollups import RollupsSeen
from workerflow.ports.stores import AttemptRecord, LetterEntry, Newest
from workerflow.ports.world import QueueDepth

END = "g"


def _accept(world: Ports, count: int) -> list[Acceptance]:
    """Accept tasks that all fall into shard 0, and tell them newest first."""
    numbered = (an_acceptance(f"key-{number}", accepted_at_ms=NOW_MS + number) for number in range(count * 10))
    made = [one for one in numbered if shard_of(one.trace_id) == 0][:count]
    for acceptance in made:
        world.acceptances.put(acceptance, now_ms=NOW_MS)
    return made[::-1]


def _view(world: Ports, *, since: str = "", before: str = END, limit: int = 100) -> Newest[AcceptedTask]:
    return world.acceptances.view_accepted("default", 0, since=since, before=before, limit=limit)


def _ids(part: Newest[AcceptedTask]) -> list[str]:
    return [task.trace_id for task in part.entries]


def test_a_shard_is_shown_newest_first_from_its_lower_bound_on(world: Ports) -> None:
    ids = [one.trace_id for one in _accept(world, 8)]
    part = _view(world, since=ids[-2], before=ids[1])
    assert _ids(part) == ids[2:-1]
    assert part.next_before is None


def test_a_part_tells_where_the_next_one_begins(world: Ports) -> None:
    ids = [one.trace_id for one in _accept(world, 7)]
    first = _view(world, limit=3)
    assert (_ids(first), first.next_before) == (ids[:3], ids[2])
    second = _view(world, before=ids[2], limit=3)
    assert (_ids(second), second.next_before) == (ids[3:6], ids[5])
    third = _view(world, before=ids[5], limit=3)
    assert (_ids(third), third.next_before) == (ids[6:], None)


def test_a_part_that_ends_with_the_shard_is_its_end(world: Ports) -> None:
    ids = [one.trace_id for one in _accept(world, 3)]
    assert _view(world, limit=3).next_before is None
    assert _view(world, before=ids[0], limit=2).next_before is None


def test_a_shown_task_is_the_one_that_is_listed(world: Ports) -> None:
    _accept(world, 1)
    assert list(_view(world).entries) == list(
        world.acceptances.list_accepted("default", 0, after="", until=END, limit=1).entries
    )


@pytest.mark.parametrize(("since", "before", "limit"), [(END, "0", 5), (END, END, 5), ("", END, 0)])
def test_a_part_of_nothing_is_empty_and_asks_nobody(world: Ports, since: str, before: str, limit: int) -> None:
    _accept(world, 2)
    assert _view(world, since=since, before=before, limit=limit) == Newest([], None)


def test_shown_tasks_of_tenants_are_apart(world: Ports) -> None:
    _accept(world, 2)
    for shard in range(SHARDS):
        assert world.acceptances.view_accepted("default-2", shard, since="", before=END, limit=5) == Newest([], None)


def test_an_unreadable_task_hides_no_other(world: Ports) -> None:
    newest, spoilt, oldest = _accept(world, 3)
    world.spoil(spoilt)
    assert _ids(_view(world)) == [newest.trace_id, oldest.trace_id]
    part = _view(world, limit=2)
    assert (_ids(part), part.next_before) == ([newest.trace_id], spoilt.trace_id)
    assert list(part.unreadable) == [spoilt.trace_id]


def _rows(world: Ports, count: int) -> list[Run]:
    runs = [a_run(an_acceptance(f"key-{number}")) for number in range(count)]
    for run in runs:
        world.runs.write(run)
    return runs


def test_rows_are_shown_by_their_names(world: Ports) -> None:
    runs = _rows(world, 3)
    seen = world.runs.view_many("default", [*(run.trace_id for run in runs), an_acceptance("absent").trace_id])
    assert seen.readable == {run.trace_id: run for run in runs}
    assert seen.unreadable == {}
    assert world.runs.view_many("another", [runs[0].trace_id]).readable == {}
    assert world.runs.view_many("default", []).readable == {}


def test_an_unreadable_row_hides_no_other_and_is_named(world: Ports) -> None:
    first, spoilt, last = _rows(world, 3)
    world.spoil(spoilt)
    seen = world.runs.view_many("default", [run.trace_id for run in (first, spoilt, last)])
    assert seen.readable == {first.trace_id: first, last.trace_id: last}
    assert list(seen.unreadable) == [spoilt.trace_id]


def _attempts(world: Ports, run: Run, count: int) -> dict[int, AttemptRecord]:
    records = {
        number: AttemptRecord(run.tenant, run.trace_id, number, NOW_MS, run.expires_at_s, failure=A_FAILURE)
        for number in range(1, count + 1)
    }
    records[count] = replace(records[count], failure=None, output=StoredBytes.inlined(b"{}" * 2_000))
    for record in records.values():
        world.runs.put_attempt(record)
    return records


def test_all_attempts_of_a_run_are_shown_together(world: Ports) -> None:
    run, other = _rows(world, 2)
    records = _attempts(world, run, 12)
    assert world.runs.view_attempts("default", run.trace_id).readable == records
    assert world.runs.view_attempts("default", other.trace_id).readable == {}
    assert world.runs.view_attempts("another", run.trace_id).readable == {}


def test_an_unreadable_attempt_hides_no_other_and_is_named(world: Ports) -> None:
    [run] = _rows(world, 1)
    records = _attempts(world, run, 3)
    world.spoil(records[2])
    seen = world.runs.view_attempts("default", run.trace_id)
    assert seen.readable == {1: records[1], 3: records[3]}
    assert list(seen.unreadable) == [2]


def _fail(world: Ports, count: int) -> list[DeadLetter]:
    """Letters of shard 0, newest first."""
    keys = (an_acceptance(f"key-{number}") for number in range(count * 10))
    acceptances = [one for one in keys if shard_of(one.trace_id) == 0][:count]
    letters = []
    for number, acceptance in enumerate(acceptances):
        run = a_run(acceptance)
        ended = failed(run, finished_at_ms=NOW_MS + number)
        letters.append(letter_of(ended, acceptance))
        world.runs.write(run)
        world.runs.write(ended, letter=letters[-1])
    return letters[::-1]


def _letters(
    world: Ports, *, open_only: bool = True, since: str = "0", before: str = "9", limit: int = 100
) -> Newest[LetterEntry]:
    return world.replays.view_letters("default", 0, open_only=open_only, since=since, before=before, limit=limit)


@pytest.mark.parametrize("open_only", [True, False])
def test_letters_are_shown_newest_first_part_by_part(world: Ports, *, open_only: bool) -> None:
    letters = _fail(world, 5)
    first = _letters(world, open_only=open_only, limit=3)
    assert [entry.trace_id for entry in first.entries] == [letter.trace_id for letter in letters[:3]]
    assert first.next_before == first.entries[-1].position
    rest = _letters(world, open_only=open_only, before=str(first.next_before))
    assert [entry.trace_id for entry in rest.entries] == [letter.trace_id for letter in letters[3:]]
    assert rest.next_before is None
    bounded = _letters(world, since=letter_position(NOW_MS + 1), before=letter_position(NOW_MS + 3))
    assert [entry.failed_at_ms for entry in bounded.entries] == [NOW_MS + 2, NOW_MS + 1]


def test_a_shown_letter_tells_its_state_and_when_it_is_forgotten(world: Ports) -> None:
    [letter] = _fail(world, 1)
    [entry] = _letters(world).entries
    assert (entry.state, entry.expires_at_s) == (LetterState.OPEN, letter.expires_at_s)
    parent = replace(an_acceptance(), trace_id=letter.trace_id)
    world.replays.record_replay(a_replay(parent, 1, letter=letter))
    assert list(_letters(world).entries) == []
    [entry] = _letters(world, open_only=False).entries
    assert (entry.state, entry.expires_at_s) == (LetterState.REPLAYED, letter.expires_at_s)


def test_an_unreadable_letter_hides_no_other(world: Ports) -> None:
    newest, spoilt, oldest = _fail(world, 3)
    world.spoil(spoilt)
    part = _letters(world)
    assert [entry.trace_id for entry in part.entries] == [newest.trace_id, oldest.trace_id]
    assert list(part.unreadable) == [letter_position(spoilt.failed_at_ms, spoilt.trace_id)]


def test_letters_of_nothing_are_none(world: Ports) -> None:
    _fail(world, 1)
    assert _letters(world, since="9", before="0") == Newest([], None)
    assert _letters(world, limit=0) == Newest([], None)


def _rollups(world: Ports) -> list[Rollup]:
    made = [replace(A_ROLLUP, start_ms=A_ROLLUP.start_ms + number * QUARTER_MS) for number in range(3)]
    world.rollups.put_many(made)
    return made


def _shown(world: Ports, *, from_ms: int, until_ms: int) -> RollupsSeen:
    return world.rollups.view_rollups(A_ROLLUP.tenant, Span.QUARTER, from_ms=from_ms, until_ms=until_ms)


def test_rollups_are_shown_in_order_of_time_within_their_bounds(world: Ports) -> None:
    first, second, third = _rollups(world)
    assert list(_shown(world, from_ms=first.start_ms, until_ms=third.start_ms).readable) == [first, second]
    assert list(_shown(world, from_ms=first.start_ms, until_ms=first.start_ms).readable) == []


def test_an_unreadable_rollup_hides_no_other_and_is_counted(world: Ports) -> None:
    first, spoilt, third = _rollups(world)
    world.spoil(spoilt)
    seen = _shown(world, from_ms=first.start_ms, until_ms=third.end_ms)
    assert (list(seen.readable), seen.unreadable) == ([first, third], 1)


def test_the_queue_tells_how_full_it_is(world: Ports) -> None:
    assert world.queue_gauge.depth() == QueueDepth(visible=0, in_flight=0, delayed=0)
    for message in ("one", "two"):
        world.queue.send(TaskMessage("default", an_acceptance(message).trace_id))
    assert world.queue_gauge.depth() == QueueDepth(visible=2, in_flight=0, delayed=0)


def test_what_does_not_answer_is_asked_again(world: Ports) -> None:
    with world.refusing():
        with pytest.raises(StoreUnavailableError):
            world.queue_gauge.depth()
        with pytest.raises(StoreUnavailableError):
            _view(world)
        with pytest.raises(StoreUnavailableError):
            _letters(world)
        with pytest.raises(StoreUnavailableError):
            world.runs.view_many("default", [an_acceptance().trace_id])
        with pytest.raises(StoreUnavailableError):
            world.runs.view_attempts("default", an_acceptance().trace_id)
        with pytest.raises(StoreUnavailableError):
            _shown(world, from_ms=0, until_ms=NOW_MS)

"""The whole tree of a task's replays is told from any of its tasks, with the state of each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.runs import a_child, a_replay, a_run, failed, letter_of
from tests.support.tasks import an_acceptance
from tests.unit.services.reading import Reading
from tests.unit.services.wired import TENANT, Wired
from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.domain.replay import MAX_GENERATIONS, ReplayRecord
from workerflow.domain.run import RUN_OUTLIVES_ACCEPTANCE_S, Run, RunState
from workerflow.domain.task import Acceptance
from workerflow.services.read_lineage import LineageNode, LineageTree


def lineage_of(wired: Wired, trace_id: str, tenant: str = TENANT) -> LineageTree | None:
    return Reading(wired).read_lineage(tenant, trace_id)


def fail(wired: Wired, task: Acceptance) -> Acceptance:
    wired.keep(failed(a_run(task)))
    return task


def kept_long_enough(record: ReplayRecord) -> ReplayRecord:
    """An entry is kept as long as its child's row."""
    expires_at_s = Run.of_task(record.acceptance).expires_at_s
    return replace(record, entry=replace(record.entry, expires_at_s=expires_at_s))


def replay(wired: Wired, parent: Acceptance, generation: int) -> Acceptance:
    """The child, which is queued."""
    record = kept_long_enough(a_replay(parent, generation))
    wired.world.replays.record_replay(record)
    return record.acceptance


def chain(wired: Wired, replays: int) -> list[Acceptance]:
    """A task that was replayed again and again, each child failing but the last."""
    tasks = [fail(wired, wired.take())]
    for generation in range(1, replays + 1):
        tasks.append(replay(wired, tasks[-1], generation))
        if generation < replays:
            fail(wired, tasks[-1])
    return tasks


def told(node: LineageNode) -> list[tuple[str, RunState | None]]:
    """The nodes of a tree that does not fan out, from its root."""
    assert len(node.children) <= 1
    return [(node.trace_id, node.state), *(one for child in node.children for one in told(child))]


def test_a_task_that_was_never_replayed_is_a_tree_of_one(wired: Wired) -> None:
    task = fail(wired, wired.take())
    tree = lineage_of(wired, task.trace_id)
    assert tree == LineageTree(LineageNode(task.trace_id, RunState.FAILED, None), 1)


def test_the_whole_tree_is_told_from_any_of_its_tasks(wired: Wired) -> None:
    tasks = chain(wired, 3)
    trees = [lineage_of(wired, task.trace_id) for task in tasks]
    assert trees[0] is not None
    assert trees == [trees[0]] * 4
    names = [task.trace_id for task in tasks]
    states = [RunState.FAILED, RunState.FAILED, RunState.FAILED, RunState.QUEUED]
    assert told(trees[0].root) == list(zip(names, states, strict=True))
    assert trees[0].size == 4


def test_each_replay_tells_who_made_it_and_why(wired: Wired) -> None:
    root, child = chain(wired, 1)
    tree = lineage_of(wired, root.trace_id)
    assert tree is not None
    assert tree.root.entry is None
    [node] = tree.root.children
    assert node.entry == kept_long_enough(a_replay(root, 1)).entry
    assert node.trace_id == child.trace_id


def test_the_longest_tree_costs_one_query_and_one_batch(wired: Wired) -> None:
    tasks = chain(wired, MAX_GENERATIONS)
    wired.memory.calls.clear()
    tree = lineage_of(wired, tasks[-1].trace_id)
    assert tree is not None
    assert tree.size == MAX_GENERATIONS + 1
    assert wired.memory.calls == ["acceptances.get", "replays.lineage", "runs.view_many"]


def test_two_children_of_one_parent_are_both_told(wired: Wired) -> None:
    root = fail(wired, wired.take())
    first = replay(wired, root, 1)
    second = a_replay(root, 2).entry
    wired.memory.lineage[TENANT, root.trace_id, root.trace_id, 2] = second
    tree = lineage_of(wired, root.trace_id)
    assert tree is not None
    assert [node.trace_id for node in tree.root.children] == [first.trace_id, second.child]
    assert tree.size == 3


def test_a_forgotten_run_is_told_as_such_and_a_queued_one_as_queued(wired: Wired) -> None:
    root, child = chain(wired, 1)
    del wired.memory.runs[TENANT, root.trace_id]
    tree = lineage_of(wired, child.trace_id)
    assert tree is not None
    assert told(tree.root) == [(root.trace_id, None), (child.trace_id, RunState.QUEUED)]
    wired.clock.ms = child.expires_at_s * 1000
    wired.keep(failed(a_run(root), expires_at_s=child.expires_at_s + RUN_OUTLIVES_ACCEPTANCE_S))
    tree = lineage_of(wired, root.trace_id)
    assert tree is not None
    assert told(tree.root) == [(root.trace_id, RunState.FAILED), (child.trace_id, None)]


def test_what_is_left_hangs_under_the_root_when_entries_are_forgotten(wired: Wired) -> None:
    root, middle, leaf = chain(wired, 2)
    key = (TENANT, root.trace_id, root.trace_id, 1)
    wired.memory.lineage[key] = replace(wired.memory.lineage[key], expires_at_s=wired.clock.ms // 1000)
    tree = lineage_of(wired, leaf.trace_id)
    assert tree is not None
    assert [name for name, _ in told(tree.root)] == [root.trace_id, middle.trace_id, leaf.trace_id]
    assert tree.root.children[0].entry is None


def test_an_entry_that_names_an_ancestor_as_child_does_not_go_round(wired: Wired) -> None:
    root, child = chain(wired, 1)
    entry = replace(a_replay(child, 2).entry, child=root.trace_id)
    wired.memory.lineage[TENANT, root.trace_id, child.trace_id, 2] = entry
    tree = lineage_of(wired, root.trace_id)
    assert tree is not None
    assert [name for name, _ in told(tree.root)] == [root.trace_id, child.trace_id]


def test_a_task_whose_key_is_forgotten_is_found_by_its_letter(wired: Wired) -> None:
    root, child = chain(wired, 1)
    fail(wired, child)
    letter = replace(letter_of(failed(a_run(child)), child), root=root.trace_id)
    wired.memory.letters[TENANT, child.trace_id] = letter
    del wired.memory.acceptances[TENANT, child.key_hash]
    tree = lineage_of(wired, child.trace_id)
    assert tree is not None
    assert tree.root.trace_id == root.trace_id


def test_one_without_letter_is_told_alone(wired: Wired) -> None:
    task = fail(wired, wired.take())
    del wired.memory.acceptances[TENANT, task.key_hash]
    assert lineage_of(wired, task.trace_id) == LineageTree(LineageNode(task.trace_id, RunState.FAILED, None), 1)


def test_nothing_is_told_of_what_is_not_the_tenants(wired: Wired) -> None:
    task = wired.take()
    foreign = an_acceptance(tenant="acme")
    wired.memory.acceptances["acme", foreign.key_hash] = foreign
    absent = a_child(task, 1).trace_id
    for name in ("", "x", task.trace_id.upper() + "Z", absent, foreign.trace_id):
        assert lineage_of(wired, name) is None
    assert lineage_of(wired, task.trace_id, tenant="acme") is None


def test_nothing_is_told_of_what_is_forgotten(wired: Wired) -> None:
    task = fail(wired, wired.take())
    wired.clock.ms = wired.row(task).expires_at_s * 1000
    assert lineage_of(wired, task.trace_id) is None


def test_an_entry_that_cannot_be_read_is_told_and_the_task_with_it(wired: Wired) -> None:
    root, _ = chain(wired, 1)
    wired.refuse("replays.lineage", error=IntegrityError)
    tree = lineage_of(wired, root.trace_id)
    assert tree is not None
    assert (tree.root.trace_id, tree.size) == (root.trace_id, 1)
    assert tree.fault


def test_a_row_that_cannot_be_read_is_told_and_hides_no_other(wired: Wired) -> None:
    root, child = chain(wired, 1)
    wired.memory.spoilt.add(("runs", TENANT, root.trace_id))
    tree = lineage_of(wired, child.trace_id)
    assert tree is not None
    assert told(tree.root) == [(root.trace_id, None), (child.trace_id, RunState.QUEUED)]
    assert tree.fault == "spoilt"


@pytest.mark.parametrize("name", ["acceptances.get", "replays.lineage", "runs.view_many"])
def test_a_store_that_does_not_answer_is_no_answer(wired: Wired, name: str) -> None:
    task = wired.take()
    wired.refuse(name)
    with pytest.raises(StoreUnavailableError):
        lineage_of(wired, task.trace_id)

"""Replay: a failed task becomes a new one, with its lineage; its letter is resolved when the child succeeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.backstage import ACTOR, Backstage
from tests.e2e.calls import Api, eventually
from workerflow.domain.identity import effect_key
from workerflow.services.replay_task import NotReplayable, Replayed


def test_a_replay_succeeds_resolves_the_letter_and_keeps_the_effect_key(
    api: Api, backstage: Backstage, tmp_path: Path
) -> None:
    mended = tmp_path / "mended"
    parent = api.start("e2e_permanent", mended=str(mended))
    api.ended(parent.trace_id)
    mended.touch()

    first = backstage.replay(parent.trace_id, "the card works again")
    second = backstage.replay(parent.trace_id, "a second click")

    assert isinstance(first, Replayed)
    assert (first.created, first.generation) == (True, 1)
    assert second == Replayed(first.child, 1, created=False, actor=first.actor)
    child = api.ended(first.child)
    assert child["state"] == "succeeded"
    assert child["output"]["document"] == {"generation": 1, "effectKey": effect_key(parent.trace_id, "charge")}
    assert [execution.trace_id for execution in parent.executions] == [parent.trace_id, first.child]
    letter = eventually(lambda: backstage.letter(parent.trace_id), lambda letter: letter is not None)
    assert letter is not None
    assert (letter.state, letter.child) == ("resolved", first.child)
    assert api.run(parent.trace_id)["state"] == "failed"
    told = [(row["target"], row["reason"], row["actor"]) for row in backstage.audit("run.replayed")]
    assert [row for row in told if row[0] == parent.trace_id] == [(parent.trace_id, "the card works again", ACTOR)]


def test_a_replay_that_fails_has_a_letter_of_its_own_and_is_replayed_in_turn(api: Api, backstage: Backstage) -> None:
    parent = api.start("e2e_unfit")
    api.ended(parent.trace_id)

    child = backstage.replay(parent.trace_id, "try once more")
    assert isinstance(child, Replayed)
    assert api.ended(child.child)["state"] == "failed"
    grandchild = backstage.replay(child.child, "and again")

    assert isinstance(grandchild, Replayed)
    assert grandchild.generation == 2
    assert api.ended(grandchild.child)["state"] == "failed"
    states = {trace_id: backstage.letter(trace_id) for trace_id in (parent.trace_id, child.child, grandchild.child)}
    assert [letter.state for letter in states.values() if letter] == ["replayed", "replayed", "open"]


def test_what_has_not_ended_is_not_replayed(api: Api, backstage: Backstage) -> None:
    waiting = api.start("e2e_retry", retryAfter=10, succeedAt=2)
    api.run_when(waiting.trace_id, lambda run: run["state"] == "waiting")

    refused = backstage.replay(waiting.trace_id, "impatience")
    assert isinstance(refused, NotReplayable)
    assert refused.code == "not_ended"


@pytest.mark.parametrize("trace_id", ["nothing", "0" * 44])
def test_what_is_not_there_is_not_replayed(backstage: Backstage, trace_id: str) -> None:
    refused = backstage.replay(trace_id, "a slip")

    assert isinstance(refused, NotReplayable)
    assert refused.code == "not_found"

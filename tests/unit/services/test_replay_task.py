"""A task that has ended is made into a new one: once, with its lineage, its payload and its effects."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.tasks import a_manifest, a_route
from tests.unit.services.wired import BIG_BODY, PERMANENT, TENANT, Wired, message_of
from workerflow.domain.dead_letter import DeadLetter, LetterState
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.domain.identity import acceptance_hash
from workerflow.domain.outcome import ExecutionStatus
from workerflow.domain.output import HandlerOutput
from workerflow.domain.replay import MAX_GENERATIONS
from workerflow.domain.run import RUN_OUTLIVES_ACCEPTANCE_S, Run, RunState
from workerflow.domain.stored import StoredBytes
from workerflow.domain.task import Acceptance
from workerflow.domain.tenants import UNLIMITED, Tenants
from workerflow.ports.tenants import TenantsDocument
from workerflow.ports.world import PayloadFault
from workerflow.services.replay_task import InvalidEdit, NotReplayable, Replayed, ReplayOrder


def failed(wired: Wired, key: str = "key-1", **changes: object) -> Acceptance:
    """A task with its dead letter."""
    task = wired.take(key, **changes)
    wired.handler_returns(PERMANENT)
    wired.run_once(task)
    return task


def order(task: Acceptance | str, **changes: object) -> ReplayOrder:
    trace_id = task if isinstance(task, str) else task.trace_id
    return replace(ReplayOrder(TENANT, trace_id, "ops (token 7)", "the provider is back"), **changes)  # type: ignore[arg-type]


def replay(wired: Wired, task: Acceptance | str, **changes: object) -> Acceptance:
    """The child that the replay made."""
    outcome = wired.replay(order(task, **changes))
    assert isinstance(outcome, Replayed)
    assert outcome.created
    return child_of(wired, outcome)


def child_of(wired: Wired, outcome: Replayed) -> Acceptance:
    return next(one for one in wired.memory.acceptances.values() if one.trace_id == outcome.child)


def letter_of(wired: Wired, task: Acceptance) -> DeadLetter:
    letter = wired.letter(task)
    assert letter is not None
    return letter


def refusal(wired: Wired, task: Acceptance | str, **changes: object) -> str:
    outcome = wired.replay(order(task, **changes))
    assert isinstance(outcome, NotReplayable)
    return outcome.code


class TestChild:
    def test_it_is_a_task_of_its_own_with_the_parents_payload(self, wired: Wired) -> None:
        parent = failed(wired)
        wired.clock.advance(3600)
        child = replay(wired, parent)
        assert (child.payload, child.content_type, child.source) == (parent.payload, "application/json", "route:echo")
        assert child.key_hash == acceptance_hash(TENANT, f"replay:{parent.trace_id}", "1")
        assert child.accepted_at_ms == child.not_before_ms == wired.clock.ms
        assert child.deadline_ms == wired.clock.ms + 24 * 3600 * 1000
        assert child.expires_at_s == wired.clock.ms // 1000 + 30 * 24 * 3600

    def test_it_is_written_before_it_is_sent(self, wired: Wired) -> None:
        parent = failed(wired)
        child = replay(wired, parent)
        calls = ["replays.record_replay", "queue.send"]
        assert wired.order_of(*calls) == calls
        assert wired.queue.messages == [message_of(child)]

    def test_one_write_holds_child_lineage_letter_and_audit_row(self, wired: Wired) -> None:
        parent = failed(wired)
        child = replay(wired, parent)
        [entry] = wired.memory.lineage.values()
        assert (entry.root, entry.parent, entry.child, entry.generation) == (
            parent.trace_id,
            parent.trace_id,
            child.trace_id,
            1,
        )
        assert (entry.actor, entry.reason, entry.edited) == ("ops (token 7)", "the provider is back", False)
        assert entry.expires_at_s == child.expires_at_s + RUN_OUTLIVES_ACCEPTANCE_S
        letter = letter_of(wired, parent)
        assert (letter.state, letter.child) == (LetterState.REPLAYED, child.trace_id)
        [event] = wired.memory.audit.values()
        assert (event.actor, event.action, event.target) == ("ops (token 7)", "run.replayed", parent.trace_id)
        assert event.details == {
            "child": child.trace_id,
            "generation": "1",
            "edited": "false",
            "newEffects": "false",
            "created": "true",
        }

    def test_the_parents_run_is_never_changed(self, wired: Wired) -> None:
        parent = failed(wired)
        row = wired.row(parent)
        child = replay(wired, parent)
        wired.handler_returns(HandlerOutput("document", b"{}"))
        wired.run_once(child)
        assert wired.row(parent) == row

    def test_a_failed_send_is_left_to_the_sweeper(self, wired: Wired) -> None:
        parent = failed(wired)
        wired.refuse("queue.send")
        replay(wired, parent)
        assert wired.signals.counts["SendFailed"] == 1

    def test_a_sync_tasks_child_is_async_for_no_caller_waits(self, wired: Wired) -> None:
        parent = failed(wired, mode="sync", source="route:ask")
        assert replay(wired, parent).mode == "async"

    @pytest.mark.parametrize("state", [state for state in RunState if state.is_terminal])
    def test_whatever_has_ended_can_be_replayed(self, wired: Wired, state: RunState) -> None:
        task = wired.take()
        wired.keep(replace(Run.of_task(task), version=1, state=state))
        assert replay(wired, task).lineage is not None


class TestPayload:
    def test_a_large_payload_is_copied_so_that_the_childs_life_does_not_depend_on_the_parents(
        self, wired: Wired
    ) -> None:
        wired.world.blobs.put("parents", BIG_BODY)
        child = replay(wired, failed(wired, payload=StoredBytes.pointed(BIG_BODY, "parents")))
        del wired.memory.objects["parents"]
        assert wired.world.blobs.get(child.payload) == BIG_BODY
        assert wired.order_of("blobs.copy", "replays.record_replay") == ["blobs.copy", "replays.record_replay"]

    def test_a_large_payload_that_is_gone_cannot_be_replayed(self, wired: Wired) -> None:
        wired.world.blobs.put("parents", BIG_BODY)
        parent = failed(wired, payload=StoredBytes.pointed(BIG_BODY, "parents"))
        wired.memory.objects.clear()
        assert refusal(wired, parent) == "payload_gone"
        assert (len(wired.memory.acceptances), wired.memory.lineage) == (1, {})

    def test_an_edited_payload_is_the_childs_and_marked_as_edited(self, wired: Wired) -> None:
        child = replay(wired, failed(wired), edited_body=b'{"n":2}')
        assert child.payload.inline == b'{"n":2}'
        assert child.lineage is not None
        assert child.lineage.edited
        [entry] = wired.memory.lineage.values()
        [event] = wired.memory.audit.values()
        assert (entry.edited, event.details["edited"]) == (True, "true")

    def test_a_large_edited_payload_becomes_an_object(self, wired: Wired) -> None:
        child = replay(wired, failed(wired), edited_body=BIG_BODY)
        assert child.payload.pointer is not None
        assert wired.world.blobs.get(child.payload) == BIG_BODY

    def test_an_edited_payload_that_violates_the_schema_is_told_and_nothing_is_made(self, wired: Wired) -> None:
        parent = failed(wired)
        faults = [PayloadFault("/n", "is not a number")]
        wired.world.schemas.found = {"route:echo": faults}
        assert wired.replay(order(parent, edited_body=b'{"n":"x"}')) == InvalidEdit(faults)
        assert (wired.memory.lineage, wired.memory.audit) == ({}, {})

    def test_an_unedited_payload_is_not_held_against_a_schema_that_came_later(self, wired: Wired) -> None:
        parent = failed(wired)
        wired.world.schemas.found = {"route:echo": [PayloadFault("/n", "is not a number")]}
        assert replay(wired, parent).payload == parent.payload

    def test_when_the_acceptance_is_forgotten_the_letters_copy_is_replayed(self, wired: Wired) -> None:
        parent = failed(wired, content_type="application/cloudevents+json")
        wired.clock.ms = parent.expires_at_s * 1000
        wired.memory.acceptances.clear()
        child = replay(wired, parent)
        assert (child.payload, child.content_type) == (parent.payload, "application/cloudevents+json")
        assert child.lineage is not None
        assert child.lineage.root == parent.trace_id

    def test_a_success_whose_acceptance_is_forgotten_has_no_payload_left(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        wired.memory.acceptances.clear()
        assert refusal(wired, task) == "payload_gone"

    def test_an_expired_acceptance_counts_as_absent_deleted_or_not(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        wired.clock.ms = task.expires_at_s * 1000
        assert refusal(wired, task) == "payload_gone"

    def test_an_acceptance_of_a_later_task_with_the_key_is_not_the_parents(self, wired: Wired) -> None:
        parent = failed(wired)
        wired.clock.ms = parent.expires_at_s * 1000
        wired.take(body=b'{"n":"another"}')
        assert replay(wired, parent).payload == parent.payload


class TestEffects:
    def test_a_replay_does_the_same_effects_and_its_replay_too(self, wired: Wired) -> None:
        parent = failed(wired)
        child = replay(wired, parent)
        wired.run_once(child)
        grandchild = replay(wired, child)
        assert parent.effect_key("charge") == child.effect_key("charge") == grandchild.effect_key("charge")

    def test_new_effects_are_the_childs_own_and_stay_so_in_its_replays(self, wired: Wired) -> None:
        parent = failed(wired)
        child = replay(wired, parent, new_effects=True)
        wired.run_once(child)
        grandchild = replay(wired, child)
        assert parent.effect_key("charge") != child.effect_key("charge") == grandchild.effect_key("charge")
        assert grandchild.root == parent.trace_id

    def test_a_letters_copy_remembers_the_effects_too(self, wired: Wired) -> None:
        child = replay(wired, failed(wired), new_effects=True)
        wired.run_once(child)
        wired.memory.acceptances.clear()
        assert replay(wired, child).effect_key("charge") == child.effect_key("charge")


class TestOneChild:
    def test_two_clicks_make_one_child(self, wired: Wired) -> None:
        parent = failed(wired)
        child = replay(wired, parent)
        assert wired.replay(order(parent)) == Replayed(child.trace_id, 1, created=False, actor="ops (token 7)")
        assert wired.queue.messages == [message_of(child)]

    def test_even_in_the_same_moment(self, wired: Wired) -> None:
        parent = failed(wired)
        outcomes: list[object] = []
        wired.meanwhile("replays.record_replay", lambda: outcomes.append(wired.replay(order(parent))))
        second = wired.replay(order(parent))
        [first] = outcomes
        assert isinstance(first, Replayed)
        assert second == replace(first, created=False)
        assert (len(wired.memory.lineage), len(wired.queue.messages)) == (1, 1)

    def test_a_replay_whose_answer_was_lost_is_found_by_the_same_order(self, wired: Wired) -> None:
        parent = failed(wired)
        wired.lose_answer("replays.record_replay")
        with pytest.raises(StoreUnavailableError):
            wired.replay(order(parent))
        [entry] = wired.memory.lineage.values()
        assert wired.replay(order(parent)) == Replayed(entry.child, 1, created=False, actor=entry.actor)

    def test_so_the_next_replay_is_of_the_child_which_is_the_leaf(self, wired: Wired) -> None:
        parent = failed(wired)
        child = replay(wired, parent)
        wired.run_once(child)
        grandchild = replay(wired, child)
        assert grandchild.lineage is not None
        assert (grandchild.lineage.root, grandchild.lineage.parent) == (parent.trace_id, child.trace_id)
        assert [entry.generation for entry in wired.world.replays.lineage(TENANT, parent.trace_id)] == [1, 2]

    def test_a_letter_that_changed_meanwhile_is_read_again(self, wired: Wired) -> None:
        parent = failed(wired)
        resolved = replace(letter_of(wired, parent), state=LetterState.RESOLVED)

        def resolve() -> None:
            wired.memory.letters[TENANT, parent.trace_id] = resolved

        wired.meanwhile("replays.record_replay", resolve)
        child = replay(wired, parent)
        assert letter_of(wired, parent) == replace(resolved, state=LetterState.REPLAYED, child=child.trace_id)
        assert len(wired.memory.lineage) == 1

    def test_a_parent_that_expired_while_another_was_faster_is_not_found(self, wired: Wired) -> None:
        parent = failed(wired)

        def overtake() -> None:
            wired.memory.replay_counts[TENANT, parent.trace_id] = 1
            wired.memory.runs.clear()

        wired.meanwhile("replays.record_replay", overtake)
        assert refusal(wired, parent) == "not_found"

    def test_a_lineage_that_never_stands_still_is_given_up(self, wired: Wired) -> None:
        parent = failed(wired)

        def move() -> None:
            wired.memory.replay_counts[TENANT, parent.trace_id] = 99

        wired.meanwhile("replays.record_replay", move, times=100)
        with pytest.raises(StoreUnavailableError):
            wired.replay(order(parent))
        assert wired.order_of("replays.record_replay") == ["replays.record_replay"] * 8
        assert wired.queue.messages == []


class TestGenerations:
    def test_a_root_is_replayed_so_often_and_no_more(self, wired: Wired) -> None:
        task = failed(wired)
        for generation in range(1, MAX_GENERATIONS + 1):
            task = replay(wired, task)
            assert task.lineage is not None
            assert task.lineage.generation == generation
            wired.run_once(task)
        assert wired.replay(order(task)) == NotReplayable(
            "too_many_generations", f"the root was replayed {MAX_GENERATIONS} times already"
        )
        assert len(wired.memory.lineage) == MAX_GENERATIONS

    def test_they_go_on_counting_when_the_oldest_entries_are_forgotten(self, wired: Wired) -> None:
        root = failed(wired)
        child = replay(wired, root)
        wired.run_once(child)
        leaf = replay(wired, child)
        wired.run_once(leaf)
        del wired.memory.lineage[TENANT, root.trace_id, root.trace_id, 1]
        again = replay(wired, leaf)
        assert again.lineage is not None
        assert again.lineage.generation == 3


class TestRefused:
    @pytest.mark.parametrize("trace_id", ["", "x", "0" * 43, "G" * 44])
    def test_a_malformed_id_names_nothing_and_costs_nothing(self, wired: Wired, trace_id: str) -> None:
        assert refusal(wired, trace_id) == "not_found"
        assert wired.memory.calls == []

    def test_a_task_that_never_was_is_not_found(self, wired: Wired) -> None:
        assert refusal(wired, "0" * 44) == "not_found"

    def test_nor_is_another_tenants(self, wired: Wired) -> None:
        assert refusal(wired, failed(wired), tenant="acme") == "not_found"

    def test_nor_is_a_run_whose_time_is_over_deleted_or_not(self, wired: Wired) -> None:
        parent = failed(wired)
        wired.clock.ms = wired.row(parent).expires_at_s * 1000
        assert refusal(wired, parent) == "not_found"

    @pytest.mark.parametrize("state", [state for state in RunState if not state.is_terminal])
    def test_a_task_that_goes_on_is_not_replayed(self, wired: Wired, state: RunState) -> None:
        task = wired.take()
        wired.keep(replace(Run.of_task(task), version=1, state=state))
        assert refusal(wired, task) == "not_ended"

    @pytest.mark.parametrize("edited", [None, b"{}"])
    def test_a_route_that_the_tenant_may_not_call_any_more_is_none(self, wired: Wired, edited: bytes | None) -> None:
        parent = failed(wired)
        hidden = Tenants.of({TENANT: replace(UNLIMITED, routes=("ask",))})
        wired.memory.tenants = TenantsDocument(hidden.to_text(), 1, "n")
        wired.clock.advance(61)
        assert refusal(wired, parent, edited_body=edited) == "disabled"
        assert letter_of(wired, parent).state is LetterState.OPEN

    def test_a_disabled_route_is_not_replayed_into(self, wired: Wired) -> None:
        parent = failed(wired)
        wired.switch(Enablement.DISABLED)
        assert refusal(wired, parent) == "disabled"
        assert letter_of(wired, parent).state is LetterState.OPEN

    def test_nor_is_a_removed_one(self) -> None:
        before = Wired()
        parent = failed(before)
        after = Wired(manifest=a_manifest(a_route("other")), world=before.world)
        assert refusal(after, parent) == "disabled"

    def test_a_paused_routes_replay_is_accepted_and_parked(self, wired: Wired) -> None:
        parent = failed(wired)
        wired.switch(Enablement.PAUSED)
        child = replay(wired, parent)
        assert wired.run_once(child).status is ExecutionStatus.PARKED

    @pytest.mark.parametrize(
        "call", ["runs.get", "acceptances.get", "replays.get_letter", "replays.lineage", "replays.record_replay"]
    )
    def test_a_store_that_does_not_answer_makes_nothing(self, wired: Wired, call: str) -> None:
        parent = failed(wired)
        wired.refuse(call)
        with pytest.raises(StoreUnavailableError):
            wired.replay(order(parent))
        assert (wired.memory.lineage, wired.memory.audit) == ({}, {})
        assert wired.queue.messages == []

    def test_a_row_that_no_code_of_ours_wrote_is_no_task_to_replay(self, wired: Wired) -> None:
        parent = failed(wired)
        wired.runs.poison.add(parent.trace_id)
        with pytest.raises(IntegrityError):
            wired.replay(order(parent))

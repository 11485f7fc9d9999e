"""Replay, switch, run now, as orders with a key: each leaves its operation, with all that its answer tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.tasks import a_manifest, a_route, a_schedule
from tests.unit.services.wired import PERMANENT, TENANT, Wired
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import OperationRepeatedError, StoreUnavailableError
from workerflow.domain.json_body import MAX_BODY_BYTES
from workerflow.domain.operation import REMEMBERED_SECONDS, Operation, OperationKey
from workerflow.domain.task import Acceptance
from workerflow.services.once import CarriedOut
from workerflow.services.replay_task import NotReplayable, Replayed, ReplayOrder, ReplayTask
from workerflow.services.run_schedule import RunOrder, RunStarted
from workerflow.services.set_switch import SwitchOrder

KEY = OperationKey.of("a" * 12, "order-1", "whatever it says")
ANOTHER = OperationKey.of("b" * 12, "order-1", "whatever it says")
PAUSE = SwitchOrder(TENANT, "route:echo", Enablement.PAUSED, "ops", "why", "192.0.2.7", KEY)
RUN = RunOrder(TENANT, "report", "key-1", "ops", "why", "192.0.2.7", KEY)


@pytest.fixture
def wired() -> Wired:
    return Wired(manifest=a_manifest(a_route(), a_schedule()))


@pytest.fixture
def parent(wired: Wired) -> Acceptance:
    task = wired.take()
    wired.handler_returns(PERMANENT)
    wired.run_once(task)
    return task


def order(task: Acceptance, **changes: object) -> ReplayOrder:
    told = ReplayOrder(TENANT, task.trace_id, "ops", "why", address="192.0.2.7", operation=KEY)
    return replace(told, **changes)  # type: ignore[arg-type]


def operation(wired: Wired, key: OperationKey = KEY) -> Operation:
    """What is found under the key; its audit event tells the same, and where the order came from."""
    found = wired.world.operations.find(TENANT, key, now_ms=wired.clock.ms)
    assert found is not None
    event = wired.memory.audit[TENANT, found.at_ms, found.nonce]
    assert (event.action, event.target, event.details) == (found.action, found.target, found.details)
    assert event.address == "192.0.2.7"
    return found


class TestReplay:
    def test_it_tells_the_child_and_how_it_came_about(self, wired: Wired, parent: Acceptance) -> None:
        outcome = wired.replay(order(parent, edited_body=b'{"n":2}', new_effects=True))
        assert isinstance(outcome, Replayed)
        told = operation(wired)
        assert (told.action, told.target) == ("run.replayed", parent.trace_id)
        assert told.details == {
            "child": outcome.child,
            "generation": "1",
            "edited": "true",
            "newEffects": "true",
            "created": "true",
        }

    @pytest.mark.parametrize("new_effects", [False, True])
    def test_one_that_is_made_already_is_told_as_it_is(
        self, wired: Wired, parent: Acceptance, *, new_effects: bool
    ) -> None:
        first = wired.replay(order(parent, operation=None, new_effects=new_effects))
        second = wired.replay(order(parent, actor="another", operation=ANOTHER, new_effects=not new_effects))
        assert isinstance(first, Replayed)
        assert second == replace(first, created=False)
        told = operation(wired, ANOTHER)
        assert (told.details["child"], told.details["created"]) == (first.child, "false")
        assert told.details["newEffects"] == str(new_effects).lower()
        assert len(wired.memory.audit) == 2

    def test_whoever_replays_without_a_key_leaves_nothing_the_second_time(
        self, wired: Wired, parent: Acceptance
    ) -> None:
        wired.replay(order(parent, operation=None))
        wired.replay(order(parent, operation=None))
        assert (len(wired.memory.audit), wired.memory.operations) == (1, {})

    def test_an_edited_payload_that_is_too_large_is_refused_before_anything_is_asked(
        self, wired: Wired, parent: Acceptance
    ) -> None:
        wired.memory.calls.clear()
        outcome = wired.replay(order(parent, edited_body=b'"' + b"a" * (MAX_BODY_BYTES - 1) + b'"'))
        assert isinstance(outcome, NotReplayable)
        assert (outcome.code, wired.memory.calls) == ("payload_too_large", [])

    def test_one_of_just_the_size_is_taken(self, wired: Wired, parent: Acceptance) -> None:
        outcome = wired.replay(order(parent, edited_body=b'"' + b"a" * (MAX_BODY_BYTES - 2) + b'"'))
        assert isinstance(outcome, Replayed)

    def test_a_function_that_takes_no_keys_does_not_lose_one(self, wired: Wired, parent: Acceptance) -> None:
        wired.replay(order(parent, operation=None))
        keyless: ReplayTask = replace(wired.replay, operations=None)
        with pytest.raises(ValueError, match="no orders with keys"):
            keyless(order(parent))


class TestSwitch:
    def test_it_tells_before_and_after(self, wired: Wired) -> None:
        wired.set_switch(PAUSE)
        told = operation(wired)
        assert (told.action, told.target) == ("switch.set", "route:echo")
        assert told.details == {"before": "enabled", "after": "paused"}

    def test_one_that_is_set_already_is_told_and_not_set(self, wired: Wired) -> None:
        first = wired.set_switch(PAUSE)
        assert wired.set_switch(replace(PAUSE, operation=ANOTHER)) == first
        assert operation(wired, ANOTHER).details == {"before": "paused", "after": "paused"}
        assert len(wired.memory.audit) == 2

    def test_an_answer_that_was_lost_is_found_by_the_key(self, wired: Wired) -> None:
        wired.lose_answer("switches.put_switch")
        with pytest.raises(StoreUnavailableError):
            wired.set_switch(PAUSE)
        answer = wired.once(TENANT, KEY, lambda: wired.set_switch(PAUSE))
        assert isinstance(answer, CarriedOut)
        assert (answer.repeated, answer.operation.details) == (True, {"before": "enabled", "after": "paused"})


class TestRun:
    def test_it_tells_the_run(self, wired: Wired) -> None:
        outcome = wired.run_schedule(RUN)
        assert isinstance(outcome, RunStarted)
        told = operation(wired)
        assert (told.action, told.target) == ("schedule.run", "schedule:report")
        assert told.details == {"run": outcome.trace_id}

    def test_two_operators_with_one_key_have_a_run_each(self, wired: Wired) -> None:
        first, second = wired.run_schedule(RUN), wired.run_schedule(replace(RUN, operation=ANOTHER))
        assert isinstance(first, RunStarted)
        assert isinstance(second, RunStarted)
        assert (first.trace_id != second.trace_id, second.created) == (True, True)

    def test_an_order_whose_key_is_forgotten_is_a_run_of_its_own(self, wired: Wired) -> None:
        """Although its run is remembered for longer: nobody is told of that as if it had begun just now."""
        first = wired.run_schedule(RUN)
        wired.clock.advance(REMEMBERED_SECONDS + 1)
        second = wired.run_schedule(RUN)
        assert isinstance(first, RunStarted)
        assert isinstance(second, RunStarted)
        assert (first.trace_id != second.trace_id, second.created) == (True, True)
        assert operation(wired).details == {"run": second.trace_id}

    def test_an_order_with_another_reason_is_no_obstacle_when_the_key_is_forgotten(self, wired: Wired) -> None:
        wired.run_schedule(RUN)
        wired.clock.advance(REMEMBERED_SECONDS + 1)
        again = OperationKey.of("a" * 12, "order-1", "something else")
        outcome = wired.run_schedule(replace(RUN, reason="another", operation=again))
        assert isinstance(outcome, RunStarted)


ORDERS: dict[str, Callable[[Wired, Acceptance], object]] = {
    "a replay": lambda wired, parent: wired.replay(order(parent)),
    "a switch": lambda wired, _: wired.set_switch(PAUSE),
    "a run": lambda wired, _: wired.run_schedule(RUN),
}


@pytest.mark.parametrize("carry_out", ORDERS.values(), ids=ORDERS.keys())
def test_an_order_whose_key_is_taken_meanwhile_is_left_to_the_one_that_took_it(
    wired: Wired, parent: Acceptance, carry_out: Callable[[Wired, Acceptance], object]
) -> None:
    wired.set_switch(replace(PAUSE, state=Enablement.DISABLED, source="schedule:report"))
    wired.enablement._cache.clear()
    wired.memory.switches.clear()
    written = len(wired.memory.audit), len(wired.memory.acceptances)
    with pytest.raises(OperationRepeatedError):
        carry_out(wired, parent)
    assert (len(wired.memory.audit), len(wired.memory.acceptances)) == written
    assert wired.memory.switches == {}

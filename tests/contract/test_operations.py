"""OperationStore, and the keys of orders in every store that carries one out: what both implementations promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.contract.worlds import Ports
from tests.support.runs import a_replay, a_run, failed, letter_of
from tests.support.schedules import a_fire
from tests.support.tasks import NOW_MS, an_acceptance
from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import LetterState
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.errors import OperationRepeatedError, StoreUnavailableError
from workerflow.domain.operation import REMEMBERED_SECONDS, Operation, OperationKey
from workerflow.domain.run import RunState
from workerflow.ports.stores import Conflict, Written

KEY = OperationKey.of("a" * 12, "order-1", "default", "switch.set", "route:echo", "paused")
EVENT = AuditEvent(
    "default", NOW_MS, "1" * 16, "ops (aaaa)", "switch.set", "route:echo", "why", {"after": "paused"}, "192.0.2.7", KEY
)
OPERATION = Operation("default", KEY, "switch.set", "route:echo", NOW_MS, "1" * 16, {"after": "paused"})
SWITCH = Switch("default", "route:echo", Enablement.PAUSED, "why", "ops", NOW_MS, 1, "1" * 16)
FIRE = a_fire()
FAILED = an_acceptance("failed")
LETTER = letter_of(failed(a_run(FAILED)), FAILED)
RUN = a_run()

ORDERS: dict[str, Callable[[Ports, AuditEvent], object]] = {
    "a replay": lambda world, event: world.replays.record_replay(replace(a_replay(an_acceptance(), 1), audit=event)),
    "a switch": lambda world, event: world.switches.put_switch(replace(SWITCH, nonce=event.nonce), event),
    "a change of a run": lambda world, event: world.runs.write(
        replace(RUN, version=1, nonce=event.nonce, state=RunState.CANCELLED), audit=event
    ),
    "the end of a letter": lambda world, event: world.replays.resolve_letter(
        replace(LETTER, state=LetterState.RESOLVED, note="done", resolved_by="ops", resolution=event.nonce), event
    ),
    "a manual run": lambda world, event: world.schedules.record_manual(FIRE, event, now_ms=NOW_MS),
}


@pytest.fixture(autouse=True)
def _a_letter(world: Ports) -> None:
    world.runs.write(replace(failed(a_run(FAILED)), version=1), letter=LETTER)


def test_an_order_that_changed_nothing_is_told_and_found_by_its_key(world: Ports) -> None:
    world.operations.record(EVENT)
    assert world.operations.find("default", KEY, now_ms=NOW_MS) == OPERATION
    assert world.audit_events() == [replace(EVENT, operation=None)]


def test_an_order_without_a_key_is_told_and_not_kept(world: Ports) -> None:
    world.operations.record(replace(EVENT, operation=None))
    assert world.operations.find("default", KEY, now_ms=NOW_MS) is None
    assert len(world.audit_events()) == 1


def test_a_key_is_its_tenants_and_its_tokens_own(world: Ports) -> None:
    world.operations.record(EVENT)
    assert world.operations.find("another", KEY, now_ms=NOW_MS) is None
    assert world.operations.find("default", replace(KEY, token_id="b" * 12), now_ms=NOW_MS) is None
    assert world.operations.find("default", replace(KEY, key_digest="0" * 32), now_ms=NOW_MS) is None


def test_what_stands_under_a_key_is_told_to_whoever_brings_another_order(world: Ports) -> None:
    world.operations.record(EVENT)
    assert world.operations.find("default", replace(KEY, order_digest="0" * 64), now_ms=NOW_MS) == OPERATION


def test_a_key_is_forgotten_in_time_and_may_then_be_used_again(world: Ports) -> None:
    world.operations.record(EVENT)
    later = NOW_MS + REMEMBERED_SECONDS * 1000
    assert world.operations.find("default", KEY, now_ms=later - 1000) == OPERATION
    assert world.operations.find("default", KEY, now_ms=later) is None
    again = replace(EVENT, at_ms=later, nonce="2" * 16)
    world.operations.record(again)
    assert world.operations.find("default", KEY, now_ms=later) == replace(OPERATION, at_ms=later, nonce="2" * 16)


def test_of_two_orders_with_one_key_one_is_recorded(world: Ports) -> None:
    world.operations.record(EVENT)
    with pytest.raises(OperationRepeatedError):
        world.operations.record(replace(EVENT, nonce="2" * 16))
    assert len(world.audit_events()) == 1


def test_a_record_whose_answer_was_lost_is_found_to_be_our_own(world: Ports) -> None:
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.operations.record(EVENT)
    world.operations.record(EVENT)
    assert len(world.audit_events()) == 1


@pytest.mark.parametrize("carry_out", ORDERS.values(), ids=ORDERS.keys())
def test_an_order_is_written_with_its_effect(world: Ports, carry_out: Callable[[Ports, AuditEvent], object]) -> None:
    assert carry_out(world, EVENT) == Written()
    assert world.operations.find("default", KEY, now_ms=NOW_MS) == OPERATION
    assert world.audit_events() == [replace(EVENT, operation=None)]


@pytest.mark.parametrize("carry_out", ORDERS.values(), ids=ORDERS.keys())
def test_an_order_whose_key_is_taken_has_no_effect(
    world: Ports, carry_out: Callable[[Ports, AuditEvent], object]
) -> None:
    world.operations.record(EVENT)
    with pytest.raises(OperationRepeatedError):
        carry_out(world, replace(EVENT, nonce="2" * 16))
    assert len(world.audit_events()) == 1
    assert world.switches.list_switches("default") == []
    assert world.acceptances.get("default", FIRE.key_hash) is None
    assert world.runs.get("default", RUN.trace_id) is None
    assert world.replays.get_letter("default", LETTER.trace_id) == LETTER
    assert world.replays.lineage("default", an_acceptance().root) == []


@pytest.mark.parametrize("carry_out", ORDERS.values(), ids=ORDERS.keys())
def test_an_order_whose_answer_was_lost_is_found_to_be_our_own(
    world: Ports, carry_out: Callable[[Ports, AuditEvent], object]
) -> None:
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        carry_out(world, EVENT)
    assert carry_out(world, EVENT) == Written()
    assert len(world.audit_events()) == 1


def test_an_order_that_comes_too_late_is_told_so_and_leaves_its_key_free(world: Ports) -> None:
    world.switches.put_switch(SWITCH, replace(EVENT, operation=None))
    second = replace(EVENT, nonce="2" * 16)
    assert world.switches.put_switch(replace(SWITCH, nonce="2" * 16), second) == Conflict(SWITCH)
    assert world.operations.find("default", KEY, now_ms=NOW_MS) is None
    assert len(world.audit_events()) == 1


def test_an_order_to_delete_a_switch_takes_its_key_too(world: Ports) -> None:
    world.switches.put_switch(SWITCH, replace(EVENT, operation=None))
    assert world.switches.delete_switch(SWITCH, replace(EVENT, nonce="2" * 16)) == Written()
    assert world.operations.find("default", KEY, now_ms=NOW_MS) is not None
    with pytest.raises(OperationRepeatedError):
        world.switches.delete_switch(SWITCH, replace(EVENT, nonce="3" * 16))


def test_an_order_whose_answer_was_lost_is_known_again_though_others_have_written_since(world: Ports) -> None:
    """What they wrote stands where our own nonce would: the order's key alone can tell."""
    cancelled = replace(RUN, version=1, nonce=EVENT.nonce, state=RunState.RUNNING, cancel_asked_at_ms=NOW_MS)
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.runs.write(cancelled, audit=EVENT)
    finished = cancelled.change(nonce="2" * 16, now_ms=NOW_MS, state=RunState.SUCCEEDED)
    assert world.runs.write(finished) == Written()
    assert world.runs.write(cancelled, audit=EVENT) == Written()
    assert world.runs.get("default", RUN.trace_id) == finished
    assert len(world.audit_events()) == 1

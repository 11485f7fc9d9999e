"""SwitchStore, CursorStore, AuditLog: what both implementations promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.worlds import Ports
from tests.support.tasks import NOW_MS
from workerflow.domain.audit import AuditEvent
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.errors import StoreUnavailableError
from workerflow.ports.stores import Conflict, Cursor, Written

SWITCH = Switch("default", "route:echo", Enablement.PAUSED, "the provider is down", "ops", NOW_MS, 1, "1" * 16)
AUDIT = AuditEvent("default", NOW_MS, "1" * 16, "ops", "switch.set", "route:echo", "why", {"after": "paused"})
CURSOR = Cursor("default", 2, "a" * 44, 1, "1" * 16)


def test_a_switch_is_written_with_its_audit_row(world: Ports) -> None:
    assert world.switches.put_switch(SWITCH, AUDIT) == Written()
    assert list(world.switches.list_switches("default")) == [SWITCH]
    assert world.audit_events() == [AUDIT]


def test_a_switch_knows_when_it_was_set_back(world: Ports) -> None:
    resumed = replace(SWITCH, state=Enablement.ENABLED, resumed_at_ms=NOW_MS - 5)
    assert world.switches.put_switch(resumed, AUDIT) == Written()
    assert list(world.switches.list_switches("default")) == [resumed]


def test_a_switch_is_set_anew_on_the_version_that_was_read(world: Ports) -> None:
    second = replace(SWITCH, state=Enablement.ENABLED, version=2, nonce="2" * 16)
    world.switches.put_switch(SWITCH, AUDIT)
    assert world.switches.put_switch(second, replace(AUDIT, nonce="2" * 16)) == Written()
    assert list(world.switches.list_switches("default")) == [second]
    assert len(world.audit_events()) == 2


@pytest.mark.parametrize("version", [1, 3])
def test_a_switch_meets_the_one_that_stands(world: Ports, version: int) -> None:
    world.switches.put_switch(SWITCH, AUDIT)
    other = replace(SWITCH, version=version, nonce="2" * 16)
    assert world.switches.put_switch(other, replace(AUDIT, nonce="2" * 16)) == Conflict(SWITCH)
    assert world.audit_events() == [AUDIT]


def test_a_later_version_of_no_switch_conflicts_with_nothing(world: Ports) -> None:
    assert world.switches.put_switch(replace(SWITCH, version=2), AUDIT) == Conflict(None)


def test_a_switch_whose_answer_was_lost_is_found_to_be_our_own(world: Ports) -> None:
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.switches.put_switch(SWITCH, AUDIT)
    assert world.switches.put_switch(SWITCH, AUDIT) == Written()
    assert world.audit_events() == [AUDIT]


def test_switches_are_told_by_tenant_in_order_of_their_sources(world: Ports) -> None:
    for source in ("route:c", "route:a", "route:b"):
        world.switches.put_switch(replace(SWITCH, source=source), AUDIT)
    assert [switch.source for switch in world.switches.list_switches("default")] == ["route:a", "route:b", "route:c"]
    assert list(world.switches.list_switches("another")) == []


def test_a_switch_is_deleted_with_its_audit_row(world: Ports) -> None:
    world.switches.put_switch(SWITCH, AUDIT)
    removed = replace(AUDIT, nonce="2" * 16, action="switch.removed")
    assert world.switches.delete_switch(SWITCH, removed) == Written()
    assert list(world.switches.list_switches("default")) == []
    assert removed in world.audit_events()


def test_a_switch_that_was_set_since_is_not_deleted(world: Ports) -> None:
    newer = replace(SWITCH, version=2, nonce="2" * 16)
    world.switches.put_switch(SWITCH, AUDIT)
    world.switches.put_switch(newer, replace(AUDIT, nonce="2" * 16))
    assert world.switches.delete_switch(SWITCH, replace(AUDIT, nonce="3" * 16)) == Conflict(newer)
    assert list(world.switches.list_switches("default")) == [newer]
    assert len(world.audit_events()) == 2


def test_a_switch_whose_deletion_was_not_answered_is_found_gone(world: Ports) -> None:
    world.switches.put_switch(SWITCH, AUDIT)
    removed = replace(AUDIT, nonce="2" * 16)
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.switches.delete_switch(SWITCH, removed)
    assert world.switches.delete_switch(SWITCH, removed) == Written()
    assert len(world.audit_events()) == 2


def test_a_cursor_begins_where_there_is_none(world: Ports) -> None:
    assert world.cursors.get_cursor("default", 2) is None
    assert world.cursors.move_cursor(CURSOR) == Written()
    assert world.cursors.get_cursor("default", 2) == CURSOR
    assert world.cursors.get_cursor("default", 1) is None
    assert world.cursors.get_cursor("another", 2) is None


def test_a_cursor_moves_from_the_version_that_was_read(world: Ports) -> None:
    faster = replace(CURSOR, position="b" * 44, version=2, nonce="2" * 16)
    world.cursors.move_cursor(CURSOR)
    assert world.cursors.move_cursor(faster) == Written()
    assert world.cursors.move_cursor(replace(faster, nonce="3" * 16)) == Conflict(faster)
    assert world.cursors.move_cursor(replace(CURSOR, nonce="4" * 16)) == Conflict(faster)


def test_a_later_version_of_no_cursor_conflicts_with_nothing(world: Ports) -> None:
    assert world.cursors.move_cursor(replace(CURSOR, version=5)) == Conflict(None)


def test_a_move_whose_answer_was_lost_is_found_to_be_our_own(world: Ports) -> None:
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.cursors.move_cursor(CURSOR)
    assert world.cursors.move_cursor(CURSOR) == Written()


def test_an_audit_event_that_is_appended_twice_is_one_row(world: Ports) -> None:
    bare = AuditEvent("default", NOW_MS, "2" * 16, "drain", "message.rejected", "queue")
    world.audit.append(AUDIT)
    world.audit.append(AUDIT)
    world.audit.append(bare)
    assert sorted(world.audit_events(), key=lambda event: event.nonce) == [AUDIT, bare]


def test_the_cursors_of_two_walks_are_apart(world: Ports) -> None:
    sweeps, retrys = Cursor("default", 0, "a" * 44, 1, "1" * 16), Cursor("default", 0, "b", 1, "2" * 16)
    assert world.cursors.move_cursor(sweeps) == Written()
    assert world.retry_cursors.move_cursor(retrys) == Written()
    assert world.cursors.get_cursor("default", 0) == sweeps
    assert world.retry_cursors.get_cursor("default", 0) == retrys

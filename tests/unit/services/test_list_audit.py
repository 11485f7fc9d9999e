"""The audit trail is told newest first, a page at a time, as long as it is kept."""

from __future__ import annotations

import pytest

from tests.fakes.world import FakeWorld
from workerflow.domain.audit import KEPT_DAYS, AuditEvent
from workerflow.services.list_audit import ListAudit

DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def list_audit(world: FakeWorld) -> ListAudit:
    return ListAudit(audit=world.audit, clock=world.clock)


def told(world: FakeWorld, *ages_ms: int) -> list[AuditEvent]:
    events = [
        AuditEvent("acme", world.clock.now_ms() - age_ms, f"{number:016x}", "ada", "switch.set", "route:echo")
        for number, age_ms in enumerate(ages_ms)
    ]
    for event in events:
        world.audit.append(event)
    return events


def test_pages_follow_each_other_while_newer_events_arrive(world: FakeWorld, list_audit: ListAudit) -> None:
    newest, middle, oldest = told(world, 1, 2, 3)
    first = list_audit("acme", limit=2)
    told(world, 0)
    second = list_audit("acme", before=first.next_before, limit=2)
    assert list(first.events) == [newest, middle]
    assert (list(second.events), second.next_before) == ([oldest], None)


def test_a_span_of_time_begins_with_its_first_moment_and_ends_before_its_last(
    world: FakeWorld, list_audit: ListAudit
) -> None:
    _, second, third, _ = told(world, 1, 2, 3, 4)
    now_ms = world.clock.now_ms()
    found = list_audit("acme", from_ms=now_ms - 3, until_ms=now_ms - 1)
    assert list(found.events) == [second, third]


def test_a_page_does_not_leave_its_span(world: FakeWorld, list_audit: ListAudit) -> None:
    newest, *_, oldest = told(world, 1, 2, 3)
    until_ms = world.clock.now_ms() - 2
    assert list(list_audit("acme", until_ms=until_ms, before=newest.position).events) == [oldest]


def test_what_has_expired_is_gone_although_it_is_deleted_late(world: FakeWorld, list_audit: ListAudit) -> None:
    kept, _ = told(world, KEPT_DAYS * DAY_MS, KEPT_DAYS * DAY_MS + 1)
    assert list(list_audit("acme").events) == [kept]
    assert list(list_audit("acme", from_ms=0).events) == [kept]

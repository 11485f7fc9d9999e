"""AuditLog read back, and SecretNames: what both implementations promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.worlds import Ports
from tests.support.tasks import NOW_MS
from workerflow.domain.audit import AuditEvent, audit_position
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.operation import OperationKey

EVENT = AuditEvent(
    "acme", NOW_MS, "1" * 16, "ada (x)", "switch.set", "route:echo", "why", {"before": "enabled"}, "203.0.113.7"
)
FOREVER = audit_position(9_999_999_999_999)
NAME = "workerflow/test/acme/handlers/mail-key"


def some_events(world: Ports, count: int) -> list[AuditEvent]:
    """Events of one tenant, two of each moment, oldest first."""
    events = [replace(EVENT, at_ms=NOW_MS + number // 2, nonce=f"{number:016x}") for number in range(count)]
    for event in events:
        world.audit.append(event)
    return events


def test_an_event_is_read_back_whole_without_its_orders_key(world: Ports) -> None:
    world.audit.append(replace(EVENT, operation=None))
    bare = AuditEvent("acme", NOW_MS + 1, "2" * 16, "drain", "message.rejected", "queue")
    world.audit.append(bare)
    found = world.audit.view_events("acme", since="0", before=FOREVER, limit=9)
    assert (list(found.entries), found.next_before) == ([bare, EVENT], None)


def test_an_order_that_was_recorded_is_told_without_its_key(world: Ports) -> None:
    world.operations.record(replace(EVENT, operation=OperationKey.of("t" * 12, "key", "order")))
    assert list(world.audit.view_events("acme", since="0", before=FOREVER, limit=9).entries) == [EVENT]


@pytest.mark.parametrize(("number", "pages_expected"), [(6, 2), (7, 3)])
def test_events_are_told_newest_first_a_page_at_a_time(world: Ports, number: int, pages_expected: int) -> None:
    events = some_events(world, number)
    told: list[AuditEvent] = []
    before, pages = FOREVER, 0
    while True:
        found = world.audit.view_events("acme", since="0", before=before, limit=3)
        told += found.entries
        pages += 1
        if found.next_before is None:
            break
        before = found.next_before
    assert told == events[::-1]
    assert pages == pages_expected


def test_a_page_that_ends_with_the_last_event_is_the_last(world: Ports) -> None:
    some_events(world, 3)
    assert world.audit.view_events("acme", since="0", before=FOREVER, limit=3).next_before is None


def test_events_of_a_span_of_time_begin_with_its_first_moment_and_end_before_its_last(world: Ports) -> None:
    events = some_events(world, 8)
    found = world.audit.view_events(
        "acme", since=audit_position(NOW_MS + 1), before=audit_position(NOW_MS + 3), limit=9
    )
    assert list(found.entries) == events[5:1:-1]


@pytest.mark.parametrize(("since", "before", "limit"), [("b", "a", 9), ("a", "a", 9), ("0", FOREVER, 0)])
def test_nothing_is_told_of_an_empty_span(world: Ports, since: str, before: str, limit: int) -> None:
    some_events(world, 2)
    assert list(world.audit.view_events("acme", since=since, before=before, limit=limit).entries) == []


def test_events_of_tenants_are_apart(world: Ports) -> None:
    some_events(world, 2)
    for tenant in ("default", "acme-2", "acm"):
        assert list(world.audit.view_events(tenant, since="0", before=FOREVER, limit=9).entries) == []


def test_a_secret_is_there_until_it_is_about_to_be_deleted(world: Ports) -> None:
    assert not world.secret_names.exists(NAME)
    world.make_secret(NAME)
    assert world.secret_names.exists(NAME)
    assert not world.secret_names.exists(NAME[:-1])
    world.drop_secret(NAME)
    assert not world.secret_names.exists(NAME)


def test_whether_a_secret_is_there_is_unknown_while_nobody_answers(world: Ports) -> None:
    with world.refusing(), pytest.raises(StoreUnavailableError):
        world.secret_names.exists(NAME)

"""TenantsStore, SlotStore, RefusedCalls: what both implementations promise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.contract.worlds import Ports
from tests.support.tasks import NOW_MS
from tests.support.tenants import A_REFUSED_CALL
from workerflow.domain.audit import AuditEvent
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.refused_call import RefusedCall
from workerflow.ports.stores import Conflict, Written
from workerflow.ports.tenants import Slot, TenantsDocument

DOCUMENT = TenantsDocument('{"acme": {}}', 1, "1" * 16)
SECOND = TenantsDocument('{"acme": {}, "größe": ' + '"x"' * 5000 + "}", 2, "2" * 16)
AUDIT = AuditEvent("default", NOW_MS, "1" * 16, "ops", "tenants.published", "tenants")
SLOT = Slot("acme", 7, "1" * 16, NOW_MS + 60_000)
CALL = A_REFUSED_CALL


def test_there_are_no_tenants_where_none_were_published(world: Ports) -> None:
    assert world.tenants.get() is None


def test_the_tenants_are_published_with_an_audit_row(world: Ports) -> None:
    assert world.tenants.publish(DOCUMENT, AUDIT) == Written()
    assert world.tenants.get() == DOCUMENT
    assert world.audit_events() == [AUDIT]


def test_the_tenants_are_replaced_as_a_whole_on_the_version_that_was_read(world: Ports) -> None:
    world.tenants.publish(DOCUMENT, AUDIT)
    assert world.tenants.publish(SECOND, replace(AUDIT, nonce="2" * 16)) == Written()
    assert world.tenants.get() == SECOND
    late = replace(AUDIT, nonce="3" * 16)
    assert world.tenants.publish(replace(SECOND, nonce="3" * 16), late) == Conflict(SECOND)
    assert world.tenants.publish(replace(DOCUMENT, nonce="4" * 16), late) == Conflict(SECOND)
    assert len(world.audit_events()) == 2


def test_a_later_version_of_no_document_conflicts_with_nothing(world: Ports) -> None:
    assert world.tenants.publish(SECOND, AUDIT) == Conflict(None)
    assert world.audit_events() == []


def test_a_publication_whose_answer_was_lost_is_found_to_be_our_own(world: Ports) -> None:
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.tenants.publish(DOCUMENT, AUDIT)
    assert world.tenants.publish(DOCUMENT, AUDIT) == Written()
    assert world.audit_events() == [AUDIT]


def test_a_slot_is_taken_by_one_holder(world: Ports) -> None:
    assert world.slots.take(SLOT, now_ms=NOW_MS)
    assert not world.slots.take(replace(SLOT, holder="2" * 16), now_ms=NOW_MS)
    assert list(world.slots.held("acme")) == [SLOT]


def test_a_holder_takes_its_slot_again(world: Ports) -> None:
    longer = replace(SLOT, until_ms=SLOT.until_ms + 1)
    world.slots.take(SLOT, now_ms=NOW_MS)
    assert world.slots.take(longer, now_ms=NOW_MS)
    assert list(world.slots.held("acme")) == [longer]


def test_a_slot_whose_answer_was_lost_is_found_to_be_our_own(world: Ports) -> None:
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.slots.take(SLOT, now_ms=NOW_MS)
    assert world.slots.take(SLOT, now_ms=NOW_MS)


def test_a_slot_is_free_once_its_time_is_over(world: Ports) -> None:
    other = replace(SLOT, holder="2" * 16, until_ms=SLOT.until_ms + 60_000)
    world.slots.take(SLOT, now_ms=NOW_MS)
    assert not world.slots.take(other, now_ms=SLOT.until_ms - 1)
    assert world.slots.take(other, now_ms=SLOT.until_ms)
    assert list(world.slots.held("acme")) == [other]


def test_a_slot_is_released_by_its_holder_alone(world: Ports) -> None:
    world.slots.take(SLOT, now_ms=NOW_MS)
    world.slots.release(replace(SLOT, holder="2" * 16))
    assert list(world.slots.held("acme")) == [SLOT]
    world.slots.release(replace(SLOT, until_ms=0))
    world.slots.release(SLOT)
    assert list(world.slots.held("acme")) == []


def test_a_slot_is_handed_on_by_its_holder_alone(world: Ports) -> None:
    to = replace(SLOT, holder="run:x", until_ms=NOW_MS + 1)
    assert not world.slots.hand(SLOT, to)
    world.slots.take(SLOT, now_ms=NOW_MS)
    assert not world.slots.hand(replace(SLOT, holder="2" * 16), to)
    assert not world.slots.hand(replace(SLOT, until_ms=SLOT.until_ms + 1), to), "it was taken anew meanwhile"
    assert list(world.slots.held("acme")) == [SLOT]
    assert world.slots.hand(SLOT, to)
    assert list(world.slots.held("acme")) == [to]
    world.slots.release(SLOT)
    assert list(world.slots.held("acme")) == [to], "who handed it on cannot free it"


def test_a_slot_that_is_handed_on_is_held_until_the_time_that_was_given(world: Ports) -> None:
    to, other = replace(SLOT, holder="run:x", until_ms=NOW_MS + 90_000), replace(SLOT, holder="3" * 16)
    world.slots.take(SLOT, now_ms=NOW_MS)
    world.slots.hand(SLOT, to)
    assert not world.slots.take(other, now_ms=NOW_MS + 89_999)
    assert world.slots.take(other, now_ms=NOW_MS + 90_000)
    assert not world.slots.hand(to, SLOT)


def test_a_slot_whose_handing_on_was_answered_by_nobody_is_found_to_be_handed_on(world: Ports) -> None:
    to = replace(SLOT, holder="run:x", until_ms=NOW_MS + 1)
    world.slots.take(SLOT, now_ms=NOW_MS)
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.slots.hand(SLOT, to)
    assert world.slots.hand(SLOT, to)
    assert list(world.slots.held("acme")) == [to]


def test_one_of_fifty_threads_hands_a_slot_on(world: Ports) -> None:
    world.slots.take(SLOT, now_ms=NOW_MS)
    with ThreadPoolExecutor(50) as pool:
        handed = list(pool.map(lambda n: world.slots.hand(SLOT, replace(SLOT, holder=f"run:{n}")), range(50)))
    assert handed.count(True) == 1
    [slot] = world.slots.held("acme")
    assert slot.holder == f"run:{handed.index(True)}"


def test_slots_are_told_by_tenant_in_order_of_their_numbers(world: Ports) -> None:
    for number in (10, 99, 9, 0):
        world.slots.take(replace(SLOT, number=number), now_ms=NOW_MS)
    world.slots.take(replace(SLOT, tenant="acme-2"), now_ms=NOW_MS)
    assert [slot.number for slot in world.slots.held("acme")] == [0, 9, 10, 99]
    assert [slot.number for slot in world.slots.held("acme-2")] == [7]
    assert list(world.slots.held("acm")) == []


def test_one_of_fifty_threads_takes_a_slot(world: Ports) -> None:
    with ThreadPoolExecutor(50) as pool:
        taken = list(pool.map(lambda n: world.slots.take(replace(SLOT, holder=f"{n:016x}"), now_ms=NOW_MS), range(50)))
    assert taken.count(True) == 1
    [slot] = world.slots.held("acme")
    assert taken[int(slot.holder, 16)]


@pytest.mark.parametrize("call", [CALL, replace(CALL, tenant=None, headers=(), expected={}, detail="")])
def test_a_refused_call_is_read_back_whole(world: Ports, call: RefusedCall) -> None:
    world.refused_calls.put(call)
    [found] = world.refused_calls.list_calls(call.tenant)
    assert found == call
    assert list(found.expected) == list(call.expected)


def test_a_refused_call_takes_the_place_of_the_one_in_its_slot(world: Ports) -> None:
    newer = replace(CALL, at_ms=NOW_MS + 1)
    world.refused_calls.put(CALL)
    world.refused_calls.put(newer)
    assert list(world.refused_calls.list_calls("acme")) == [newer]


def test_refused_calls_are_told_newest_first(world: Ports) -> None:
    calls = [
        replace(CALL, reason=reason, slot=slot, at_ms=NOW_MS + 10 * slot + len(reason))
        for slot in range(10)
        for reason in ("signature_mismatch", "rate_limited")
    ]
    for call in calls:
        world.refused_calls.put(call)
    newest_first = sorted(calls, key=lambda call: -call.at_ms)
    assert list(world.refused_calls.list_calls("acme")) == newest_first


def test_an_unreadable_refused_call_hides_no_other(world: Ports) -> None:
    spoilt = replace(CALL, slot=CALL.slot + 1)
    for call in (CALL, spoilt):
        world.refused_calls.put(call)
    world.spoil(spoilt)
    assert list(world.refused_calls.list_calls("acme")) == [CALL]


def test_refused_calls_beyond_one_page_are_all_told(world: Ports) -> None:
    """A query brings back 1 MB at most (AWS, "Query"): these have 1.2 MB."""
    calls = [replace(CALL, reason=f"reason_{number:03d}", detail="x" * 6000, at_ms=number) for number in range(200)]
    for call in calls:
        world.refused_calls.put(call)
    assert list(world.refused_calls.list_calls("acme")) == calls[::-1]


def test_refused_calls_of_tenants_are_apart(world: Ports) -> None:
    for tenant in ("acme", "acme-2", "unknown", None):
        world.refused_calls.put(replace(CALL, tenant=tenant))
    for tenant in ("acme", "acme-2", "unknown", None):
        assert [call.tenant for call in world.refused_calls.list_calls(tenant)] == [tenant]

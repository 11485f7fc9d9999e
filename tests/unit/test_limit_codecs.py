"""Schedules, tenants and what limits them become items and come back the same, whatever is in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.schedules import a_cursor, a_mark
from tests.support.tenants import A_REFUSED_CALL, A_ROLLUP
from workerflow.adapters.dynamodb.attributes import pack, unpack
from workerflow.adapters.dynamodb.items import limit, refused_call, rollup, schedule, tenants
from workerflow.domain.errors import IntegrityError
from workerflow.domain.refused_call import RefusedCall
from workerflow.domain.rollup import Rollup, Span
from workerflow.domain.schedule_cursor import Missed, ScheduleCursor, TickMark
from workerflow.ports.tenants import Slot, TenantsDocument

TIMES = st.integers(0, 9_999_999_999_999)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)
NONCES = st.integers(0, 2**64 - 1).map("{:016x}".format)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True)
TENANTS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
SOURCES = st.builds("{}:{}".format, st.sampled_from(["route", "schedule"]), NAMES)
COUNTS = st.integers(1, 10**9)

CURSORS = st.builds(
    ScheduleCursor,
    tenant=TENANTS,
    name=NAMES,
    timing=NONCES,
    since_ms=TIMES,
    next_due_ms=st.none() | TIMES,
    version=st.integers(1, 10**6),
    nonce=NONCES,
    last_due_ms=st.none() | TIMES,
    last_trace_id=st.none() | st.just("a" * 44),
    missed=st.dictionaries(st.sampled_from(Missed), COUNTS),
    last_missed_ms=st.none() | TIMES,
    last_missed_reason=st.none() | st.sampled_from(Missed),
)
MARKS = st.builds(TickMark, ticked_at_ms=TIMES, reconciled=TEXTS, version=st.integers(1, 10**9), nonce=NONCES)
SLOTS = st.builds(Slot, tenant=TENANTS, number=st.integers(0, 999), holder=NONCES, until_ms=TIMES)
DOCUMENTS = st.builds(TenantsDocument, text=TEXTS.map(lambda text: text * 20), version=COUNTS, nonce=NONCES)
CALLS = st.builds(
    replace,
    st.just(A_REFUSED_CALL),
    tenant=st.none() | TENANTS,
    reason=NAMES,
    slot=st.integers(0, 9),
    at_ms=TIMES,
    detail=TEXTS,
    path=TEXTS,
    headers=st.lists(st.from_regex(r"[a-z-]{1,20}", fullmatch=True)).map(tuple),
    expected=st.dictionaries(TEXTS, TEXTS),
)
ROLLUPS = st.builds(
    Rollup,
    tenant=TENANTS,
    span=st.sampled_from(Span),
    start_ms=TIMES,
    source=SOURCES,
    counted_at_ms=TIMES,
    counts=st.dictionaries(st.sampled_from(["succeeded", "failed", "queued"]), COUNTS),
    durations=st.dictionaries(st.integers(0, 100), COUNTS),
)


def _through_dynamodb(item: dict[str, Any]) -> dict[str, Any]:
    return unpack(pack(item))


@given(CURSORS)
def test_a_schedules_cursor_comes_back_whole(one: ScheduleCursor) -> None:
    assert schedule.from_item(_through_dynamodb(schedule.to_item(one))) == one


@given(CURSORS)
def test_a_schedules_cursor_is_in_the_index_while_a_fire_is_to_come(one: ScheduleCursor) -> None:
    item = _through_dynamodb(schedule.to_item(one))
    assert {"due_in", "due_at"} <= set(item) if one.next_due_ms is not None else not {"due_in", "due_at"} & set(item)


@given(MARKS)
def test_the_ticks_mark_comes_back_whole(one: TickMark) -> None:
    assert schedule.mark_from_item(_through_dynamodb(schedule.mark_to_item(one))) == one


@given(SLOTS)
def test_a_slot_comes_back_whole(one: Slot) -> None:
    assert limit.slot_from_item(_through_dynamodb(limit.slot_to_item(one))) == one


@given(DOCUMENTS)
def test_the_tenants_come_back_whole(one: TenantsDocument) -> None:
    assert tenants.from_item(_through_dynamodb(tenants.to_item(one))) == one


@given(CALLS)
def test_a_refused_call_comes_back_whole_and_in_order(one: RefusedCall) -> None:
    found = refused_call.from_item(_through_dynamodb(refused_call.to_item(one)))
    assert found == one
    assert list(found.expected) == list(one.expected)


@given(ROLLUPS)
def test_a_rollup_comes_back_whole(one: Rollup) -> None:
    assert rollup.from_item(_through_dynamodb(rollup.to_item(one))) == one


@pytest.mark.parametrize(("span", "days"), [(Span.QUARTER, 3), (Span.HOUR, 40), (Span.DAY, 400)])
def test_the_finer_a_rollup_the_shorter_it_is_kept(span: Span, days: int) -> None:
    item = rollup.to_item(replace(A_ROLLUP, span=span))
    assert item["expires_at"] == A_ROLLUP.start_ms // 1000 + days * 24 * 3600


def test_a_refused_call_is_kept_for_a_week() -> None:
    item = refused_call.to_item(A_REFUSED_CALL)
    assert item["expires_at"] == A_REFUSED_CALL.at_ms // 1000 + 7 * 24 * 3600


def test_keys_of_tenants_never_meet_those_of_the_system() -> None:
    with_tenant = {schedule.partition("tick"), schedule.partition("tenants"), refused_call.partition("unknown")}
    assert not with_tenant & {schedule.MARK_KEY["pk"], tenants.KEY["pk"], refused_call.partition(None)}
    assert schedule.MARK_KEY != tenants.KEY


@pytest.mark.parametrize(
    "read",
    [
        schedule.from_item,
        schedule.from_index,
        schedule.mark_from_item,
        limit.slot_from_item,
        limit.tat_of,
        tenants.from_item,
        refused_call.from_item,
        rollup.from_item,
    ],
)
def test_an_item_that_no_code_of_ours_wrote_is_told_as_such(read: Any) -> None:
    odd_ones: list[dict[str, Any]] = [{}, {"tat": "soon"}, {"due_at": "soon", "sk": "5#x"}]
    for odd in odd_ones:
        with pytest.raises(IntegrityError, match="acme/"):
            read({"pk": "acme", "sk": "x", **odd})


def test_an_unheard_of_reason_is_told_as_such() -> None:
    item = _through_dynamodb(schedule.to_item(a_cursor(missed={Missed.LATE: 1})))
    with pytest.raises(IntegrityError):
        schedule.from_item(item | {"missed": {"asleep": 1}})
    assert schedule.mark_from_item(_through_dynamodb(schedule.mark_to_item(a_mark()))) == a_mark()

"""Values become items and come back the same, whatever is in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bulk import a_bulk_job, an_error_group
from tests.support.runs import a_replay, a_run, failed, letter_of
from tests.support.tasks import NOW_MS, an_acceptance
from workerflow.adapters.dynamodb.attributes import pack, squeezed, stretched, unpack, unpack_known
from workerflow.adapters.dynamodb.items import (
    acceptance,
    attempt,
    audit,
    bulk,
    error_group,
    letter,
    lineage,
    operation,
    run,
    state,
)
from workerflow.domain.audit import AuditEvent
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.errors import IntegrityError
from workerflow.domain.operation import Operation, OperationKey
from workerflow.domain.run import Attempt, AttemptResult, LetterClass, Run, RunState
from workerflow.domain.stored import StoredBytes
from workerflow.ports.stores import AttemptRecord, Cursor

TIMES = st.integers(0, 9_999_999_999_999)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
NONCES = st.integers(0, 2**64 - 1).map("{:016x}".format)
BODIES = st.binary(max_size=3000) | st.builds(lambda one, n: one * n, st.binary(max_size=20), st.integers(0, 500))

RUNS = st.builds(
    replace,
    st.sampled_from([a_run(), failed(a_run()), a_run(an_acceptance(tenant="t" * 63, source="route:" + "r" * 63))]),
    state=st.sampled_from(RunState),
    version=st.integers(1, 10**6),
    nonce=NONCES,
    attempt=st.integers(0, 25),
    owner=st.none() | NONCES,
    claim=st.none() | NONCES,
    claimed_at_ms=st.none() | TIMES,
    lease_until_ms=st.none() | TIMES,
    not_before_ms=st.none() | TIMES,
    due_at_ms=st.none() | TIMES,
    paused=st.booleans(),
    capped=st.booleans(),
    handed_over=st.booleans(),
    resends=st.integers(0, 1000),
    cancel_asked_at_ms=st.none() | TIMES,
    finished_at_ms=st.none() | TIMES,
    history=st.lists(
        st.builds(Attempt, st.integers(1, 25), TIMES, TIMES, st.sampled_from(AttemptResult)), max_size=8
    ).map(tuple),
    output=st.none() | BODIES,
    has_output_item=st.booleans(),
    letter_class=st.none() | st.sampled_from(LetterClass),
    error=st.none() | TEXTS,
)


def _through_dynamodb(item: dict[str, Any]) -> dict[str, Any]:
    return unpack(pack(item))


@given(RUNS)
def test_a_run_comes_back_as_its_row_keeps_it(one: Run) -> None:
    assert run.from_item(_through_dynamodb(run.to_item(one))) == run.kept(one)


@given(RUNS)
def test_nothing_but_the_error_is_cut(one: Run) -> None:
    kept = run.kept(one)
    assert kept == replace(one, error=kept.error)
    assert (one.error or "").startswith(kept.error or "")
    assert run.kept(kept) == kept
    if run.holds(replace(one, error=None)) and one.error:
        assert run.row_bytes(kept) <= max(1024, run.row_bytes(replace(one, error="")) + 1)


@given(BODIES)
def test_bytes_are_kept_in_the_smaller_form(body: bytes) -> None:
    item = squeezed("payload", body)
    assert stretched("payload", item) == body
    [(name, kept)] = item.items()
    assert len(name) + len(kept) <= len("payload") + len(body)


def test_text_is_kept_compressed_and_noise_as_it_is() -> None:
    assert list(squeezed("payload", b"abc " * 100)) == ["payload_z"]
    assert list(squeezed("payload", bytes(range(256)))) == ["payload"]


@given(st.dictionaries(TEXTS, TEXTS, max_size=3), TIMES, NONCES, TEXTS, TEXTS)
def test_an_audit_event_comes_back(details: dict[str, str], at_ms: int, nonce: str, actor: str, reason: str) -> None:
    event = AuditEvent("default", at_ms, nonce, actor, "run.replayed", "target", reason, details, "192.0.2.7")
    assert audit.from_item(_through_dynamodb(audit.to_item(event))) == event


@given(st.dictionaries(TEXTS, TEXTS, max_size=3), TIMES, NONCES, st.text("!~aZ", min_size=1, max_size=255), TEXTS)
def test_an_order_comes_back(details: dict[str, str], at_ms: int, nonce: str, key: str, target: str) -> None:
    asked = OperationKey.of("a" * 12, key, "default", target)
    event = AuditEvent("default", at_ms, nonce, "ops", "run.replayed", target, "why", details, operation=asked)
    assert operation.from_item(_through_dynamodb(operation.to_item(event, asked))) == Operation(
        "default", asked, "run.replayed", target, at_ms, nonce, details
    )


CODECS: list[tuple[object, Callable[[Any], dict[str, Any]], Callable[[Any], object]]] = [
    (an_acceptance(), acceptance.to_item, acceptance.from_item),
    (an_acceptance(traceparent="00-x", not_before_ms=1), acceptance.to_item, acceptance.from_item),
    (a_replay(an_acceptance(), 7).acceptance, acceptance.to_item, acceptance.from_item),
    (letter_of(failed(a_run())), letter.to_item, letter.from_item),
    (replace(letter_of(failed(a_run())), payload=None), letter.to_item, letter.from_item),
    (
        replace(letter_of(failed(a_run())), note="done", resolved_by="ops", resolved_at_ms=1, resolution="1"),
        letter.to_item,
        letter.from_item,
    ),
    (a_replay(an_acceptance(), 7).entry, lineage.to_item, lineage.from_item),
    (replace(a_replay(an_acceptance(), 20).entry, edited=True), lineage.to_item, lineage.from_item),
    (a_bulk_job(), bulk.to_item, bulk.from_item),
    (an_error_group(), error_group.to_item, error_group.from_item),
    (Cursor("default", 3, "", 9, "1" * 16), state.cursor_to_item, state.cursor_from_item),
    (
        Switch("default", "route:echo", Enablement.DISABLED, "", "ops", NOW_MS, 2, "1" * 16),
        state.switch_to_item,
        state.switch_from_item,
    ),
    (
        Switch("default", "route:echo", Enablement.ENABLED, "", "ops", NOW_MS, 3, "1" * 16, NOW_MS - 5),
        state.switch_to_item,
        state.switch_from_item,
    ),
    (
        AttemptRecord("default", "a" * 44, 3, NOW_MS, 5, output=StoredBytes.inlined(b"")),
        attempt.to_item,
        attempt.from_item,
    ),
]


@pytest.mark.parametrize(("value", "to_item", "from_item"), CODECS)
def test_a_value_comes_back(
    value: object, to_item: Callable[[Any], dict[str, Any]], from_item: Callable[[Any], object]
) -> None:
    assert from_item(_through_dynamodb(to_item(value))) == value


@pytest.mark.parametrize(("value", "to_item", "from_item"), CODECS)
def test_an_item_that_lost_something_is_told_as_such(
    value: object, to_item: Callable[[Any], dict[str, Any]], from_item: Callable[[Any], object]
) -> None:
    item = to_item(value)
    for name in ("source", "nonce", "at_ms", "position", "state", "sk"):
        if item.pop(name, None) is not None:
            break
    with pytest.raises(IntegrityError):
        from_item(item)


def test_an_attribute_of_a_kind_that_we_never_write_is_told_as_such() -> None:
    with pytest.raises(IntegrityError):
        unpack({"odd": {"SS": ["a"]}})
    with pytest.raises(IntegrityError):
        pack({"odd": [1]})  # type: ignore[dict-item]


def test_such_an_attribute_is_passed_over_for_people_to_look_at() -> None:
    item = run.to_item(a_run())
    assert (
        run.from_item(unpack_known({**pack(item), "note": {"L": [{"S": "by hand"}]}, "gone": {"NULL": True}}))
        == a_run()
    )
    with pytest.raises(IntegrityError, match="is no run"):
        run.from_item(unpack_known({**pack(item), "state": {"SS": ["running"]}}))


def test_an_index_key_is_there_only_while_it_means_something() -> None:
    waiting = replace(a_run(), due_at_ms=5)
    assert {"open_in", "due_at"} <= run.to_item(waiting).keys() & pack(run.to_item(waiting)).keys()
    assert not {"open_in", "due_at"} & pack(run.to_item(a_run())).keys()
    open_letter = letter_of(failed(a_run()))
    assert "open_in" in pack(letter.to_item(open_letter))


def test_a_switch_of_before_resumes_were_kept_is_read() -> None:
    switch = Switch("default", "route:echo", Enablement.ENABLED, "", "ops", NOW_MS, 3, "1" * 16)
    item = _through_dynamodb(state.switch_to_item(switch))
    assert "resumed_ms" not in item
    assert state.switch_from_item(item) == switch

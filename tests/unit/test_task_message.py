"""What travels through the queue: a name, read strictly, from bytes that anybody may have put there."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.identity import TraceId
from workerflow.domain.task import TaskMessage

TENANTS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
TRACE_IDS = st.from_regex(r"[0-9a-f]{44}", fullmatch=True)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["v", "tenant", "traceId"]), inner),
    max_leaves=6,
)
GOOD = {"v": 1, "tenant": "default", "traceId": "0" * 44}


@given(TENANTS, TRACE_IDS)
def test_what_was_written_is_read(tenant: str, trace_id: str) -> None:
    message = TaskMessage(tenant, trace_id)
    assert TaskMessage.from_text(message.to_text()) == message


@given(TENANTS, TRACE_IDS)
def test_a_message_is_one_chunk_and_carries_no_payload(tenant: str, trace_id: str) -> None:
    text = TaskMessage(tenant, trace_id).to_text()
    assert len(text) < 200
    assert json.loads(text).keys() == {"v", "tenant", "traceId"}


@given(st.text(max_size=100))
def test_any_text_is_a_task_or_none_and_never_raises(text: str) -> None:
    assert TaskMessage.from_text(text) is None


@given(ANY_JSON)
def test_so_is_any_json(document: object) -> None:
    message = TaskMessage.from_text(json.dumps(document))
    assert message is None or TraceId.parse(message.trace_id).value == message.trace_id


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": "1"},
        {"v": None},
        {"tenant": "A"},
        {"tenant": ""},
        {"tenant": 1},
        {"tenant": None},
        {"traceId": "0" * 43},
        {"traceId": "0" * 44 + "\n"},
        {"traceId": 0},
        {"traceId": ["0" * 44]},
    ],
)
def test_one_wrong_part_makes_it_no_task(change: dict[str, object]) -> None:
    assert TaskMessage.from_text(json.dumps(GOOD)) == TaskMessage("default", "0" * 44)
    assert TaskMessage.from_text(json.dumps(GOOD | change)) is None


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_part_makes_it_no_task(name: str) -> None:
    assert TaskMessage.from_text(json.dumps({key: value for key, value in GOOD.items() if key != name})) is None


@pytest.mark.parametrize("text", ["", "[]", "null", "1", '"x"', "{", "[" * 100_000, '{"v":1}', "\ud800", "NaN"])
def test_nor_is_anything_else(text: str) -> None:
    assert TaskMessage.from_text(text) is None


def test_what_a_later_version_adds_is_read_over() -> None:
    assert TaskMessage.from_text(json.dumps(GOOD | {"priority": 7})) == TaskMessage("default", "0" * 44)

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.errors import IntegrityError, OutputError
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.output import (
    FORBIDDEN_HEADERS,
    MAX_DEPTH,
    MAX_HEADER_BYTES,
    MAX_OUTPUT_BYTES,
    HandlerOutput,
    HttpResponse,
)

LAMBDA_ANSWER_LIMIT = 6 * 1024 * 1024

text = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)
objects = st.dictionaries(text, json_values, max_size=5)
header_names = st.from_regex(r"x-[a-z]{1,10}", fullmatch=True).filter(
    lambda name: not name.startswith(("x-amz", "x-workerflow-"))
)
header_values = st.from_regex(r"[!-~]([ -~]{0,20}[!-~])?", fullmatch=True)
statuses = st.integers(200, 599).filter(lambda status: status not in {204, 205, 304})


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"in": value}
    return value


@given(objects)
def test_a_document_survives_being_stored(document: dict[str, Any]) -> None:
    output = HandlerOutput.from_return(document, mode="async")
    assert HandlerOutput.decode(output.encode()) == output
    assert output.document() == document
    assert output.headers == {"content-type": "application/json"}


@given(statuses, st.dictionaries(header_names, header_values, max_size=4), st.binary() | text | json_values)
def test_a_raw_response_survives_being_stored(status: int, headers: dict[str, str], body: object) -> None:
    output = HandlerOutput.from_return(HttpResponse(status, headers, body), mode="sync")
    assert HandlerOutput.decode(output.encode()) == output
    assert output.status == status
    assert headers.items() <= output.headers.items()


@given(st.binary(max_size=200))
def test_bytes_that_nobody_encoded_are_an_integrity_error(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        HandlerOutput.decode(data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"version":2,"document":{}}',
        b'{"version":1,"document":[]}',
        b'{"version":1,"status":200,"headers":{}}',
        b'{"version":1,"status":200,"headers":{},"base64":"%"}',
        b'{"version":1,"status":200,"headers":[],"text":""}',
        b"[]",
        b"[" * 100_000,
    ],
)
def test_a_stored_output_that_is_damaged_is_an_integrity_error(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        HandlerOutput.decode(data)


def test_nothing_returned_is_an_empty_document() -> None:
    assert HandlerOutput.from_return(None, mode="async").document() == {}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"a": math.nan}, id="NaN"),
        pytest.param({"a": [math.inf]}, id="infinity"),
        pytest.param({"a": {1: "b"}}, id="number as key"),
        pytest.param({None: "b"}, id="None as key"),
        pytest.param({"a": [{True: 1}]}, id="boolean as key in a list"),
        pytest.param({"a": object()}, id="object"),
        pytest.param({"a": b"bytes"}, id="bytes"),
        pytest.param({"a": {1, 2}}, id="set"),
        pytest.param({"a": "\ud800"}, id="lone surrogate"),
        pytest.param({"\udfff": 1}, id="lone surrogate in a key"),
        pytest.param({"a": 10**5000}, id="number that no reader can read"),
        pytest.param(nested(MAX_DEPTH + 1), id="too deep"),
        pytest.param([1], id="list"),
        pytest.param("text", id="text"),
        pytest.param(1, id="number"),
        pytest.param(True, id="boolean"),
    ],
)
def test_what_is_no_json_object_is_refused(value: object) -> None:
    with pytest.raises(OutputError):
        HandlerOutput.from_return(value, mode="sync")


def test_an_object_that_contains_itself_is_refused() -> None:
    value: dict[str, Any] = {}
    value["self"] = value
    with pytest.raises(OutputError, match="contains itself"):
        HandlerOutput.from_return(value, mode="async")


def test_the_deepest_document_that_is_taken_can_be_read_again() -> None:
    output = HandlerOutput.from_return(nested(MAX_DEPTH), mode="async")
    assert HandlerOutput.decode(output.encode()).document() == nested(MAX_DEPTH)


def test_an_async_route_cannot_answer_with_a_raw_response() -> None:
    with pytest.raises(OutputError, match="sync routes"):
        HandlerOutput.from_return(HttpResponse(), mode="async")


@pytest.mark.parametrize("excess", [-1, 0, 1])
@pytest.mark.parametrize("kind", ["document", "response"])
def test_the_size_limit_is_exact(kind: str, excess: int) -> None:
    size = MAX_OUTPUT_BYTES + excess
    value = {"a": "x" * (size - len('{"a":""}'))} if kind == "document" else HttpResponse(body=b"x" * size)
    if excess > 0:
        with pytest.raises(OutputError, match=f"{size} bytes"):
            HandlerOutput.from_return(value, mode="sync")
    else:
        assert len(HandlerOutput.from_return(value, mode="sync").body) == size


@pytest.mark.parametrize(
    "body",
    [
        b"\x00" * MAX_OUTPUT_BYTES,
        b"\xff" * MAX_OUTPUT_BYTES,
        b'"' * MAX_OUTPUT_BYTES,
        b'"xx' * (MAX_OUTPUT_BYTES // 3),
        b'"' + b"x" * 30 + b'"' + "ü".encode() * (MAX_OUTPUT_BYTES // 2 - 16),
        ('"' + "ü" * 9).encode() * (MAX_OUTPUT_BYTES // 19),
    ],
    ids=["zeros", "binary", "quotes", "many quotes", "umlauts", "umlauts and quotes"],
)
def test_the_largest_response_fits_the_answer_of_workflow_whatever_is_in_it(body: bytes) -> None:
    output = HandlerOutput.from_return(HttpResponse(body=body), mode="sync")
    answer = json.dumps(Execution(ExecutionStatus.SUCCEEDED, output=output.encode()).to_json())
    assert len(answer.encode()) < LAMBDA_ANSWER_LIMIT
    assert HandlerOutput.decode(output.encode()).body == body


@pytest.mark.parametrize("status", [199, 600, 100, 0, -1, "200", None, True, 200.0])
def test_a_status_that_is_no_final_one_is_refused(status: Any) -> None:
    with pytest.raises(OutputError, match="status"):
        HandlerOutput.from_return(HttpResponse(status), mode="sync")


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_status_without_body_has_none(status: int) -> None:
    assert HandlerOutput.from_return(HttpResponse(status), mode="sync").body == b""
    with pytest.raises(OutputError, match="has no body"):
        HandlerOutput.from_return(HttpResponse(status, body="x"), mode="sync")


@pytest.mark.parametrize(
    "headers",
    [
        {"x-a": "one\r\nx-b: two"},
        {"x-a": "one\ntwo"},
        {"x-a": "nul\x00"},
        {"x-a": "café"},
        {"x-a": 1},
        {"x a": "1"},
        {"": "1"},
        {"x-a\n": "1"},
        {"x-ä": "1"},
        {1: "1"},
        {"X-A": "1", "x-a": "2"},
        {"X-Amz-Request-Id": "1"},
        {"X-WorkerFlow-Stored": "1"},
        {"x-a": "x" * MAX_HEADER_BYTES},
        [("x-a", "1")],
        None,
    ],
)
def test_headers_that_are_not_safe_to_send_are_refused(headers: Any) -> None:
    with pytest.raises(OutputError):
        HandlerOutput.from_return(HttpResponse(headers=headers), mode="sync")


@pytest.mark.parametrize("name", sorted(FORBIDDEN_HEADERS))
def test_headers_of_the_platform_are_refused_in_any_case(name: str) -> None:
    with pytest.raises(OutputError, match="platform's"):
        HandlerOutput.from_return(HttpResponse(headers={name.title(): "1"}), mode="sync")


@pytest.mark.parametrize(
    ("body", "content_type", "sent"),
    [
        ("für", "text/plain; charset=utf-8", "für".encode()),
        (b"\x00\xff", "application/octet-stream", b"\x00\xff"),
        ({"a": "ü"}, "application/json", '{"a":"ü"}'.encode()),
        ([1], "application/json", b"[1]"),
        (0, "application/json", b"0"),
    ],
)
def test_the_content_type_follows_the_body(body: object, content_type: str, sent: bytes) -> None:
    output = HandlerOutput.from_return(HttpResponse(body=body), mode="sync")
    assert (output.body, output.headers["content-type"]) == (sent, content_type)


def test_a_content_type_of_the_handler_stands_and_an_empty_body_has_none() -> None:
    named = HandlerOutput.from_return(HttpResponse(headers={"Content-Type": "text/csv"}, body="a,b"), mode="sync")
    assert named.headers == {"content-type": "text/csv"}
    assert HandlerOutput.from_return(HttpResponse(202), mode="sync").headers == {}
    assert HandlerOutput.from_return(HttpResponse(202, body=None), mode="sync").headers == {}


def test_a_body_of_text_that_is_no_utf_8_is_refused() -> None:
    with pytest.raises(OutputError, match="UTF-8"):
        HandlerOutput.from_return(HttpResponse(body="\ud800"), mode="sync")


def test_a_raw_response_has_no_document() -> None:
    with pytest.raises(IntegrityError):
        HandlerOutput.from_return(HttpResponse(), mode="sync").document()

"""What `workflow` answers survives the way through JSON, and fits into Lambda's answer whatever is in it."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workerflow.domain.errors import IntegrityError
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.output import MAX_OUTPUT_BYTES, HandlerOutput, HttpResponse
from workerflow.domain.run import LetterClass

LAMBDA_ANSWER_BYTES = 6_291_456
"""AWS, "Lambda quotas": 6 MB for a synchronous answer."""

EXECUTIONS = st.builds(
    Execution,
    status=st.sampled_from(ExecutionStatus),
    delay_seconds=st.floats(0.0, 100_000.0),
    output=st.none() | st.binary(max_size=200) | st.text(max_size=200).map(str.encode),
    stored=st.booleans(),
    letter_class=st.none() | st.sampled_from(LetterClass),
    error=st.none() | st.text(alphabet=st.characters(codec="utf-8"), max_size=200),
)
# Each the worst of its kind: raw bytes, escapes, what is not printable, text of 2 to 4 bytes, an escape in every third.
PATTERNS = [b"a", b'"', b"\\", b"\n", b"\x00", b"\x7f", b"\xff", *(text.encode() for text in "ä€😀"), b'"aa', b'aa"a']


def answered(execution: Execution) -> bytes:
    """As Lambda's runtime writes it."""
    return json.dumps(execution.to_json()).encode()


@given(EXECUTIONS)
@example(Execution(ExecutionStatus.SUCCEEDED, output=b"base64:AAAA"))
@example(Execution(ExecutionStatus.SUCCEEDED, output=b""))
def test_an_execution_is_read_as_it_was_written(execution: Execution) -> None:
    assert Execution.from_json(answered(execution)) == execution


@pytest.mark.parametrize("pattern", PATTERNS)
def test_four_mebibytes_of_anything_fit_into_the_answer(pattern: bytes) -> None:
    output = (pattern * (MAX_OUTPUT_BYTES // len(pattern) + 1))[:MAX_OUTPUT_BYTES]
    execution = Execution(ExecutionStatus.SUCCEEDED, output=output)
    assert len(answered(execution)) < LAMBDA_ANSWER_BYTES
    assert Execution.from_json(answered(execution)).output == output


@given(st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=8))
def test_the_text_grows_by_no_more_than_a_third(patterns: list[bytes]) -> None:
    output = b"".join(patterns) * 200
    assert len(answered(Execution(ExecutionStatus.SUCCEEDED, output=output))) <= len(output) * 4 / 3 + 200


@pytest.mark.parametrize("pattern", [b'"', b"\n", b"\x7f", b"\xff", "€".encode()])
def test_so_does_the_largest_response_of_a_handler_in_its_stored_form(pattern: bytes) -> None:
    body = (pattern * (MAX_OUTPUT_BYTES // len(pattern)))[:MAX_OUTPUT_BYTES]
    for value in (body, body.decode(errors="ignore")):
        response = HttpResponse(headers={"x-long": "v" * 8_000}, body=value)
        output = HandlerOutput.from_return(response, mode="sync").encode()
        assert len(answered(Execution(ExecutionStatus.SUCCEEDED, output=output))) < LAMBDA_ANSWER_BYTES


@pytest.mark.parametrize("pattern", ['"', "\n", "\x7f", "€"])
def test_and_the_largest_document(pattern: str) -> None:
    room = MAX_OUTPUT_BYTES - len(b'{"d":""}')
    written = len(json.dumps(pattern, ensure_ascii=False).encode()) - 2
    output = HandlerOutput.from_return({"d": pattern * (room // written)}, mode="async").encode()
    assert len(answered(Execution(ExecutionStatus.SUCCEEDED, output=output))) < LAMBDA_ANSWER_BYTES


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '"x"',
        '{"errorMessage": "x"}',
        json.dumps(Execution(ExecutionStatus.PARKED).to_json() | {"status": "done"}),
        json.dumps(Execution(ExecutionStatus.PARKED).to_json() | {"status": []}),
        json.dumps(Execution(ExecutionStatus.PARKED).to_json() | {"delaySeconds": "soon"}),
        json.dumps(Execution(ExecutionStatus.PARKED).to_json() | {"delaySeconds": None}),
        json.dumps(Execution(ExecutionStatus.PARKED).to_json() | {"output": 5}),
        json.dumps(Execution(ExecutionStatus.PARKED).to_json() | {"output": "base64:?"}),
        json.dumps(Execution(ExecutionStatus.PARKED).to_json() | {"output": "text:\ud800"}),
        json.dumps(Execution(ExecutionStatus.PARKED).to_json() | {"letterClass": "bad"}),
    ],
)
def test_an_answer_that_is_none_of_ours_is_told_as_such(text: str) -> None:
    with pytest.raises(IntegrityError):
        Execution.from_json(text.encode())

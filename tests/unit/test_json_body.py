"""A body is JSON that every reader reads alike, or it is refused: nothing else ever comes out."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.json_body import MAX_BODY_BYTES, MAX_DEPTH, parse_body
from workerflow.domain.refusals import BodyRefusedError

documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


def refused(body: bytes) -> str:
    with pytest.raises(BodyRefusedError) as caught:
        parse_body(body)
    assert caught.value.status == 400
    return caught.value.code


@given(documents)
def test_any_json_document_is_read_as_python_reads_it(document: object) -> None:
    assert parse_body(json.dumps(document).encode()) == document
    assert parse_body(json.dumps(document, ensure_ascii=False).encode()) == document


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(BodyRefusedError):
        parse_body(body)


@given(st.text(alphabet='[]{}",:\\u0dD8+-.eE1tfn \n', max_size=40))
def test_almost_json_is_read_or_refused(text: str) -> None:
    try:
        document = parse_body(text.encode())
    except BodyRefusedError:
        return
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "body_empty"),
        (b" ", "body_not_json"),
        (b"hello", "body_not_json"),
        (b"{'a': 1}", "body_not_json"),
        (b'{"a":1,}', "body_not_json"),
        (b'{"a":1} {"b":2}', "body_not_json"),
        (b'"open', "body_not_json"),
        (b'"\x00"', "body_not_json"),
        (b"01", "body_not_json"),
        (b"NaN", "body_not_json"),
        (b'{"a":[Infinity]}', "body_not_json"),
        (b"-Infinity", "body_not_json"),
        (b"\xef\xbb\xbf{}", "body_not_json"),
        (b'{"a":"\xff"}', "body_not_utf8"),
        (b'"\xed\xa0\x80"', "body_not_utf8"),
        (b'"\xc0\xaf"', "body_not_utf8"),
        ('{"a":1}'.encode("utf-16"), "body_not_utf8"),
        ('{"a":1}'.encode("utf-16-le"), "body_not_json"),
        (rb'"\ud800"', "body_not_utf8"),
        (rb'{"\uDC00":1}', "body_not_utf8"),
        (b'{"a":1,"a":1}', "body_duplicate_key"),
        (b'[{"b":{"a":1,"c":2,"a":3}}]', "body_duplicate_key"),
        (rb'{"a":1,"\u0061":2}', "body_duplicate_key"),
        (b"18446744073709551616", "body_number_out_of_range"),
        (b"-9223372036854775809", "body_number_out_of_range"),
        (b"1" * 5000, "body_number_out_of_range"),
        (b"1e309", "body_number_out_of_range"),
        (b"[-1e999]", "body_number_out_of_range"),
        (b"[" * 100_000, "body_too_deep"),
        (b"[" * 100_000 + b"]" * 100_000, "body_too_deep"),
        (b'{"a":' * 100_000, "body_too_deep"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "body_too_deep"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[:20].hex(),
)
def test_what_readers_would_read_differently_is_refused_with_its_code(body: bytes, code: str) -> None:
    assert refused(body) == code


@pytest.mark.parametrize("body", [b"null", b"0", b'""', b"[]", b" {} \n", b"18446744073709551615", b"1e308", b"-0.0"])
def test_any_json_value_may_be_a_payload(body: bytes) -> None:
    assert parse_body(body) == json.loads(body)


def test_a_surrogate_pair_is_one_character() -> None:
    assert parse_body(rb'"\ud83d\ude00"') == "😀"


def test_an_escaped_backslash_before_ud800_is_no_surrogate() -> None:
    assert parse_body(rb'"\\ud800"') == r"\ud800"


def test_nesting_at_the_limit_is_read() -> None:
    parse_body(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    parse_body(b"[[]," + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"]")


def test_brackets_side_by_side_or_in_strings_are_not_nesting() -> None:
    assert len(parse_body(b"[" + b"[]," * 1000 + b"[]]")) == 1001
    assert parse_body(json.dumps("[" * 1000 + '\\"[').encode()) == "[" * 1000 + '\\"['


@pytest.mark.parametrize(
    "body",
    [
        b'"' + b'\\"' * (MAX_BODY_BYTES // 2 - 1) + b"[" * 201,
        b'"' * MAX_BODY_BYTES,
        b"[]," * (MAX_BODY_BYTES // 3),
        b"1" * MAX_BODY_BYTES,
        b"[" * MAX_BODY_BYTES,
    ],
    ids=["escaped quotes", "quotes", "arrays", "digits", "brackets"],
)
def test_the_largest_hostile_body_is_refused_within_seconds(body: bytes) -> None:
    started = time.process_time()
    refused(body)
    assert time.process_time() - started < 3

from __future__ import annotations

import math
import uuid
from typing import override

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.errors import (
    InvalidPayloadError,
    OutputError,
    PermanentError,
    PlatformError,
    RetryableError,
    StoreUnavailableError,
)
from workerflow.domain.failure import (
    MAX_MESSAGE_CHARS,
    MAX_RETRY_AFTER_SECONDS,
    MAX_TRACEBACK_BYTES,
    Failure,
    fingerprint,
)


class _AuthorsError(PermanentError):
    pass


class _UnprintableError(Exception):
    @override
    def __str__(self) -> str:
        raise RuntimeError("no text")


def caught(error: BaseException) -> BaseException:
    try:
        raise error  # noqa: TRY301 - it is caught for its traceback
    except BaseException as raised:  # noqa: BLE001 - any exception is the subject
        return raised


def failure_of(error: BaseException) -> Failure:
    return Failure.from_exception(caught(error))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (PermanentError("x"), "permanent"),
        (_AuthorsError("x"), "permanent"),
        (OutputError("x"), "permanent"),
        (InvalidPayloadError("x"), "invalid_payload"),
        (RetryableError("x"), "retryable"),
        (StoreUnavailableError("x"), "retryable"),
        (PlatformError("x"), "retryable"),
        (ValueError("permanent"), "retryable"),
        (SystemExit(1), "retryable"),
    ],
)
def test_the_class_decides_the_kind_and_what_is_unknown_is_retryable(error: BaseException, kind: str) -> None:
    assert failure_of(error).kind == kind
    assert failure_of(error).retryable == (kind == "retryable")


def test_a_class_is_named_with_its_module_unless_everybody_knows_it() -> None:
    assert failure_of(ValueError()).error_class == "ValueError"
    assert failure_of(PermanentError()).error_class == "PermanentError"
    assert failure_of(_AuthorsError()).error_class == f"{__name__}._AuthorsError"


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (None, None),
        (0, 0.0),
        (1.5, 1.5),
        (-5, 0.0),
        (math.nan, None),
        (math.inf, MAX_RETRY_AFTER_SECONDS),
        (10**9, MAX_RETRY_AFTER_SECONDS),
    ],
)
def test_what_the_other_side_asks_for_is_kept_within_bounds(asked: float | None, kept: float | None) -> None:
    assert failure_of(RetryableError("x", retry_after_seconds=asked)).retry_after_seconds == kept


def test_only_retryable_errors_ask_for_a_delay() -> None:
    assert failure_of(TimeoutError()).retry_after_seconds is None


@given(st.text(st.characters(), max_size=2000))
def test_whatever_an_exception_says_is_kept_bounded_printable_and_encodable(message: str) -> None:
    failure = failure_of(ValueError(message))
    assert len(failure.message) <= MAX_MESSAGE_CHARS
    assert failure.message.isprintable()
    assert len(failure.traceback.encode()) <= MAX_TRACEBACK_BYTES


def test_line_breaks_and_control_characters_are_escaped() -> None:
    assert failure_of(ValueError("a\nb\x1b[31m\x00")).message == r"a\nb\x1b[31m\x00"


def test_a_message_is_bounded_after_its_characters_were_escaped() -> None:
    assert len(failure_of(ValueError("\x00" * MAX_MESSAGE_CHARS)).message) == MAX_MESSAGE_CHARS


def test_an_exception_whose_text_cannot_be_made_is_kept_all_the_same() -> None:
    assert "could not be made" in failure_of(_UnprintableError()).message


def _fail_at_depth(depth: int) -> None:
    if depth == 0:
        raise ValueError("x" * 10_000)
    ignored = "a long line of source, so that the traceback grows " * 2
    _fail_at_depth(depth - 1)
    assert ignored


def test_of_a_long_traceback_the_innermost_frames_and_the_error_are_kept() -> None:
    try:
        _fail_at_depth(1)
        pytest.fail("it does not raise")
    except ValueError as error:
        short = Failure.from_exception(error)
    assert "in test_of_a_long_traceback" in short.traceback

    def alternate(depth: int) -> None:
        _raise_through(alternate, depth) if depth else _fail_at_depth(0)

    try:
        alternate(60)
        pytest.fail("it does not raise")
    except ValueError as error:
        long = Failure.from_exception(error)
    assert len(long.traceback.encode()) <= MAX_TRACEBACK_BYTES
    assert long.traceback.startswith("... outer frames cut ...\n  ")
    assert "in _fail_at_depth" in long.traceback
    assert long.traceback.endswith("x\n")
    assert "in test_of_a_long_traceback" not in long.traceback


def _raise_through(function: object, depth: int) -> None:
    assert callable(function)
    function(depth - 1)


def test_causes_stand_before_what_they_led_to() -> None:
    outer = RetryableError("outer")
    outer.__cause__ = caught(KeyError("inner"))
    kept = failure_of(outer).traceback
    assert kept.index("KeyError: 'inner'") < kept.index("which led to") < kept.index("RetryableError: outer")


def test_a_chain_of_causes_that_bites_its_tail_ends() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert Failure.from_exception(one).traceback.count("ValueError: ") == 2


def test_the_frame_is_where_it_was_raised_without_the_line() -> None:
    assert failure_of(ValueError()).frame == "unit/test_failure.py:caught"
    assert Failure.from_exception(ValueError()).frame == ""


SAME = "route:orders"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("timed out after 30 s", "timed out after 12.5 s"),
        ("order 550e8400-e29b-41d4-a716-446655440000", f"order {uuid.UUID(int=7)}"),
        ("object at 0x7f3a1c", "object at 0xdeadbeef01"),
        ("trace 018c2f0a9b7e is gone", "trace 99aa00ff11 is gone"),
        ("field 'name' is missing", "field 'a longer one' is missing"),
        ('field "name" is missing', 'field "" is missing'),
        ("too   many\n spaces", "too many spaces"),
        ("at 2026-11-23T02:05:00Z", "at 2025-01-02T13:45:59Z"),
        ("connect to 10.0.0.1:443", "connect to 192.168.178.20:8443"),
    ],
)
def test_errors_that_differ_in_values_only_share_a_fingerprint(one: str, other: str) -> None:
    assert fingerprint(SAME, "ValueError", one, "f") == fingerprint(SAME, "ValueError", other, "f")


@pytest.mark.parametrize(
    "other",
    [
        ("route:other", "ValueError", "it cannot be parsed", "f"),
        (SAME, "KeyError", "it cannot be parsed", "f"),
        (SAME, "ValueError", "it cannot be found", "f"),
        (SAME, "ValueError", "it cannot be parsed", "g"),
        (SAME + "ValueError", "", "it cannot be parsed", "f"),
    ],
)
def test_errors_of_another_source_class_message_or_place_do_not(other: tuple[str, str, str, str]) -> None:
    assert fingerprint(*other) != fingerprint(SAME, "ValueError", "it cannot be parsed", "f")


def test_an_apostrophe_is_no_quote() -> None:
    assert fingerprint(SAME, "E", "can't open, won't close") != fingerprint(SAME, "E", "can't read, won't close")


@given(st.text(st.characters()), st.text(st.characters()))
def test_a_fingerprint_is_sixteen_hex_digits_of_anything(source: str, message: str) -> None:
    found = fingerprint(source, "E", message)
    assert len(found) == 16
    assert set(found) <= set("0123456789abcdef")


def test_a_failure_knows_its_own_fingerprint() -> None:
    failure = failure_of(ValueError("x"))
    assert failure.fingerprint(SAME) == fingerprint(SAME, failure.error_class, failure.message, failure.frame)

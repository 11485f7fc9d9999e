"""A query string, read strictly."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.dashboard.query import MAX_FIELDS, read_fields, read_query, require_declared
from workerflow.domain.dashboard_refusals import ParameterInvalidError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.dictionaries(TEXTS, TEXTS, max_size=8))
def test_what_a_browser_encodes_is_what_is_read(fields: dict[str, str]) -> None:
    assert read_fields(urlencode(fields), keep_empty=True) == fields
    assert read_fields(urlencode(fields), keep_empty=False) == {name: value for name, value in fields.items() if value}


@given(st.text(st.characters(), max_size=30))
def test_anything_else_is_read_or_refused(raw: str) -> None:
    with suppress(ParameterInvalidError):
        assert all(read_query(raw, keep_empty=False).values())


@pytest.mark.parametrize(
    ("raw", "parameter"),
    [
        ("a=1&a=2", "a"),
        ("a=1&%61=2", "a"),
        ("a=%", "a"),
        ("a=%g0", "a"),
        ("a=%ff", "a"),
        ("a=ü", "a"),
        ("ü=1", "\\xfc"),
        ("%=1", "%"),
        ("a=1 2", "a"),
        ("a" * 5000, ""),
    ],
)
def test_a_fault_is_told_by_its_name(raw: str, parameter: str) -> None:
    with pytest.raises(ParameterInvalidError) as refused:
        read_query(raw, keep_empty=True)
    assert refused.value.members["parameter"] == parameter


def test_there_is_an_end_to_the_fields_that_are_read() -> None:
    fields = [f"f{number}=" for number in range(MAX_FIELDS + 1)]
    assert len(read_fields("&".join(fields[1:]), keep_empty=True)) == MAX_FIELDS
    with pytest.raises(ParameterInvalidError):
        read_fields("&".join(fields), keep_empty=True)


def test_a_name_that_is_not_declared_is_refused() -> None:
    require_declared(["a"], ["a", "b"])
    with pytest.raises(ParameterInvalidError):
        require_declared(["c"], ["a", "b"])


def test_the_largest_form_is_read_in_little_memory() -> None:
    raw = "payload=" + "%22a" * 100_000
    tracemalloc.start()
    try:
        assert len(read_fields(raw, keep_empty=True)["payload"]) == 200_000
        assert tracemalloc.get_traced_memory()[1] < 20 * len(raw)
    finally:
        tracemalloc.stop()

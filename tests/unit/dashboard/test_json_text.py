"""A payload is edited as it was spelled: the text may be indented and its hidden characters escaped, nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.dashboard.pages.json_text import MAX_INDENTED_CHARS, editable, form_bytes, shown, submitted
from functions.dashboard.pages.words import HIDDEN

FORM = 4_000_000
SCALARS = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text()
DOCUMENTS = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


@given(DOCUMENTS, st.booleans())
def test_any_document_is_the_same_document_and_hides_nothing(document: object, ascii_only: bool) -> None:
    raw = json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    text = editable(raw, FORM)
    if text is None:
        return  # a lone surrogate: no UTF-8, or no Unicode
    assert json.loads(text) == document
    assert HIDDEN.search(text) is None
    assert editable(text.encode(), FORM) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"{}", "{}"),
        (b'[ [], {}, "" ]', '[\n  [],\n  {},\n  ""\n]'),
        (
            b'{"a":{"b":[1.50e1,-0]},"c":"{[,:"}',
            '{\n  "a": {\n    "b": [\n      1.50e1,\n      -0\n    ]\n  },\n  "c": "{[,:"\n}',
        ),
        (rb'{"q":"\"\\"}', '{\n  "q": "\\"\\\\"\n}'),
    ],
)
def test_it_is_indented_and_spelled_as_it_came(raw: bytes, text: str) -> None:
    assert editable(raw, FORM) == text


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"NaN", b"[1] x"])
def test_what_is_no_json_is_not_edited(raw: bytes) -> None:
    assert editable(raw, FORM) is None


def test_what_does_not_show_becomes_an_escape_of_json() -> None:
    assert shown('"\u202e\u00ad\U000e0001"') == r'"\u202e\u00ad\udb40\udc01"'


def test_a_browsers_line_ends_are_as_they_were() -> None:
    assert submitted("{\r\n}\r\n") == "{\n}\n"


def test_a_deep_document_does_not_become_a_page_of_spaces() -> None:
    raw = b"[" * 199 + b"[" + b"1, " * 10_000 + b"1]" + b"]" * 199
    text = editable(raw, FORM)
    assert text is not None
    assert len(text) < MAX_INDENTED_CHARS
    assert json.loads(text) == json.loads(raw)


def test_what_is_too_long_for_a_form_is_edited_without_its_indents() -> None:
    assert editable(b'{"a": [1, 2]}', form_bytes('{"a":[1,2]}')) == '{"a":[1,2]}'


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("a-Z0._*", "a-Z0._*"),
        ("a b", "a+b"),
        ("a\nb", "a%0D%0Ab"),
        ('{"~"}', "%7B%22%7E%22%7D"),
        ("\u00e9\U0001f469", "%C3%A9%F0%9F%91%A9"),
    ],
)
def test_a_form_is_measured_as_browsers_send_it(text: str, sent: str) -> None:
    assert form_bytes(text) == len(sent)

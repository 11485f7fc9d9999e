"""JSON to look at: nothing is invented, and no document is too large, too deep or too odd."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from functions.dashboard.pages.bodies import MAX_TEXT_CHARS, Body
from functions.dashboard.pages.json_tree import MAX_ALL_CHARS, MAX_NODES, MAX_VALUES, JsonNode, json_tree

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def nodes_of(node: JsonNode) -> Iterator[JsonNode]:
    yield node
    for child in node.children:
        yield from nodes_of(child)


def value_of(node: JsonNode) -> Any:
    if node.kind == "object":
        return {child.name: value_of(child) for child in node.children}
    if node.kind == "array":
        return [value_of(child) for child in node.children]
    return node.text if node.kind == "text" else json.loads(node.text)


@given(DOCUMENTS)
def test_a_small_document_is_shown_as_it_is(document: Any) -> None:
    tree = json_tree(json.dumps(document).encode())
    assert tree is not None
    assert tree.is_whole
    assert value_of(tree.root) == document


def test_a_number_keeps_its_digits_and_a_repeated_name_its_place() -> None:
    tree = json_tree(b'{"a":12345678901234567890.10,"a":1e400}')
    assert tree is not None
    assert [(child.name, child.text) for child in tree.root.children] == [
        ("a", "12345678901234567890.10"),
        ("a", "1e400"),
    ]


def test_a_large_document_is_cut_and_says_so() -> None:
    raw = json.dumps([{"id": number, "text": "x" * 100} for number in range(3000)]).encode()
    tree = json_tree(raw)
    assert tree is not None
    assert not tree.is_whole
    assert sum(1 for _ in nodes_of(tree.root)) <= MAX_NODES + 1
    assert tree.root.count == 3000
    assert tree.root.left_out == 3000 - len(tree.root.children)


def test_one_enormous_text_or_name_does_not_weigh_more_than_a_page_may() -> None:
    raw = json.dumps({"text": "x" * 1_000_000, "n" * 500_000: 1, "many": ["y" * 1_999] * 900}).encode()
    tree = json_tree(raw)
    assert tree is not None
    assert sum(len(one.text) + len(one.name or "") for one in nodes_of(tree.root)) < MAX_ALL_CHARS + 6_000
    assert not tree.is_whole
    assert tree.root.children[0].left_out == 998_000


def test_depth_has_an_end() -> None:
    tree = json_tree(b"[" * 200 + b"]" * 200)
    assert tree is not None
    assert not tree.is_whole
    assert json_tree(b"[" * 200_000 + b"]" * 200_000) is None


def test_what_is_no_json_is_text_or_a_size() -> None:
    text = Body.of(b"not json")
    assert text is not None
    assert (text.text, text.tree, text.is_whole) == ("not json", None, True)
    binary = Body.of(b"\xff\xfe\x00")
    assert binary is not None
    assert binary.is_binary
    assert Body.of(None) is None


def test_only_short_bodies_are_copied_by_a_button() -> None:
    short, long = Body.of(b'{"a":1}'), Body.of(b'"' + b"x" * 9000 + b'"')
    assert short is not None
    assert long is not None
    assert (short.copied, long.copied) == ('{"a":1}', "")


def test_a_document_of_very_many_values_is_shown_as_text() -> None:
    raw = b"[" + b"1," * MAX_VALUES + b"1]"
    body = Body.of(raw)
    assert body is not None
    assert body.tree is None
    assert body.text == raw[:MAX_TEXT_CHARS].decode()
    assert not body.is_whole

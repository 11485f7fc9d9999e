"""JSON as a tree to look at: bounded, each number in its own digits, repeated names kept.

A payload may be 4 MB, or ten thousand deep. What is shown is what a person can read: the rest is counted, and can be
downloaded as it came.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

MAX_VALUES = 200_000
"""Of a document with more values as Python keeps them, a function's memory is too small: 4 MB of them become 450 MB."""
MAX_NODES = 1_000
MAX_DEPTH = 32
MAX_TEXT_CHARS = 2_000
MAX_ALL_CHARS = 64 * 1024
"""Of all texts together: what a page may weigh."""
OPEN_UP_TO_NODES = 120
"""A small document is shown unfolded to its third level."""
_OPEN_DEPTH = 3
_OPEN_ITEMS = 24
"""A longer list inside the document stays folded."""
_BRIEF_CHARS = 60


class Number(str):
    """A number as it is spelled."""

    __slots__ = ()


class Pairs(list[tuple[str, Any]]):
    """An object as it is written: a name may come twice."""


@dataclass(frozen=True, slots=True)
class JsonNode:
    """One value.

    Attributes:
        kind: `object`, `array`, `text`, `number`, or `word` (true, false, null).
        name: under which it stands: a member's name, an item's number, None at the root.
        text: of a leaf, as it is shown; a text is without its quotes.
        count: of an object or array: how many it holds.
        left_out: how many of them, or of a text's characters, are not shown.
        is_open: whether it is shown unfolded at first.
    """

    kind: str
    name: str | None
    text: str = ""
    count: int = 0
    left_out: int = 0
    is_open: bool = False
    children: tuple[JsonNode, ...] = ()

    @property
    def is_branch(self) -> bool:
        """Whether it can be unfolded."""
        return self.kind in {"object", "array"}

    @property
    def brief(self) -> str:
        """What is in it, for when it is folded: `4 items`, or the names of its first members."""
        if self.kind == "array":
            return f"{self.count:,} item{'' if self.count == 1 else 's'}"
        names = ", ".join(child.name or '""' for child in self.children[:4])
        cut = names[:_BRIEF_CHARS]
        return cut + (" …" if len(cut) < len(names) or self.count > len(self.children[:4]) else "")


@dataclass(slots=True)
class _Budget:
    nodes: int = MAX_NODES
    chars: int = MAX_ALL_CHARS

    @property
    def is_spent(self) -> bool:
        return self.nodes <= 0 or self.chars <= 0


@dataclass(frozen=True, slots=True)
class JsonTree:
    """A document as it is shown. `is_whole` is False where something was left out."""

    root: JsonNode
    is_whole: bool


def json_tree(raw: bytes) -> JsonTree | None:
    """The tree of a document; None if these bytes are no JSON, or nested too deep or of too many values to be read."""
    if sum(map(raw.count, (b",", b"[", b"{"))) > MAX_VALUES:
        return None
    try:
        document = json.loads(raw, parse_int=Number, parse_float=Number, parse_constant=Number, object_pairs_hook=Pairs)
    except (ValueError, RecursionError):
        return None
    budget = _Budget()
    builder = _Builder(budget)
    root = builder.node(None, document, 0)
    is_small = budget.nodes >= MAX_NODES - OPEN_UP_TO_NODES
    return JsonTree(_opened(root, 0, _OPEN_DEPTH if is_small else 1), not builder.cuts)


@dataclass(slots=True)
class _Builder:
    budget: _Budget
    cuts: list[str] = field(default_factory=list)

    def node(self, name: str | None, value: object, depth: int) -> JsonNode:
        self.budget.nodes -= 1
        if isinstance(value, Pairs):
            return self._branch("object", name, value, depth)
        if isinstance(value, list):
            return self._branch("array", name, [(str(at), item) for at, item in enumerate(value)], depth)
        if isinstance(value, Number):
            return self._leaf("number", name, value)
        if isinstance(value, str):
            return self._leaf("text", name, value)
        return JsonNode("word", name, json.dumps(value))

    def _leaf(self, kind: str, name: str | None, text: str) -> JsonNode:
        shown = text[: min(MAX_TEXT_CHARS, max(self.budget.chars, 0))]
        self.budget.chars -= len(shown) + len(name or "")
        left_out = len(text) - len(shown)
        if left_out:
            self.cuts.append(name or "")
        return JsonNode(kind, name, str(shown), left_out=left_out)

    def _branch(self, kind: str, name: str | None, items: Sequence[tuple[str, Any]], depth: int) -> JsonNode:
        children: list[JsonNode] = []
        for key, item in islice(items, None if depth < MAX_DEPTH else 0):
            if self.budget.is_spent:
                break
            children.append(self.node(self._name(key), item, depth + 1))
        left_out = len(items) - len(children)
        if left_out:
            self.cuts.append(name or "")
        return JsonNode(kind, name, count=len(items), left_out=left_out, children=tuple(children))

    def _name(self, key: str) -> str:
        if len(key) <= MAX_TEXT_CHARS:
            return key
        self.cuts.append(key[:1])
        return f"{key[:MAX_TEXT_CHARS]}…"


def _opened(node: JsonNode, depth: int, until: int) -> JsonNode:
    if not node.is_branch or depth >= until or (depth and node.count > _OPEN_ITEMS):
        return node
    children = tuple(_opened(child, depth + 1, until) for child in node.children)
    return JsonNode(node.kind, node.name, count=node.count, left_out=node.left_out, is_open=True, children=children)

"""Payloads and outputs as a page shows them: as a tree if they are JSON, as text if they are text, else as a size."""

from __future__ import annotations

from dataclasses import dataclass

from functions.dashboard.pages.json_tree import JsonTree, json_tree

MAX_TEXT_CHARS = 16 * 1024
MAX_COPIED_BYTES = 8 * 1024


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes to look at.

    Attributes:
        size: of all of them.
        tree: of JSON.
        text: of anything else that is text, or its beginning.
        copied: what a button copies: the whole text, if it is short.
        is_whole: False where something is not shown.
    """

    size: int
    tree: JsonTree | None
    text: str
    copied: str
    is_whole: bool

    @classmethod
    def of(cls, raw: bytes | None) -> Body | None:
        """The bytes as they are shown; None for none."""
        if raw is None:
            return None
        text = _text_of(raw)
        tree = json_tree(raw) if text is not None else None
        shown = "" if tree else (text or "")[:MAX_TEXT_CHARS]
        is_whole = tree.is_whole if tree else text is not None and len(shown) == len(text)
        copied = text if text is not None and len(raw) <= MAX_COPIED_BYTES else ""
        return cls(len(raw), tree, shown, copied, is_whole)

    @property
    def is_binary(self) -> bool:
        """Whether there is nothing that could be shown as text."""
        return self.size > 0 and not self.tree and not self.text


def _text_of(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None

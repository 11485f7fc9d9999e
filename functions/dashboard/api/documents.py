"""What all documents of the API have in common: camelCase, times in RFC 3339, `null` for what is absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workerflow.domain.timestamp import timestamp

type Document = dict[str, Any]


def time_or_none(time_ms: int | None) -> str | None:
    """A moment as text."""
    return None if time_ms is None else timestamp(time_ms)


def text_or_none(text: str | None) -> str | None:
    """A text, where an empty one says nothing."""
    return text or None


def page(name: str, entries: Sequence[Document], cursor: str | None, **more: Any) -> Document:  # noqa: ANN401 - JSON
    """A page of a list. `nextCursor` leads to the next one; null: there is none."""
    return {name: list(entries), "nextCursor": cursor, **more}


def counts_document(counts: Mapping[Any, int]) -> dict[str, int]:
    """Counts by a state's or a reason's name; what was counted 0 times is left out."""
    return {str(getattr(name, "value", name)): count for name, count in sorted(counts.items()) if count}

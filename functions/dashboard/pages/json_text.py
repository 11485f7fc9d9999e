"""JSON as an operator edits it: indented, each value spelled as it came, and nothing in it that does not show.

The text is moved, never read and written again: a number keeps its digits, a repeated name its place. What has no
width or turns the text around it becomes the escape that JSON has for it, which is the same JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate
from urllib.parse import quote_plus

from functions.dashboard.pages.words import HIDDEN
from workerflow.domain.json_body import parse_body
from workerflow.domain.refusals import BodyRefusedError

MAX_INDENTED_CHARS = 2 * 1024 * 1024
"""A text that indenting would make longer is edited in one line: two hundred deep, 1 MB would become 200 MB."""
_PART = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_INDENT = "  "
_HIGH, _LOW = 0xD800, 0xDC00


def editable(raw: bytes, most_form_bytes: int) -> str | None:
    """The text of a payload, indented unless that is too long for a form.

    Args:
        raw: the payload.
        most_form_bytes: that the text may have as `form_bytes` counts them; without its indents it may have more.

    Returns:
        None if it is no JSON, and cannot be edited as such.
    """
    try:
        parse_body(raw)
    except BodyRefusedError:
        return None
    parts = _PART.findall(raw.decode("utf-8"))
    lengths = accumulate(map(len, _indented(parts)))
    if all(length <= MAX_INDENTED_CHARS for length in lengths):
        indented = shown("".join(_indented(parts)))
        if form_bytes(indented) <= most_form_bytes:
            return indented
    return shown("".join(parts))


def form_bytes(text: str) -> int:
    """How many bytes a text has as a field of a form, as browsers send it.

    Source: WHATWG URL, section 5.2: line ends are CR LF, a space is `+`, `*-._` stand for themselves.
    """
    return len(quote_plus(text.replace("\n", "\r\n"), safe="*")) + 2 * text.count("~")


def shown(text: str) -> str:
    """JSON text with what does not show as escapes; the same JSON, where it is JSON at all."""
    return HIDDEN.sub(_escaped, text)


def submitted(text: str) -> str:
    """What came back from the form, with its line ends as they were: browsers send CR LF."""
    return text.replace("\r\n", "\n")


def _indented(parts: list[str]) -> Iterator[str]:
    depth = 0
    for part, following in zip(parts, [*parts[1:], ""], strict=True):
        if part in "{[" and following in ("}", "]"):
            yield part
        elif part in "{[":
            depth += 1
            yield part + _line(depth)
        elif part == ",":
            yield part + _line(depth)
        elif part == ":":
            yield ": "
        else:
            depth -= following in ("}", "]")
            ends = following in ("}", "]")
            yield part + (_line(depth) if ends else "")


def _line(depth: int) -> str:
    return "\n" + _INDENT * depth


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code <= 0xFFFF:  # noqa: PLR2004 - one unit of UTF-16
        return f"\\u{code:04x}"
    beyond = code - 0x10000
    return f"\\u{_HIGH + (beyond >> 10):04x}\\u{_LOW + (beyond & 0x3FF):04x}"

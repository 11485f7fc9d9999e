"""What a value from outside must be: read, told, and described by one rule each, in queries and bodies alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, get_args

from workerflow.domain.bulk import BulkAction
from workerflow.domain.enablement import Enablement
from workerflow.domain.run import LetterClass, RunState
from workerflow.domain.task import Kind
from workerflow.domain.timestamp import parse_timestamp

LAST_MS = 9_999_999_999_999
"""The last moment that positions of letters can name: in the year 2286. Times from outside are of 1980 to 2199."""
MAX_TEXT_CHARACTERS = 1000
"""Of a reason or a note."""
MAX_LIMIT = 100
DEFAULT_LIMIT = 50
MAX_NEXT_FIRES = 100

_NAME = "[a-z][a-z0-9_]{0,62}"
_TIME = r"(?:19[89]|2[01]\d)\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"


@dataclass(frozen=True, slots=True)
class Rule[T]:
    """One kind of value.

    Attributes:
        words: what it must be, to go on after its name.
        read: the value of a text; None if the text is none.
        schema: JSON Schema of the text.
    """

    words: str
    read: Callable[[str], T | None]
    schema: Mapping[str, Any]


def _read_time(text: str) -> int | None:
    return parse_timestamp(text) if re.fullmatch(_TIME, text, re.ASCII) else None


def _matching(pattern: str) -> Callable[[str], str | None]:
    compiled = re.compile(pattern)
    return lambda text: text if compiled.fullmatch(text) else None


def _number(least: int, most: int) -> Rule[int]:
    def read(text: str) -> int | None:
        is_short = text.isascii() and text.isdigit() and len(text) <= len(str(most))
        return int(text) if is_short and text == str(int(text)) and least <= int(text) <= most else None

    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Rule(f"is a whole number from {least} to {most}", read, schema)


def _choice[E: StrEnum](kind: type[E]) -> Rule[E]:
    values = {one.value: one for one in kind}
    return Rule(f"is one of {', '.join(values)}", values.get, {"type": "string", "enum": list(values)})


def _one_of(*values: str) -> Rule[str]:
    return Rule(f"is one of {', '.join(values)}", dict(zip(values, values, strict=True)).get, {"enum": list(values)})


def _read_text(text: str) -> str | None:
    stripped = text.strip()
    return stripped if stripped and len(stripped) <= MAX_TEXT_CHARACTERS else None


TIME: Rule[int] = Rule(
    "is a time as RFC 3339 has it, with its offset, such as 2026-11-24T16:00:00Z",
    _read_time,
    {"type": "string", "format": "date-time", "pattern": f"^{_TIME}$"},
)
SOURCE: Rule[str] = Rule(
    "is `route:<name>` or `schedule:<name>`",
    _matching(f"(?:route|schedule):{_NAME}"),
    {"type": "string", "pattern": f"^(?:route|schedule):{_NAME}$"},
)
FINGERPRINT: Rule[str] = Rule(
    "is 16 hexadecimal digits", _matching("[0-9a-f]{16}"), {"type": "string", "pattern": "^[0-9a-f]{16}$"}
)
CURSOR: Rule[str] = Rule(
    "is a `nextCursor` of this list",
    _matching("[A-Za-z0-9_-]{1,1024}"),
    {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,1024}$"},
)
TEXT: Rule[str] = Rule(
    f"is a text of 1 to {MAX_TEXT_CHARACTERS} characters",
    _read_text,
    {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_CHARACTERS, "pattern": r"\S"},
)
LIMIT = _number(1, MAX_LIMIT)
NEXT_FIRES = _number(0, MAX_NEXT_FIRES)
RUN_STATE = _choice(RunState)
LETTER_CLASS = _choice(LetterClass)
ENABLEMENT = _choice(Enablement)
BULK_ACTION = _choice(BulkAction)
KIND = _one_of(*get_args(Kind))
LETTER_STATE = _one_of("open", "all")
ONLY_TRUE = _one_of("true")

PARAMETERS: Mapping[str, Rule[Any]] = {
    "from": TIME,
    "until": TIME,
    "source": SOURCE,
    "status": RUN_STATE,
    "kind": KIND,
    "class": LETTER_CLASS,
    "fingerprint": FINGERPRINT,
    "state": LETTER_STATE,
    "unknown": ONLY_TRUE,
    "nextFires": NEXT_FIRES,
    "limit": LIMIT,
    "cursor": CURSOR,
}
"""Every parameter that an endpoint of the API declares, but the tenant."""

"""What is kept of an exception that a handler raised: whose fault, what it said, where it came from.

Kept in items and shown to people, so everything is bounded and printable; grouped by `fingerprint`, so that a
thousand time-outs of one provider are one line on a screen.
"""

from __future__ import annotations

import hashlib
import math
import re
import traceback
from dataclasses import dataclass
from typing import Literal, Self

from workerflow.domain.errors import InvalidPayloadError, PermanentError, RetryableError, TaskCancelledError

FailureKind = Literal["permanent", "retryable", "invalid_payload", "cancelled", "timeout", "crash", "platform"]

MAX_MESSAGE_CHARS = 500
MAX_CLASS_CHARS = 200
MAX_TRACEBACK_BYTES = 4 * 1024
MAX_RETRY_AFTER_SECONDS = 12 * 3600.0
"""What the other side may ask for at most: half of a task's deadline (24 h)."""
FINGERPRINT_HEX_DIGITS = 16

_FRAMES_KEPT = 30
_CAUSES_KEPT = 4
_CUT = "... outer frames cut ...\n"
_OUR_ERRORS = "workerflow.domain.errors"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt.

    Attributes:
        kind: `invalid_payload` and `permanent` are dead-lettered at once; `retryable`, `timeout` and `crash` are
            tried again; `cancelled` is a handler that gave up because it was asked to, and `permanent` if it was not;
            `platform` is a run closed for a reason that no attempt reported.
        error_class: the exception's class; with its module, unless that is `builtins` or ours.
        message: at most MAX_MESSAGE_CHARS, control characters escaped.
        traceback: at most MAX_TRACEBACK_BYTES of UTF-8; of a longer one the innermost frames.
        retry_after_seconds: what the other side asked for, 0 to MAX_RETRY_AFTER_SECONDS, or None.
        frame: where it was raised, as `folder/file.py:function`, without the line (which every deploy moves).
    """

    kind: FailureKind
    error_class: str
    message: str
    traceback: str = ""
    retry_after_seconds: float | None = None
    frame: str = ""

    @classmethod
    def from_exception(cls, error: BaseException) -> Self:
        """Classify an exception by its class, never by its text. What is unknown counts as retryable."""
        return cls(
            kind=_kind_of(error),
            error_class=_class_name(error),
            message=_message_of(error),
            traceback=_traceback_of(error),
            retry_after_seconds=_retry_after_of(error),
            frame=_frame_of(error),
        )

    @classmethod
    def by_platform(cls, kind: Literal["timeout", "crash", "platform"], error_class: str, message: str) -> Self:
        """A failure that no exception tells of: a process that died, a deadline that passed."""
        return cls(kind=kind, error_class=error_class, message=_printable(message[:MAX_MESSAGE_CHARS]))

    @property
    def retryable(self) -> bool:
        return self.kind in {"retryable", "timeout", "crash"}

    def fingerprint(self, source: str) -> str:
        """The group of alike failures of `source` (`route:<name>`) that this one belongs to."""
        return fingerprint(source, self.error_class, self.message, self.frame)


def fingerprint(source: str, error_class: str, message: str, frame: str = "") -> str:
    """Name the group of alike errors, as FINGERPRINT_HEX_DIGITS hex digits.

    Errors are alike when they come from the same source, class and function, and their messages differ only in
    numbers, hexadecimal ids, UUIDs, quoted text and white space.
    """
    parts = (source, error_class, _normalised(message), frame)
    text = b"".join(b"%d:%s" % (len(raw), raw) for raw in (part.encode(errors="replace") for part in parts))
    return hashlib.sha256(b"failure-v1:" + text).hexdigest()[:FINGERPRINT_HEX_DIGITS]


_VARIABLE_PARTS = (
    (re.compile(r'"[^"]*"' + r"|(?<!\w)'[^']*'" + r"|`[^`]*`"), "<text>"),
    (re.compile(r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"(?i)\b0x[0-9a-f]+\b|\b(?=[a-f]*\d)[0-9a-f]{8,}\b"), "<id>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<n>"),
    (re.compile(r"\s+"), " "),
)


def _normalised(message: str) -> str:
    for pattern, name in _VARIABLE_PARTS:
        message = pattern.sub(name, message)
    return message.strip()


def _kind_of(error: BaseException) -> FailureKind:
    if isinstance(error, InvalidPayloadError):
        return "invalid_payload"
    if isinstance(error, TaskCancelledError):
        return "cancelled"
    return "permanent" if isinstance(error, PermanentError) else "retryable"


def _class_name(error: BaseException) -> str:
    kind = type(error)
    own = kind.__module__ in {"builtins", _OUR_ERRORS}
    return (kind.__qualname__ if own else f"{kind.__module__}.{kind.__qualname__}")[:MAX_CLASS_CHARS]


def _message_of(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - an author's __str__ may raise anything, and the failure must still be kept
        text = "(the exception's own text could not be made)"
    return _printable(text[:MAX_MESSAGE_CHARS])[:MAX_MESSAGE_CHARS]


def _printable(text: str) -> str:
    """Escape what is not printable: control characters, line breaks, lone surrogates."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _retry_after_of(error: BaseException) -> float | None:
    asked = error.retry_after_seconds if isinstance(error, RetryableError) else None
    if not isinstance(asked, int | float) or math.isnan(asked):
        return None
    return min(max(float(asked), 0.0), MAX_RETRY_AFTER_SECONDS)


def _frame_of(error: BaseException) -> str:
    innermost = traceback.extract_tb(error.__traceback__, limit=-1)
    if not innermost:
        return ""
    return "/".join(innermost[0].filename.replace("\\", "/").split("/")[-2:]) + f":{innermost[0].name}"


def _traceback_of(error: BaseException) -> str:
    """As Python prints it, causes first, each message bounded, and of too many bytes the last ones."""
    blocks = [_block_of(one) for one in reversed(_chain_of(error))]
    text = "\nwhich led to:\n".join(blocks).encode(errors="backslashreplace")
    if len(text) <= MAX_TRACEBACK_BYTES:
        return text.decode()
    tail = text[-(MAX_TRACEBACK_BYTES - len(_CUT)) :].decode(errors="ignore")
    return _CUT + tail.partition("\n")[2]


def _block_of(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__, limit=-_FRAMES_KEPT).format()
    return "".join(frames) + f"{_class_name(error)}: {_message_of(error)}\n"


def _chain_of(error: BaseException) -> list[BaseException]:
    """The exception, what caused it, what caused that: bounded, and ended where a chain bites its tail."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and len(chain) < _CAUSES_KEPT and current not in chain:
        chain.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain

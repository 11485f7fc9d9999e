"""What one invocation of `workflow` answers to whoever invoked it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workerflow.domain.errors import IntegrityError
from workerflow.domain.run import LetterClass


class ExecutionStatus(StrEnum):
    """How the task stands after the invocation.

    succeeded, failed, ended: terminal; the message may go. `ended` is any other terminal state.
    waiting: a retry is recorded; the message comes back after `delay_seconds`.
    parked: the tick will send another message; this one may go.
    busy: another worker holds a live lease, or it is too early; come back after `delay_seconds`.
    refused: a caller's task whose source is paused: nothing was recorded.
    full: a caller's task for which its tenant has no place: nothing was recorded; ask again after `delay_seconds`.
    unknown: there is no such task (any more).
    """

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ENDED = "ended"
    WAITING = "waiting"
    PARKED = "parked"
    BUSY = "busy"
    REFUSED = "refused"
    FULL = "full"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Execution:
    """The answer.

    Attributes:
        status: as above.
        delay_seconds: for `waiting`, `busy` and `full`.
        output: the encoded HandlerOutput of a success, for a caller that waits.
        stored: the outcome is an earlier attempt's: nothing ran now.
        letter_class, error: why a failed run failed, or a waiting one waits.
    """

    status: ExecutionStatus
    delay_seconds: float = 0.0
    output: bytes | None = None
    stored: bool = False
    letter_class: LetterClass | None = None
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As the function's JSON answer, at most 6 MB: an output of 4 MiB must fit, whatever is in it."""
        return {
            "status": self.status.value,
            "delaySeconds": self.delay_seconds,
            "output": None if self.output is None else _as_text(self.output),
            "stored": self.stored,
            "letterClass": self.letter_class.value if self.letter_class else None,
            "error": self.error,
        }

    @classmethod
    def from_json(cls, text: bytes) -> Execution:
        """Read a function's answer; raises IntegrityError if it is none of ours."""
        try:
            raw = json.loads(text)
            return cls(
                status=ExecutionStatus(raw["status"]),
                delay_seconds=float(raw["delaySeconds"]),
                output=None if raw["output"] is None else _from_text(raw["output"]),
                stored=bool(raw["stored"]),
                letter_class=None if raw["letterClass"] is None else LetterClass(raw["letterClass"]),
                error=raw["error"],
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IntegrityError("workflow answered what is no execution") from error


def _as_text(output: bytes) -> str:
    """The shorter of two ways through JSON: as it is, where escapes are few, else as base64 (a third longer).

    What is not printable would be six characters for one.
    """
    escapes = output.count(b'"') + output.count(b"\\")
    if escapes * 3 < len(output) and output.isascii() and (text := output.decode()).isprintable():
        return "text:" + text
    return "base64:" + base64.b64encode(output).decode()


def _from_text(text: str) -> bytes:
    form, _, content = text.partition(":")
    return content.encode() if form == "text" else base64.b64decode(content, validate=True)

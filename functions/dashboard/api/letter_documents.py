"""Dead letters and groups of alike errors as documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.dashboard.api.documents import Document, text_or_none
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.timestamp import timestamp
from workerflow.ports.stores import LetterEntry

if TYPE_CHECKING:
    from workerflow.services.list_error_groups import ErrorGroupView


def letter_entry_document(entry: LetterEntry) -> Document:
    """A dead letter as lists show it."""
    return {
        "traceId": entry.trace_id,
        "failedAt": timestamp(entry.failed_at_ms),
        "class": entry.letter_class.value,
        "source": entry.source,
        "fingerprint": entry.fingerprint,
        "state": entry.state.value,
    }


def letter_document(letter: DeadLetter) -> Document:
    """A dead letter as its run shows it; its payload is the run's."""
    return {
        "class": letter.letter_class.value,
        "state": letter.state.value,
        "fingerprint": letter.fingerprint,
        "errorClass": letter.error_class,
        "message": letter.message,
        "traceback": text_or_none(letter.traceback),
        "attempts": letter.attempts,
        "failedAt": timestamp(letter.failed_at_ms),
        "generation": letter.generation,
        "root": letter.root,
        "child": letter.child,
        "resolvedBy": text_or_none(letter.resolved_by),
        "note": text_or_none(letter.note),
    }


def group_document(view: ErrorGroupView) -> Document:
    """A group of alike errors; `sample` is the run of the newest."""
    group = view.group
    return {
        "fingerprint": group.fingerprint,
        "source": group.source,
        "class": group.letter_class.value,
        "errorClass": group.error_class,
        "message": group.message,
        "sample": group.sample,
        "count": group.count,
        "open": view.open,
        "firstSeenAt": timestamp(group.first_seen_ms),
        "lastSeenAt": timestamp(group.last_seen_ms),
    }

"""Audit events in words."""

from __future__ import annotations

from collections.abc import Mapping

from workerflow.domain.errors import InvalidIdentifierError
from workerflow.domain.identity import TraceId

_WORDS: Mapping[str, str] = {
    "run.replayed": "replayed a run",
    "run.cancelled": "cancelled a run",
    "run.retried": "retried a run now",
    "letter.resolved": "resolved a dead letter",
    "schedule.run": "ran a schedule",
    "switch.set": "set a switch",
    "bulk.counted": "counted a bulk job",
    "bulk.started": "started a bulk job",
    "bulk.aborted": "aborted a bulk job",
    "bulk.done": "finished a bulk job",
    "token.created": "made a token",
    "token.revoked": "revoked a token",
    "access_key.replaced": "replaced the key: every token and session ended",
    "session.created": "signed in",
    "session.ended": "signed out",
    "tenants.published": "published the tenants",
    "message.rejected": "rejected a message",
}


def action_words(action: str) -> str:
    """What an event's action says, for people; an action without words of its own as it is."""
    return _WORDS.get(action, action.replace(".", " ").replace("_", " "))


def is_trace_id(text: str) -> bool:
    """Whether a target is a run's trace id, and so has a page."""
    try:
        TraceId.parse(text)
    except InvalidIdentifierError:
        return False
    return True

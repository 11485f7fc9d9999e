"""Audit events in words."""

from __future__ import annotations

import re
from collections.abc import Mapping

from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import InvalidIdentifierError
from workerflow.domain.identity import TraceId

WORDS: Mapping[str, str] = {
    "run.replayed": "replayed a run",
    "run.cancelled": "cancelled a run",
    "run.retried": "retried a run now",
    "letter.resolved": "resolved a dead letter",
    "schedule.run": "ran a schedule",
    "switch.set": "set a switch",
    "switch.removed": "removed the switch of what is long gone",
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
    "message.rejected": "removed a message that is no task's",
    "message.unknown": "removed the message of a task that is forgotten",
}
"""What each action says, to go on after a name."""

_STATES = frozenset(Enablement)
_SAID_ELSEWHERE = frozenset({"before", "after"})
_USUAL = {"edited": "false", "newEffects": "false", "created": "true"}
"""What an order does unless it says otherwise: not worth a reader's time."""


def action_words(action: str, details: Mapping[str, str]) -> str:
    """What an event's action says, for people; an action without words of its own as it is."""
    after = details.get("after")
    if action == "switch.set" and after in _STATES:
        return after
    return WORDS.get(action, action.replace(".", " ").replace("_", " "))


def details_in_words(details: Mapping[str, str]) -> list[tuple[str, str]]:
    """The details that tell more than the action and its change do: names in words, and their values."""
    told = [(name, value) for name, value in details.items() if name not in _SAID_ELSEWHERE]
    return [(_spelled(name), _yes_or_no(value)) for name, value in told if _USUAL.get(name) != value]


def _spelled(name: str) -> str:
    return re.sub("(?<=[a-z])[A-Z]", lambda found: f" {found[0].lower()}", name).replace("_", " ")


def _yes_or_no(value: str) -> str:
    return {"true": "yes", "false": "no"}.get(value, value)


def is_trace_id(text: str) -> bool:
    """Whether a target is a run's trace id, and so has a page."""
    try:
        TraceId.parse(text)
    except InvalidIdentifierError:
        return False
    return True

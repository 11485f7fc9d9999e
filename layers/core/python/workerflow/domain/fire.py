"""A fire, and a manual run, as tasks: the key that makes a fire happen once, and what their handlers get."""

from __future__ import annotations

import json
from collections.abc import Mapping

from workerflow.domain.run import Run, RunState
from workerflow.domain.task import Acceptance
from workerflow.domain.timestamp import timestamp

CONTENT_TYPE = "application/json"


def fire_scope(schedule: str) -> str:
    """What the keys of a schedule's fires are unique within."""
    return f"schedule:{schedule}"


def manual_scope(schedule: str) -> str:
    """What the keys of a schedule's manual runs are unique within: never a fire's."""
    return f"manual:{schedule}"


def fire_key(due_ms: int) -> str:
    """The key under which a fire is accepted: a tick that comes late, or twice, finds it taken."""
    return timestamp(due_ms)


def fire_payload(schedule: str, due_ms: int) -> bytes:
    """What the handler of a fire gets: the same bytes, whichever tick makes it."""
    return _canonical({"schedule": schedule, "dueAt": timestamp(due_ms)})


def manual_payload(schedule: str, reason: str) -> bytes:
    """What the handler gets when an operator runs the schedule now."""
    return _canonical({"schedule": schedule, "manual": True, "reason": reason})


def skipped_run(acceptance: Acceptance, *, now_ms: int, nonce: str) -> Run:
    """The ended run of a fire that was skipped because the one before it had not ended."""
    return Run.of_task(acceptance).change(
        nonce=nonce, now_ms=now_ms, state=RunState.SKIPPED, finished_at_ms=now_ms, error="the fire before has not ended"
    )


def _canonical(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

"""Replay: a new task made from an old one, with its lineage. Terminal runs are never changed."""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.task import Acceptance

MAX_GENERATIONS = 20
"""Replays under one root. A task that failed so often needs a person, not another replay."""


@dataclass(frozen=True, slots=True)
class LineageEntry:
    """One replay: `parent` became `child`."""

    tenant: str
    root: str
    parent: str
    generation: int
    child: str
    actor: str
    reason: str
    edited: bool
    at_ms: int
    nonce: str
    expires_at_s: int


@dataclass(frozen=True, slots=True)
class ReplayRecord:
    """All that one transaction writes: the child's acceptance, its lineage, the letter's new state, the audit row.

    `letter` is the parent's letter as it was read (its state is what the transaction expects), or None if the parent
    has none. The root's count of replays moves from `entry.generation - 1` to `entry.generation`, so that two
    replays under one root never take the same generation.
    """

    acceptance: Acceptance
    entry: LineageEntry
    letter: DeadLetter | None
    audit: AuditEvent

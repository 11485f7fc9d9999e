"""Where a schedule stands, for one tenant: the row that the tick reads and moves."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

DUE_SHARDS = 4
"""Partitions of the index of due schedules: together 4,000 moved cursors a second (1,000 write units each)."""


class Missed(StrEnum):
    """Why a fire that was due was never made."""

    LATE = "late"
    """No tick came in time, and the schedule's catch-up policy leaves it out."""
    WINDOW = "window"
    """It was due longer ago than the catch-up window."""
    CAP = "cap"
    """Newer fires took up the number that is caught up with."""
    PAUSED = "paused"
    DISABLED = "disabled"
    OVERLAP = "overlap"
    """The fire before it had not ended; recorded as a run with the state `skipped`."""

    @property
    def is_intended(self) -> bool:
        """Whether an operator or the manifest wanted it so: it is counted in the cursor, and rings no alarm."""
        return self in {Missed.PAUSED, Missed.DISABLED}


@dataclass(frozen=True, slots=True)
class ScheduleCursor:
    """One schedule of one tenant. Everything due before `next_due_ms` was decided; a change is a new version.

    Attributes:
        name: of the schedule.
        timing: `Schedule.timing` of the definition that `next_due_ms` was computed by.
        since_ms: when the definition became valid here, or was gone: fires that were due at or before it do not exist.
        next_due_ms: the next fire that nobody has decided about; None while the manifest disables the schedule, has
            removed it, or it is no longer this tenant's.
        last_due_ms, last_trace_id: the newest fire that became a task, and its task.
        missed: how many fires were missed since the row was made, by reason; only positive numbers.
        last_missed_ms, last_missed_reason: the newest of them.
        version: increases by one with every write, from 1.
        nonce: of the write that made this version.
    """

    tenant: str
    name: str
    timing: str
    since_ms: int
    next_due_ms: int | None
    version: int
    nonce: str
    last_due_ms: int | None = None
    last_trace_id: str | None = None
    missed: Mapping[Missed, int] = field(default_factory=dict)
    last_missed_ms: int | None = None
    last_missed_reason: Missed | None = None

    @property
    def source(self) -> str:
        """As the ledger and switches know the schedule."""
        return f"schedule:{self.name}"

    @property
    def shard(self) -> int:
        """Its partition of the index of due schedules."""
        return due_shard(self.tenant, self.name)

    @property
    def expected_version(self) -> int | None:
        """The version that this value replaces: None if there must be no row yet."""
        return self.version - 1 or None

    def change(self, *, nonce: str, **fields: object) -> ScheduleCursor:
        """The next version with `fields` changed."""
        return replace(self, version=self.version + 1, nonce=nonce, **fields)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class TickMark:
    """What ticks leave for one another.

    Attributes:
        ticked_at_ms: the latest time at which a tick dealt with schedules: one with an older clock stays away.
        reconciled: digest of the manifest and the declared tenants that the cursors were last reconciled with.
    """

    ticked_at_ms: int
    reconciled: str
    version: int
    nonce: str


def due_shard(tenant: str, name: str) -> int:
    """The partition of the index of due schedules in which a schedule stands: 0 to DUE_SHARDS - 1."""
    text = b"%d:%s%s" % (len(tenant), tenant.encode(), name.encode())
    return hashlib.sha256(text).digest()[0] % DUE_SHARDS

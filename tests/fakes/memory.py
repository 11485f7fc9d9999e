"""What the in-memory stores keep, and the two places where a test may break them.

    store.method() -> before(name) -> applied -> after(name) -> answer

`before` raising is a call that was refused; `after` raising is one that was applied and whose answer got lost. Values
are immutable, so that keeping them is an honest copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock

from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.enablement import Switch
from workerflow.domain.refused_call import RefusedCall
from workerflow.domain.replay import LineageEntry
from workerflow.domain.rollup import PartialCount, Rollup
from workerflow.domain.run import Run
from workerflow.domain.schedule_cursor import ScheduleCursor, TickMark
from workerflow.domain.task import Acceptance
from workerflow.ports.cleanup import CleanupMark
from workerflow.ports.stores import AttemptRecord, Cursor
from workerflow.ports.tenants import Slot, TenantsDocument


def _nothing(_name: str) -> None:
    """Let the call pass."""


@dataclass(slots=True)
class Memory:
    """Every table and the bucket, as dictionaries by key.

    Attributes:
        spoilt_schedules: cursors whose row stands there and cannot be read.
        before, after: called with the call's name, `runs.write` for one; they may raise.
        modified, object_clock: when each object was written, and by which clock.
        calls: the names of all calls so far.
    """

    acceptances: dict[tuple[str, str], Acceptance] = field(default_factory=dict)
    runs: dict[tuple[str, str], Run] = field(default_factory=dict)
    attempts: dict[tuple[str, str, int], AttemptRecord] = field(default_factory=dict)
    letters: dict[tuple[str, str], DeadLetter] = field(default_factory=dict)
    lineage: dict[tuple[str, str, str, int], LineageEntry] = field(default_factory=dict)
    replay_counts: dict[tuple[str, str], int] = field(default_factory=dict)
    switches: dict[tuple[str, str], Switch] = field(default_factory=dict)
    cursors: dict[tuple[str, int], Cursor] = field(default_factory=dict)
    retry_cursors: dict[tuple[str, int], Cursor] = field(default_factory=dict)
    audit: dict[tuple[str, int, str], AuditEvent] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    schedules: dict[tuple[str, str], ScheduleCursor] = field(default_factory=dict)
    spoilt_schedules: set[tuple[str, str]] = field(default_factory=set)
    tick_mark: TickMark | None = None
    tenants: TenantsDocument | None = None
    buckets: dict[tuple[str, str], int] = field(default_factory=dict)
    slots: dict[tuple[str, int], Slot] = field(default_factory=dict)
    refused_calls: dict[tuple[str | None, str, int], RefusedCall] = field(default_factory=dict)
    rollups: dict[tuple[str, str, int, str], Rollup] = field(default_factory=dict)
    partial_counts: dict[tuple[str, int], PartialCount] = field(default_factory=dict)
    cleanups: dict[str, CleanupMark] = field(default_factory=dict)
    modified: dict[str, int] = field(default_factory=dict)
    object_clock: Callable[[], int] = lambda: 0
    before: Callable[[str], None] = _nothing
    after: Callable[[str], None] = _nothing
    calls: list[str] = field(default_factory=list)
    lock: RLock = field(default_factory=RLock)

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        """One call of a store: alone, between `before` and `after`."""
        with self.lock:
            self.calls.append(name)
            self.before(name)
            yield
            self.after(name)

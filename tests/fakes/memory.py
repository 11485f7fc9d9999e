"""What the in-memory stores keep, and the two places where a test may break them.

    store.method() -> before(name) -> applied -> after(name) -> answer

`before` raising is a call that was refused; `after` raising is one that was applied and whose answer got lost. Values
are immutable, so that keeping them is an honest copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import RLock

from workerflow.domain.access import Session, Token
from workerflow.domain.audit import AuditEvent
from workerflow.domain.bulk import BulkJob
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.enablement import Switch
from workerflow.domain.error_group import ErrorGroup
from workerflow.domain.errors import OperationRepeatedError
from workerflow.domain.operation import REMEMBERED_SECONDS, Operation
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
        spoilt: whatever else stands there and cannot be read, by the dictionary's name and the key.
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
    operations: dict[tuple[str, str, str], Operation] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    token_nonces: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    schedules: dict[tuple[str, str], ScheduleCursor] = field(default_factory=dict)
    spoilt_schedules: set[tuple[str, str]] = field(default_factory=set)
    spoilt: set[tuple[object, ...]] = field(default_factory=set)
    tick_mark: TickMark | None = None
    tenants: TenantsDocument | None = None
    buckets: dict[tuple[str, str], int] = field(default_factory=dict)
    slots: dict[tuple[str, int], Slot] = field(default_factory=dict)
    refused_calls: dict[tuple[str | None, str, int], RefusedCall] = field(default_factory=dict)
    rollups: dict[tuple[str, str, int, str], Rollup] = field(default_factory=dict)
    partial_counts: dict[tuple[str, int], PartialCount] = field(default_factory=dict)
    cleanups: dict[str, CleanupMark] = field(default_factory=dict)
    bulk_jobs: dict[tuple[str, str], BulkJob] = field(default_factory=dict)
    error_groups: dict[tuple[str, str], ErrorGroup] = field(default_factory=dict)
    error_walks: dict[str, Cursor] = field(default_factory=dict)
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

    def has_told(self, event: AuditEvent) -> bool:
        """Whether an earlier try of the write that an event tells of was applied, as its order's key says.

        Raises:
            OperationRepeatedError: the key is another order's; nothing may be written.
        """
        if event.operation is None:
            return False
        standing = self.operations.get((event.tenant, event.operation.token_id, event.operation.key_digest))
        if standing is None or standing.at_ms // 1000 + REMEMBERED_SECONDS <= event.at_ms // 1000:
            return False
        if standing.nonce != event.nonce:
            raise OperationRepeatedError("the order's key is taken")
        return True

    def tell(self, event: AuditEvent) -> None:
        """Write an audit event, and its order under its key."""
        self.audit[event.tenant, event.at_ms, event.nonce] = replace(event, operation=None)
        if event.operation is not None:
            key = (event.tenant, event.operation.token_id, event.operation.key_digest)
            self.operations[key] = Operation(
                event.tenant, event.operation, event.action, event.target, event.at_ms, event.nonce, event.details
            )

    def is_spoilt(self, *name: object) -> bool:
        """Whether what stands there cannot be read."""
        return name in self.spoilt

"""The durable stores: acceptances, runs, letters, lineage, switches, cursors, payloads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import DeadLetter, LetterState, letter_position
from workerflow.domain.enablement import Switch
from workerflow.domain.failure import Failure
from workerflow.domain.replay import LineageEntry, ReplayRecord
from workerflow.domain.run import LetterClass, Run
from workerflow.domain.stored import StoredBytes
from workerflow.domain.task import Acceptance, AcceptedTask


@dataclass(frozen=True, slots=True)
class Written:
    """The write was applied, by this call or by an earlier try of it whose answer was lost."""


@dataclass(frozen=True, slots=True)
class Conflict[T]:
    """Another write was there first. `current` is what it left, None if there is nothing."""

    current: T | None


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """What one attempt left behind: its output, or its failure. Written by the attempt's own worker only."""

    tenant: str
    trace_id: str
    attempt: int
    at_ms: int
    expires_at_s: int
    output: StoredBytes | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class DueRun:
    """An entry of the index of open runs."""

    tenant: str
    trace_id: str
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a walk has come: everything up to `position` was visited.

    Attributes:
        shard: of the sweeper's; 0 for a walk that has one cursor.
        position: a trace id of the sweeper's, a letter's position of the retry of dead letters.
    """

    tenant: str
    shard: int
    position: str
    version: int
    nonce: str


@dataclass(frozen=True, slots=True)
class LetterEntry:
    """An entry of the indexes of dead letters."""

    tenant: str
    trace_id: str
    failed_at_ms: int
    letter_class: LetterClass
    source: str
    fingerprint: str
    state: LetterState
    expires_at_s: int

    @property
    def position(self) -> str:
        """Where it stands among the tenant's letters, in order of time."""
        return letter_position(self.failed_at_ms, self.trace_id)


@dataclass(frozen=True, slots=True)
class Newest[T]:
    """A part of one shard of an index, newest first, for people to look at.

    Attributes:
        entries: those that can be read; one that no code of ours wrote is left out and hides no other.
        next_before: where the part after this one begins; None at the end.
        unreadable: why those that are left out cannot be read, by their positions.
    """

    entries: Sequence[T]
    next_before: str | None
    unreadable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Oldest[T]:
    """A part of an index, oldest first, for whoever works through all of it.

    Attributes:
        entries: those that can be read; one that no code of ours wrote is left out and holds up no other.
        position: of the last one, whether it can be read or not; where the part was to begin, if there is none.
        is_over: nothing is behind it.
        unreadable: why those that are left out cannot be read, by their positions.
    """

    entries: Sequence[T]
    position: str
    is_over: bool
    unreadable: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many were looked at."""
        return len(self.entries) + len(self.unreadable)


@dataclass(frozen=True, slots=True)
class Seen[K, T]:
    """Items that were read together, for people to look at.

    Attributes:
        readable: by their keys; absent ones are left out.
        unreadable: why those cannot be read that no code of ours wrote. They hide no other.
    """

    readable: Mapping[K, T]
    unreadable: Mapping[K, str]


class AcceptanceStore(Protocol):
    """Acceptances, which are written once and never changed."""

    def put(self, acceptance: Acceptance, *, now_ms: int) -> Written | Conflict[Acceptance]:
        """Write it where no acceptance with its key stands, or only an expired one; else tell the one that stands."""

    def get(self, tenant: str, key_hash: str) -> Acceptance | None:
        """Read strongly; an item past its expiry is returned too (the caller knows the time)."""

    def list_accepted(self, tenant: str, shard: int, *, after: str, until: str, limit: int) -> Oldest[AcceptedTask]:
        """At most `limit` tasks of a shard with `after` < trace id < `until`, in order. Eventually consistent."""

    def view_accepted(self, tenant: str, shard: int, *, since: str, before: str, limit: int) -> Newest[AcceptedTask]:
        """At most `limit` tasks of a shard with `since` <= trace id < `before`, newest first. Eventually consistent."""


class RunStore(Protocol):
    """The ledger. Reads are strong unless said otherwise."""

    def get(self, tenant: str, trace_id: str) -> Run | None:
        """Read one row."""

    def get_many(self, tenant: str, trace_ids: Iterable[str]) -> Mapping[str, Run]:
        """Read up to 100 rows at once; absent ones are left out."""

    def view_many(self, tenant: str, trace_ids: Iterable[str]) -> Seen[str, Run]:
        """Read up to 100 rows at once, by trace id. Eventually consistent, at half the price."""

    def write(
        self,
        run: Run,
        *,
        letter: DeadLetter | None = None,
        resolves: str | None = None,
        audit: AuditEvent | None = None,
    ) -> Written | Conflict[Run]:
        """Write `run` if the row's version is `run.expected_version`.

        Args:
            run: the next version. Its error is cut where its text would take the row beyond one write unit.
            letter: of a run that fails; written in one transaction with the row.
            resolves: trace id of the parent whose letter is resolved in the same transaction; a letter that is no
                longer there does not hold the row back.
            audit: of the order that it comes from, written in the same transaction.

        Raises:
            OperationRepeatedError: another order was faster with the audit event's key.
        """

    def holds(self, run: Run) -> bool:
        """Whether the row, with its inline output, stays within one write unit. Pure."""

    def due(self, partition: str, *, until_ms: int, limit: int) -> Sequence[DueRun]:
        """Open runs of a partition that are due at or before `until_ms`, oldest first. Eventually consistent.

        Partitions: domain.run.due_partition and paused_partition.
        """

    def put_attempt(self, record: AttemptRecord) -> None:
        """Write what an attempt left behind."""

    def get_attempt(self, tenant: str, trace_id: str, attempt: int) -> AttemptRecord | None:
        """Read what an attempt left behind."""

    def view_attempts(self, tenant: str, trace_id: str) -> Seen[int, AttemptRecord]:
        """Read what all attempts of a run left behind, by their numbers. Eventually consistent."""


class ReplayStore(Protocol):
    """Dead letters and the lineage of replays."""

    def get_letter(self, tenant: str, trace_id: str) -> DeadLetter | None:
        """Read one letter, strongly."""

    def lineage(self, tenant: str, root: str) -> Sequence[LineageEntry]:
        """All replays under a root, by generation. Strong."""

    def record_replay(self, record: ReplayRecord) -> Written | Conflict[LineageEntry]:
        """Write a replay whole or not at all.

        Returns:
            Written, or a Conflict: with the entry that took the generation if it is of the same parent, else with
            None (read again: the letter's state or the root's count has moved).
        """

    def resolve_letter(self, letter: DeadLetter, audit: AuditEvent) -> Written | Conflict[DeadLetter]:
        """Write that an open letter is done with, by whom, why: its state `resolved`, with the audit event.

        Args:
            letter: as it is to be; its `resolution` names this write.
            audit: of the order, written in the same transaction.

        Returns:
            Written, or a Conflict with the letter that is open no more (None: it is gone).

        Raises:
            OperationRepeatedError: another order was faster with the audit event's key.
        """

    def count_open_letters(self, tenant: str, limit: int, *, now_ms: int) -> int:
        """How many letters are open and have not expired, counted up to `limit`. Eventually consistent.

        Counted from the newest back, for those that have expired and are still there are the oldest: once as many of
        them as `limit` were met, no further one is looked at.
        """

    def list_letters(self, tenant: str, *, open_only: bool, after: str, until: str, limit: int) -> Oldest[LetterEntry]:
        """At most `limit` letters with `after` < position < `until`, oldest first. Eventually consistent.

        Args:
            tenant: whose.
            open_only: leave out those that were replayed or resolved.
            after: a position (domain.dead_letter.letter_position).
            until: another one.
            limit: of those that cannot be read, too.
        """

    def view_letters(
        self, tenant: str, shard: int, *, open_only: bool, since: str, before: str, limit: int
    ) -> Newest[LetterEntry]:
        """At most `limit` of a shard with `since` <= position < `before`, newest first. Eventually consistent."""


class SwitchStore(Protocol):
    """Run-time switches."""

    def list_switches(self, tenant: str) -> Sequence[Switch]:
        """All switches of a tenant, strongly: one query."""

    def put_switch(self, switch: Switch, audit: AuditEvent) -> Written | Conflict[Switch]:
        """Write the switch's next version with its audit row in one transaction."""

    def delete_switch(self, switch: Switch, audit: AuditEvent) -> Written | Conflict[Switch]:
        """Delete a switch as it was read, with the audit row in one transaction; Written if it is gone already."""


class CursorStore(Protocol):
    """The cursors of one walk, the sweeper's for one."""

    def get_cursor(self, tenant: str, shard: int) -> Cursor | None:
        """Read a cursor, strongly."""

    def move_cursor(self, cursor: Cursor) -> Written | Conflict[Cursor]:
        """Write the cursor's next version (version 1 where there is none)."""


class AuditLog(Protocol):
    """Audit rows that belong to no other write."""

    def append(self, event: AuditEvent) -> None:
        """Write one event; the same event (time and nonce) twice is one row."""

    def view_events(self, tenant: str, *, since: str, before: str, limit: int) -> Newest[AuditEvent]:
        """At most `limit` events of a tenant with `since` <= position < `before`, newest first, as they can be read.

        They come without their orders' keys. Eventually consistent.

        Args:
            tenant: whose.
            since: a position (domain.audit.audit_position).
            before: another one.
            limit: fewer come back at the end, or where one cannot be read.
        """


class BlobStore(Protocol):
    """Payloads and outputs too large for an item."""

    def put(self, pointer: str, body: bytes) -> None:
        """Write an object; the same pointer always gets the same bytes."""

    def get(self, stored: StoredBytes) -> bytes:
        """The bytes, from the item or from behind the pointer.

        Raises:
            IntegrityError: the object is gone, or its SHA-256 is not the one that was stored.
        """

    def copy(self, source: str, target: str) -> None:
        """Copy an object, so that the copy's life does not depend on the source's."""

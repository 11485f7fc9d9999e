"""The store of schedules: their cursors, the newest tick, and what fires and manual runs write beside an acceptance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from workerflow.domain.audit import AuditEvent
from workerflow.domain.errors import IntegrityError
from workerflow.domain.run import Run
from workerflow.domain.schedule_cursor import ScheduleCursor, TickMark
from workerflow.domain.task import Acceptance
from workerflow.ports.stores import Conflict, Written


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """An entry of the index of due schedules."""

    tenant: str
    name: str
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class CursorsFound:
    """The cursors of a tenant.

    Attributes:
        readable: by name.
        unreadable: rows that no code of ours wrote (an edit by hand, a newer version that was rolled back), by name.
    """

    readable: Sequence[ScheduleCursor]
    unreadable: Mapping[str, IntegrityError] = field(default_factory=dict)


class ScheduleStore(Protocol):
    """Schedules' cursors. Reads are strong unless said otherwise."""

    def due(self, shard: int, *, until_ms: int, limit: int) -> Sequence[DueSchedule]:
        """Schedules of a shard whose next fire is due at or before `until_ms`, oldest first. Eventually consistent."""

    def get_cursors(self, names: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], ScheduleCursor]:
        """Read up to 100 cursors by (tenant, schedule) at once; absent ones are left out."""

    def list_cursors(self, tenant: str) -> CursorsFound:
        """All cursors of a tenant, also of schedules that were removed. One that is unreadable hides no other."""

    def write_cursor(self, cursor: ScheduleCursor) -> Written | Conflict[ScheduleCursor]:
        """Write the cursor's next version if the row's version is `cursor.expected_version`."""

    def delete_cursor(self, cursor: ScheduleCursor) -> None:
        """Delete a row that still has the version and nonce of `cursor`; leave any other alone."""

    def get_mark(self) -> TickMark | None:
        """Read the newest tick's mark."""

    def write_mark(self, mark: TickMark) -> Written | Conflict[TickMark]:
        """Write the mark's next version (version 1 where there is none)."""

    def record_skip(self, acceptance: Acceptance, run: Run, *, now_ms: int) -> Written | Conflict[Acceptance]:
        """Write a skipped fire: its acceptance and its ended run in one transaction; or tell the one that stands."""

    def record_manual(
        self, acceptance: Acceptance, audit: AuditEvent, *, now_ms: int
    ) -> Written | Conflict[Acceptance]:
        """Write a manual run's acceptance and its audit row in one transaction; or tell the one that stands."""

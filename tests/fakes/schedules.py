"""The store of schedules in memory. It passes the same contract tests as the DynamoDB adapter (tests/contract)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

from tests.fakes.memory import Memory
from workerflow.adapters.dynamodb.items import run as run_codec
from workerflow.domain.audit import AuditEvent
from workerflow.domain.errors import IntegrityError
from workerflow.domain.run import Run
from workerflow.domain.schedule_cursor import ScheduleCursor, TickMark
from workerflow.domain.task import Acceptance
from workerflow.ports.schedules import CursorsFound, DueSchedule
from workerflow.ports.stores import Conflict, Written


class FakeSchedules:
    """ScheduleStore."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def due(self, shard: int, *, until_ms: int, limit: int) -> Sequence[DueSchedule]:
        with self._memory.call("schedules.due"):
            found = [
                DueSchedule(cursor.tenant, cursor.name, cursor.next_due_ms)
                for cursor in self._memory.schedules.values()
                if cursor.next_due_ms is not None and cursor.next_due_ms <= until_ms and cursor.shard == shard
            ]
            return sorted(found, key=attrgetter("due_at_ms", "tenant", "name"))[: max(0, limit)]

    def get_cursors(self, names: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], ScheduleCursor]:
        wanted = list(dict.fromkeys(names))
        if not wanted:
            return {}
        with self._memory.call("schedules.get_cursors"):
            for name in wanted:
                self._taste(name)
            return {name: self._memory.schedules[name] for name in wanted if name in self._memory.schedules}

    def list_cursors(self, tenant: str) -> CursorsFound:
        with self._memory.call("schedules.list_cursors"):
            spoilt = sorted(name for owner, name in self._memory.spoilt_schedules if owner == tenant)
            found = (cursor for cursor in self._memory.schedules.values() if cursor.tenant == tenant)
            readable = sorted((cursor for cursor in found if cursor.name not in spoilt), key=attrgetter("name"))
            return CursorsFound(readable, {name: IntegrityError(f"{name} is no cursor") for name in spoilt})

    def write_cursor(self, cursor: ScheduleCursor) -> Written | Conflict[ScheduleCursor]:
        with self._memory.call("schedules.write_cursor"):
            standing = self._memory.schedules.get((cursor.tenant, cursor.name))
            if (standing.version if standing else None) == cursor.expected_version:
                self._memory.schedules[cursor.tenant, cursor.name] = cursor
                return Written()
            self._taste((cursor.tenant, cursor.name))
            return Written() if _is_same_write(standing, cursor) else Conflict(standing)

    def delete_cursor(self, cursor: ScheduleCursor) -> None:
        with self._memory.call("schedules.delete_cursor"):
            if _is_same_write(self._memory.schedules.get((cursor.tenant, cursor.name)), cursor):
                del self._memory.schedules[cursor.tenant, cursor.name]

    def get_mark(self) -> TickMark | None:
        with self._memory.call("schedules.get_mark"):
            return self._memory.tick_mark

    def write_mark(self, mark: TickMark) -> Written | Conflict[TickMark]:
        with self._memory.call("schedules.write_mark"):
            standing = self._memory.tick_mark
            if (standing.version if standing else 0) == mark.version - 1:
                self._memory.tick_mark = mark
                return Written()
            return Written() if _is_same_write(standing, mark) else Conflict(standing)

    def record_skip(self, acceptance: Acceptance, run: Run, *, now_ms: int) -> Written | Conflict[Acceptance]:
        with self._memory.call("schedules.record_skip"):
            refusal = self._refusal(acceptance, now_ms)
            if refusal is not None:
                return refusal
            if (run.tenant, run.trace_id) in self._memory.runs:
                return Conflict(None)
            self._memory.acceptances[acceptance.tenant, acceptance.key_hash] = acceptance
            self._memory.runs[run.tenant, run.trace_id] = run_codec.kept(run)
            return Written()

    def record_manual(
        self, acceptance: Acceptance, audit: AuditEvent, *, now_ms: int
    ) -> Written | Conflict[Acceptance]:
        with self._memory.call("schedules.record_manual"):
            if self._memory.has_told(audit):
                return Written()
            refusal = self._refusal(acceptance, now_ms)
            if refusal is not None:
                return refusal
            self._memory.acceptances[acceptance.tenant, acceptance.key_hash] = acceptance
            self._memory.tell(audit)
            return Written()

    def _taste(self, name: tuple[str, str]) -> None:
        if name in self._memory.spoilt_schedules:
            raise IntegrityError(f"{name} is no cursor")

    def _refusal(self, acceptance: Acceptance, now_ms: int) -> Written | Conflict[Acceptance] | None:
        """What the acceptance that stands says to another one; None if there is none, or an expired one."""
        standing = self._memory.acceptances.get((acceptance.tenant, acceptance.key_hash))
        if standing is None or standing.is_expired(now_ms):
            return None
        return Written() if standing.nonce == acceptance.nonce else Conflict(standing)


def _is_same_write[T: ScheduleCursor | TickMark](standing: T | None, asked: T) -> bool:
    return standing is not None and (standing.nonce, standing.version) == (asked.nonce, asked.version)

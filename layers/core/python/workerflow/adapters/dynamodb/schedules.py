"""ScheduleStore on DynamoDB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from workerflow.adapters.dynamodb import conditions
from workerflow.adapters.dynamodb.audited import AuditTrail
from workerflow.adapters.dynamodb.database import Database, Refused
from workerflow.adapters.dynamodb.items import acceptance as acceptance_codec
from workerflow.adapters.dynamodb.items import run as run_codec
from workerflow.adapters.dynamodb.items import schedule as codec
from workerflow.adapters.dynamodb.requests import Delete, Put, Query
from workerflow.domain.audit import AuditEvent
from workerflow.domain.errors import IntegrityError
from workerflow.domain.run import Run
from workerflow.domain.schedule_cursor import ScheduleCursor, TickMark
from workerflow.domain.task import Acceptance
from workerflow.ports.schedules import CursorsFound, DueSchedule
from workerflow.ports.stores import Conflict, Written
from workerflow.tables import SCHEDULES_DUE

_SMALLEST_TIME = codec.due_text(0)


class DynamoSchedules:
    """Schedules' cursors and the tick's mark in `cursor_state`; what fires write beside an acceptance.

    The other tables are None where a function does not write what stands there: it is then not even told their names.
    """

    def __init__(
        self,
        database: Database,
        *,
        state: str,
        acceptances: str | None = None,
        runs: str | None = None,
        audit: str | None = None,
        operations: str | None = None,
    ) -> None:
        self._database = database
        self._state = state
        self._acceptances = acceptances
        self._runs = runs
        self._trail = AuditTrail(audit, operations)

    def due(self, shard: int, *, until_ms: int, limit: int) -> Sequence[DueSchedule]:
        query = Query(
            self._state,
            (SCHEDULES_DUE.partition_key, codec.shard_text(shard)),
            (SCHEDULES_DUE.sort_key, _SMALLEST_TIME, codec.due_text(until_ms)),
            SCHEDULES_DUE.name,
        )
        return [codec.from_index(item) for item in self._database.query(query, limit=limit)]

    def get_cursors(self, names: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], ScheduleCursor]:
        keys = [codec.key(tenant, name) for tenant, name in dict.fromkeys(names)]
        found = map(codec.from_item, self._database.get_many(self._state, keys))
        return {(cursor.tenant, cursor.name): cursor for cursor in found}

    def list_cursors(self, tenant: str) -> CursorsFound:
        readable: list[ScheduleCursor] = []
        unreadable: dict[str, IntegrityError] = {}
        for item in self._database.query(Query(self._state, ("pk", codec.partition(tenant)))):
            try:
                readable.append(codec.from_item(item))
            except IntegrityError as error:
                unreadable[item["sk"]] = error
        return CursorsFound(readable, unreadable)

    def write_cursor(self, cursor: ScheduleCursor) -> Written | Conflict[ScheduleCursor]:
        put = Put(self._state, codec.to_item(cursor), conditions.unchanged(cursor.expected_version))
        refused = self._database.put(put)
        if refused is None:
            return Written()
        standing = None if refused.old is None else codec.from_item(refused.old)
        return Written() if _is_same_write(standing, cursor) else Conflict(standing)

    def delete_cursor(self, cursor: ScheduleCursor) -> None:
        key = codec.key(cursor.tenant, cursor.name)
        self._database.delete(Delete(self._state, key, conditions.same_write(cursor.version, cursor.nonce)))

    def get_mark(self) -> TickMark | None:
        item = self._database.get(self._state, codec.MARK_KEY)
        return None if item is None else codec.mark_from_item(item)

    def write_mark(self, mark: TickMark) -> Written | Conflict[TickMark]:
        put = Put(self._state, codec.mark_to_item(mark), conditions.unchanged(mark.version - 1 or None))
        refused = self._database.put(put)
        if refused is None:
            return Written()
        standing = None if refused.old is None else codec.mark_from_item(refused.old)
        return Written() if _is_same_write(standing, mark) else Conflict(standing)

    def record_skip(self, acceptance: Acceptance, run: Run, *, now_ms: int) -> Written | Conflict[Acceptance]:
        if self._runs is None:
            raise ValueError("this function does not record skipped fires")
        row = Put(self._runs, run_codec.to_item(run), conditions.unchanged(run.expected_version))
        return _accepted(acceptance, self._database.transact([self._acceptance(acceptance, now_ms), row]))

    def record_manual(
        self, acceptance: Acceptance, audit: AuditEvent, *, now_ms: int
    ) -> Written | Conflict[Acceptance]:
        refusals = self._trail.write(self._database, [self._acceptance(acceptance, now_ms)], audit)
        return _accepted(acceptance, refusals)

    def _acceptance(self, acceptance: Acceptance, now_ms: int) -> Put:
        if self._acceptances is None:
            raise ValueError("this function accepts nothing")
        return Put(self._acceptances, acceptance_codec.to_item(acceptance), conditions.forgotten(now_ms))


def _accepted(acceptance: Acceptance, refusals: Sequence[Refused | None] | None) -> Written | Conflict[Acceptance]:
    """What the acceptance that comes first in a transaction met."""
    if refusals is None:
        return Written()
    taken = refusals[0]
    standing = None if taken is None or taken.old is None else acceptance_codec.from_item(taken.old)
    return Written() if standing is not None and standing.nonce == acceptance.nonce else Conflict(standing)


def _is_same_write[T: ScheduleCursor | TickMark](standing: T | None, asked: T) -> bool:
    return standing is not None and (standing.nonce, standing.version) == (asked.nonce, asked.version)

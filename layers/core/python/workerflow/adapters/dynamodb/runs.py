"""RunStore on DynamoDB: the ledger, by compare-and-swap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from workerflow.adapters.dynamodb import conditions
from workerflow.adapters.dynamodb.attributes import Item
from workerflow.adapters.dynamodb.audited import AuditTrail
from workerflow.adapters.dynamodb.database import Database, Refused
from workerflow.adapters.dynamodb.items import attempt as attempt_codec
from workerflow.adapters.dynamodb.items import letter as letter_codec
from workerflow.adapters.dynamodb.items import run as codec
from workerflow.adapters.dynamodb.requests import Change, Put, Query
from workerflow.adapters.dynamodb.seen import seen
from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.run import Run
from workerflow.ports.stores import AttemptRecord, Conflict, DueRun, Seen, Written
from workerflow.tables import RUNS_OPEN

_SMALLEST_TIME = codec.due_text(0)


class DynamoRuns:
    """Rows in `runs`, and the letter of a failed run in the transaction of its terminal state.

    `audit` and `operations` are None where a function takes no orders: it is then not even told the tables' names.
    """

    def __init__(
        self,
        database: Database,
        *,
        runs: str,
        letters: str,
        audit: str | None = None,
        operations: str | None = None,
    ) -> None:
        self._database = database
        self._runs = runs
        self._letters = letters
        self._trail = AuditTrail(audit, operations)

    def get(self, tenant: str, trace_id: str) -> Run | None:
        item = self._database.get(self._runs, codec.key(tenant, trace_id))
        return None if item is None else codec.from_item(item)

    def get_many(self, tenant: str, trace_ids: Iterable[str]) -> Mapping[str, Run]:
        keys = [codec.key(tenant, trace_id) for trace_id in dict.fromkeys(trace_ids)]
        found = map(codec.from_item, self._database.get_many(self._runs, keys))
        return {run.trace_id: run for run in found}

    def view_many(self, tenant: str, trace_ids: Iterable[str]) -> Seen[str, Run]:
        keys = [codec.key(tenant, trace_id) for trace_id in dict.fromkeys(trace_ids)]
        items = self._database.get_many(self._runs, keys, viewing=True)
        return seen(items, codec.from_item, lambda item: str(item["pk"]).partition("#")[2])

    def holds(self, run: Run) -> bool:
        return codec.holds(run)

    def write(
        self,
        run: Run,
        *,
        letter: DeadLetter | None = None,
        resolves: str | None = None,
        audit: AuditEvent | None = None,
    ) -> Written | Conflict[Run]:
        row = Put(self._runs, codec.to_item(run), conditions.unchanged(run.expected_version))
        if letter is None and resolves is None and audit is None:
            return self._answer(run, self._database.put(row))
        # The letter needs no condition of its own: its key is the run's, and the row's condition lets one write win.
        writes: list[Put | Change] = [row]
        if letter is not None:
            writes.append(Put(self._letters, letter_codec.to_item(letter)))
        if resolves is not None:
            writes.append(self._resolve(run, resolves))
        refusals = self._trail.write(self._database, writes, audit) if audit else self._database.transact(writes)
        if refusals is None:
            return Written()
        if refusals[0] is None:  # only the parent's letter is gone, and that must not hold the row back
            return self.write(run, letter=letter, audit=audit)
        return self._answer(run, refusals[0])

    def _resolve(self, run: Run, trace_id: str) -> Change:
        return Change(
            self._letters,
            letter_codec.key(run.tenant, trace_id),
            sets=letter_codec.resolved(run.trace_id, run.updated_at_ms, run.nonce),
            removes=("open_in",),
            condition=conditions.STILL_THERE,
        )

    def _answer(self, run: Run, refused: Refused | None) -> Written | Conflict[Run]:
        if refused is None:
            return Written()
        current = None if refused.old is None else codec.from_item(refused.old)
        if current is not None and (current.nonce, current.version) == (run.nonce, run.version):
            return Written()
        return Conflict(current)

    def due(self, partition: str, *, until_ms: int, limit: int) -> Sequence[DueRun]:
        query = Query(
            self._runs,
            (RUNS_OPEN.partition_key, partition),
            (RUNS_OPEN.sort_key, _SMALLEST_TIME, codec.due_text(until_ms)),
            RUNS_OPEN.name,
        )
        return [codec.from_index(item) for item in self._database.query(query, limit=limit)]

    def put_attempt(self, record: AttemptRecord) -> None:
        self._database.put(Put(self._runs, attempt_codec.to_item(record)))

    def get_attempt(self, tenant: str, trace_id: str, attempt: int) -> AttemptRecord | None:
        item: Item | None = self._database.get(self._runs, attempt_codec.key(tenant, trace_id, attempt))
        return None if item is None else attempt_codec.from_item(item)

    def view_attempts(self, tenant: str, trace_id: str) -> Seen[int, AttemptRecord]:
        low, high = attempt_codec.key(tenant, trace_id, 0), attempt_codec.key(tenant, trace_id, 99)
        query = Query(self._runs, ("pk", low["pk"]), ("sk", low["sk"], high["sk"]), viewing=True)
        return seen(self._database.query(query), attempt_codec.from_item, attempt_codec.number_of)

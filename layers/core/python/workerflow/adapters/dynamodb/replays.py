"""ReplayStore on DynamoDB: dead letters, and replays with their lineage in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from workerflow.adapters.dynamodb import conditions
from workerflow.adapters.dynamodb.audited import AuditTrail
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.items import acceptance as acceptance_codec
from workerflow.adapters.dynamodb.items import letter as letter_codec
from workerflow.adapters.dynamodb.items import lineage as codec
from workerflow.adapters.dynamodb.newest import Part
from workerflow.adapters.dynamodb.oldest import Stretch
from workerflow.adapters.dynamodb.requests import Change, Put, Query
from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import DeadLetter, LetterState
from workerflow.domain.identity import SHARDS
from workerflow.domain.replay import LineageEntry, ReplayRecord
from workerflow.ports.stores import Conflict, LetterEntry, Newest, Oldest, Written
from workerflow.tables import LETTERS_BY_TIME, LETTERS_OPEN


class DynamoReplays:
    """Letters in `dead_letters`, the trees of replays in `replay_lineage`."""

    def __init__(
        self,
        database: Database,
        *,
        letters: str,
        lineage: str,
        acceptances: str,
        audit: str,
        operations: str | None = None,
    ) -> None:
        self._database = database
        self._letters = letters
        self._lineage = lineage
        self._acceptances = acceptances
        self._trail = AuditTrail(audit, operations)

    def get_letter(self, tenant: str, trace_id: str) -> DeadLetter | None:
        item = self._database.get(self._letters, letter_codec.key(tenant, trace_id))
        return None if item is None else letter_codec.from_item(item)

    def lineage(self, tenant: str, root: str) -> Sequence[LineageEntry]:
        items = self._database.query(Query(self._lineage, ("pk", codec.partition(tenant, root))))
        entries = [codec.from_item(item) for item in items if item["sk"] != codec.COUNT]
        return sorted(entries, key=attrgetter("generation"))

    def record_replay(self, record: ReplayRecord) -> Written | Conflict[LineageEntry]:
        writes: list[Put | Change] = [self._entry(record), self._child(record), self._count(record.entry)]
        if record.letter is not None:
            writes.append(self._replayed(record.letter, record.entry.child))
        refusals = self._trail.write(self._database, writes, record.audit)
        if refusals is None:
            return Written()
        taken = refusals[0]
        if taken is None or taken.old is None:
            return Conflict(None)
        entry = codec.from_item(taken.old)
        return Written() if entry.nonce == record.entry.nonce else Conflict(entry)

    def _entry(self, record: ReplayRecord) -> Put:
        return Put(self._lineage, codec.to_item(record.entry), conditions.NOT_THERE)

    def _child(self, record: ReplayRecord) -> Put:
        child = record.acceptance
        return Put(self._acceptances, acceptance_codec.to_item(child), conditions.forgotten(child.accepted_at_ms))

    def _count(self, entry: LineageEntry) -> Change:
        return Change(
            self._lineage,
            codec.count_key(entry.tenant, entry.root),
            sets={"n": entry.generation, "expires_at": entry.expires_at_s},
            condition=conditions.counted(entry.generation - 1),
        )

    def _replayed(self, letter: DeadLetter, child: str) -> Change:
        return Change(
            self._letters,
            letter_codec.key(letter.tenant, letter.trace_id),
            sets={"state": LetterState.REPLAYED.value, "child": child},
            removes=("open_in", *letter_codec.RESOLUTION),
            condition=conditions.in_state(letter.state.value),
        )

    def resolve_letter(self, letter: DeadLetter, audit: AuditEvent) -> Written | Conflict[DeadLetter]:
        change = Change(
            self._letters,
            letter_codec.key(letter.tenant, letter.trace_id),
            sets=letter_codec.resolved(letter.resolved_by, letter.resolved_at_ms or 0, letter.resolution, letter.note),
            removes=("open_in",),
            condition=conditions.in_state(LetterState.OPEN.value),
        )
        refusals = self._trail.write(self._database, [change], audit)
        standing = refusals[0] if refusals is not None else None
        if refusals is None or standing is None:
            return Written()
        current = None if standing.old is None else letter_codec.from_item(standing.old)
        return Written() if current is not None and current.resolution == letter.resolution else Conflict(current)

    def count_open_letters(self, tenant: str, limit: int, *, now_ms: int) -> int:
        counted = 0
        for partition in _shards_of(tenant):
            query = Query(
                self._letters, (LETTERS_OPEN.partition_key, partition), index=LETTERS_OPEN.name, descending=True
            )
            counted += self._database.count(query, limit=limit - counted, now_ms=now_ms)
        return counted

    def list_letters(self, tenant: str, *, open_only: bool, after: str, until: str, limit: int) -> Oldest[LetterEntry]:
        index = LETTERS_OPEN if open_only else LETTERS_BY_TIME
        stretch = Stretch(self._letters, index, _shards_of(tenant), after, until, limit)
        return stretch.read(self._database, letter_codec.from_index)

    def view_letters(
        self, tenant: str, shard: int, *, open_only: bool, since: str, before: str, limit: int
    ) -> Newest[LetterEntry]:
        index = LETTERS_OPEN if open_only else LETTERS_BY_TIME
        part = Part(self._letters, index, acceptance_codec.shard_key(tenant, shard), since, before, limit)
        return part.of(self._database.query(part.query, limit=part.entries), letter_codec.from_index)


def _shards_of(tenant: str) -> list[str]:
    """The partitions of a tenant's letters."""
    return [acceptance_codec.shard_key(tenant, shard) for shard in range(SHARDS)]

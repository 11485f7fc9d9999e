"""The stores in memory. They pass the same contract tests as the DynamoDB and S3 adapters (tests/contract)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter

from tests.fakes.memory import Memory
from workerflow.adapters.dynamodb.items import run as run_codec
from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import DeadLetter, LetterState
from workerflow.domain.enablement import Switch
from workerflow.domain.errors import IntegrityError
from workerflow.domain.identity import shard_of
from workerflow.domain.replay import LineageEntry, ReplayRecord
from workerflow.domain.run import Run
from workerflow.domain.stored import StoredBytes
from workerflow.domain.task import Acceptance, AcceptedTask
from workerflow.ports.objects import StoredObject
from workerflow.ports.stores import AttemptRecord, Conflict, Cursor, DueRun, LetterEntry, Newest, Oldest, Seen, Written


class FakeAcceptances:
    """AcceptanceStore."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def put(self, acceptance: Acceptance, *, now_ms: int) -> Written | Conflict[Acceptance]:
        with self._memory.call("acceptances.put"):
            key = (acceptance.tenant, acceptance.key_hash)
            standing = self._memory.acceptances.get(key)
            if standing is None or standing.is_expired(now_ms):
                self._memory.acceptances[key] = acceptance
                return Written()
            return Written() if standing.nonce == acceptance.nonce else Conflict(standing)

    def get(self, tenant: str, key_hash: str) -> Acceptance | None:
        with self._memory.call("acceptances.get"):
            return self._memory.acceptances.get((tenant, key_hash))

    def list_accepted(self, tenant: str, shard: int, *, after: str, until: str, limit: int) -> Oldest[AcceptedTask]:
        with self._memory.call("acceptances.list_accepted"):
            found = {
                one.trace_id: one
                for one in self._memory.acceptances.values()
                if one.tenant == tenant and shard_of(one.trace_id) == shard and after < one.trace_id < until
            }
            spoilt = {name for name, one in found.items() if self._is_spoilt(one)}
            return _oldest({name: _accepted_task(one) for name, one in found.items()}, spoilt, after, limit)

    def view_accepted(self, tenant: str, shard: int, *, since: str, before: str, limit: int) -> Newest[AcceptedTask]:
        with self._memory.call("acceptances.view_accepted"):
            found = [
                one
                for one in self._memory.acceptances.values()
                if one.tenant == tenant and shard_of(one.trace_id) == shard and since <= one.trace_id < before
            ]
            spoilt = {one.trace_id for one in found if self._is_spoilt(one)}
            tasks = map(_accepted_task, found)
            return newest(tasks, attrgetter("trace_id"), limit, lambda task: task.trace_id in spoilt)

    def _is_spoilt(self, acceptance: Acceptance) -> bool:
        return self._memory.is_spoilt("acceptances", acceptance.tenant, acceptance.key_hash)


def newest[T](
    found: Iterable[T], position: Callable[[T], str], limit: int, is_spoilt: Callable[[T], bool] = lambda _: False
) -> Newest[T]:
    in_order = sorted(found, key=position, reverse=True)
    part = in_order[: max(0, limit)]
    return Newest(
        [one for one in part if not is_spoilt(one)],
        position(part[-1]) if part and len(in_order) > len(part) else None,
        {position(one): "spoilt" for one in part if is_spoilt(one)},
    )


def _oldest[T](found: Mapping[str, T], spoilt: set[str], after: str, limit: int) -> Oldest[T]:
    """A part of what was found, by position."""
    in_order = sorted(found)
    part = in_order[: max(0, limit)]
    return Oldest(
        [found[position] for position in part if position not in spoilt],
        part[-1] if part else after,
        is_over=limit < 1 or len(in_order) <= len(part),
        unreadable={position: "spoilt" for position in part if position in spoilt},
    )


def _accepted_task(acceptance: Acceptance) -> AcceptedTask:
    return AcceptedTask(
        tenant=acceptance.tenant,
        trace_id=acceptance.trace_id,
        source=acceptance.source,
        kind=acceptance.kind,
        mode=acceptance.mode,
        deadline_ms=acceptance.deadline_ms,
        expires_at_s=acceptance.expires_at_s,
    )


class FakeRuns:
    """RunStore."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def get(self, tenant: str, trace_id: str) -> Run | None:
        with self._memory.call("runs.get"):
            return self._memory.runs.get((tenant, trace_id))

    def get_many(self, tenant: str, trace_ids: Iterable[str]) -> Mapping[str, Run]:
        with self._memory.call("runs.get_many"):
            found = (self._memory.runs.get((tenant, trace_id)) for trace_id in trace_ids)
            return {run.trace_id: run for run in found if run is not None}

    def view_many(self, tenant: str, trace_ids: Iterable[str]) -> Seen[str, Run]:
        with self._memory.call("runs.view_many"):
            wanted = set(trace_ids)
            unreadable = {name: "spoilt" for name in wanted if self._memory.is_spoilt("runs", tenant, name)}
            found = {name: self._memory.runs.get((tenant, name)) for name in wanted - unreadable.keys()}
            return Seen({name: run for name, run in found.items() if run is not None}, unreadable)

    def holds(self, run: Run) -> bool:
        return run_codec.holds(run)

    def write(
        self,
        run: Run,
        *,
        letter: DeadLetter | None = None,
        resolves: str | None = None,
        audit: AuditEvent | None = None,
    ) -> Written | Conflict[Run]:
        with self._memory.call("runs.write"):
            if audit is not None and self._memory.has_told(audit):
                return Written()
            standing = self._memory.runs.get((run.tenant, run.trace_id))
            if (standing.version if standing else None) != run.expected_version:
                return _answer(standing, run)
            self._memory.runs[run.tenant, run.trace_id] = run_codec.kept(run)
            if letter is not None:
                self._memory.letters[letter.tenant, letter.trace_id] = letter
            self._resolve(run, resolves)
            if audit is not None:
                self._memory.tell(audit)
            return Written()

    def _resolve(self, run: Run, trace_id: str | None) -> None:
        parent = self._memory.letters.get((run.tenant, trace_id or ""))
        if parent is not None:
            self._memory.letters[run.tenant, parent.trace_id] = replace(
                parent,
                state=LetterState.RESOLVED,
                resolved_by=run.trace_id,
                resolved_at_ms=run.updated_at_ms,
                resolution=run.nonce,
            )

    def due(self, partition: str, *, until_ms: int, limit: int) -> Sequence[DueRun]:
        with self._memory.call("runs.due"):
            found = [
                DueRun(run.tenant, run.trace_id, run.due_at_ms)
                for run in self._memory.runs.values()
                if run.open_partition == partition and run.due_at_ms is not None and run.due_at_ms <= until_ms
            ]
            return sorted(found, key=attrgetter("due_at_ms", "trace_id"))[: max(0, limit)]

    def put_attempt(self, record: AttemptRecord) -> None:
        with self._memory.call("runs.put_attempt"):
            self._memory.attempts[record.tenant, record.trace_id, record.attempt] = record

    def get_attempt(self, tenant: str, trace_id: str, attempt: int) -> AttemptRecord | None:
        with self._memory.call("runs.get_attempt"):
            return self._memory.attempts.get((tenant, trace_id, attempt))

    def view_attempts(self, tenant: str, trace_id: str) -> Seen[int, AttemptRecord]:
        with self._memory.call("runs.view_attempts"):
            found = (one for one in self._memory.attempts.values() if (one.tenant, one.trace_id) == (tenant, trace_id))
            by_number = {one.attempt: one for one in found}
            spoilt = {n: "spoilt" for n in by_number if self._memory.is_spoilt("attempts", tenant, trace_id, n)}
            return Seen({number: one for number, one in by_number.items() if number not in spoilt}, spoilt)


class FakeReplays:
    """ReplayStore."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def get_letter(self, tenant: str, trace_id: str) -> DeadLetter | None:
        with self._memory.call("replays.get_letter"):
            return self._memory.letters.get((tenant, trace_id))

    def lineage(self, tenant: str, root: str) -> Sequence[LineageEntry]:
        with self._memory.call("replays.lineage"):
            if (tenant, root) not in self._memory.replay_counts:
                return []
            found = (one for one in self._memory.lineage.values() if (one.tenant, one.root) == (tenant, root))
            return sorted(found, key=attrgetter("generation"))

    def record_replay(self, record: ReplayRecord) -> Written | Conflict[LineageEntry]:
        with self._memory.call("replays.record_replay"):
            if self._memory.has_told(record.audit):
                return Written()
            entry = record.entry
            key = (entry.tenant, entry.root, entry.parent, entry.generation)
            taken = self._memory.lineage.get(key)
            if taken is not None:
                return Written() if taken.nonce == entry.nonce else Conflict(taken)
            if not self._may_be_written(record):
                return Conflict(None)
            self._memory.lineage[key] = entry
            self._write_beside(record)
            return Written()

    def _may_be_written(self, record: ReplayRecord) -> bool:
        child, entry, letter = record.acceptance, record.entry, record.letter
        standing = self._memory.acceptances.get((child.tenant, child.key_hash))
        current = self._memory.letters.get((letter.tenant, letter.trace_id)) if letter else None
        return (
            (standing is None or standing.is_expired(child.accepted_at_ms))
            and self._memory.replay_counts.get((entry.tenant, entry.root), 0) == entry.generation - 1
            and (letter is None or (current is not None and current.state is letter.state))
        )

    def _write_beside(self, record: ReplayRecord) -> None:
        child, entry = record.acceptance, record.entry
        self._memory.acceptances[child.tenant, child.key_hash] = child
        self._memory.replay_counts[entry.tenant, entry.root] = entry.generation
        self._memory.tell(record.audit)
        if record.letter is not None:
            current = self._memory.letters[record.letter.tenant, record.letter.trace_id]
            replayed = replace(
                current,
                state=LetterState.REPLAYED,
                child=entry.child,
                note="",
                resolved_by="",
                resolved_at_ms=None,
                resolution="",
            )
            self._memory.letters[current.tenant, current.trace_id] = replayed

    def resolve_letter(self, letter: DeadLetter, audit: AuditEvent) -> Written | Conflict[DeadLetter]:
        with self._memory.call("replays.resolve_letter"):
            if self._memory.has_told(audit):
                return Written()
            key = letter.tenant, letter.trace_id
            standing = self._memory.letters.get(key)
            if standing is None or standing.state is not LetterState.OPEN:
                is_own = standing is not None and standing.resolution == letter.resolution
                return Written() if is_own else Conflict(standing)
            self._memory.letters[key] = replace(
                standing,
                state=LetterState.RESOLVED,
                note=letter.note,
                resolved_by=letter.resolved_by,
                resolved_at_ms=letter.resolved_at_ms,
                resolution=letter.resolution,
            )
            self._memory.tell(audit)
            return Written()

    def count_open_letters(self, tenant: str, limit: int, *, now_ms: int) -> int:
        with self._memory.call("replays.count_open_letters"):
            found = (
                letter
                for letter in self._memory.letters.values()
                if letter.tenant == tenant and letter.state is LetterState.OPEN
            )
            return min(limit, sum(letter.expires_at_s * 1000 > now_ms for letter in found))

    def list_letters(self, tenant: str, *, open_only: bool, after: str, until: str, limit: int) -> Oldest[LetterEntry]:
        with self._memory.call("replays.list_letters"):
            found = (
                _letter_entry(letter)
                for letter in self._memory.letters.values()
                if letter.tenant == tenant and (letter.state is LetterState.OPEN or not open_only)
            )
            between = {entry.position: entry for entry in found if after < entry.position < until}
            spoilt = {position for position, entry in between.items() if self._is_spoilt(entry)}
            return _oldest(between, spoilt, after, limit)

    def view_letters(
        self, tenant: str, shard: int, *, open_only: bool, since: str, before: str, limit: int
    ) -> Newest[LetterEntry]:
        with self._memory.call("replays.view_letters"):
            found = (
                _letter_entry(letter)
                for letter in self._memory.letters.values()
                if letter.tenant == tenant
                and shard_of(letter.trace_id) == shard
                and (letter.state is LetterState.OPEN or not open_only)
            )
            between = (entry for entry in found if since <= entry.position < before)
            return newest(between, attrgetter("position"), limit, self._is_spoilt)

    def _is_spoilt(self, entry: LetterEntry) -> bool:
        return self._memory.is_spoilt("letters", entry.tenant, entry.trace_id)


def _letter_entry(letter: DeadLetter) -> LetterEntry:
    return LetterEntry(
        letter.tenant,
        letter.trace_id,
        letter.failed_at_ms,
        letter.letter_class,
        letter.source,
        letter.fingerprint,
        letter.state,
        letter.expires_at_s,
    )


class FakeSwitches:
    """SwitchStore."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def list_switches(self, tenant: str) -> Sequence[Switch]:
        with self._memory.call("switches.list_switches"):
            found = (switch for switch in self._memory.switches.values() if switch.tenant == tenant)
            return sorted(found, key=attrgetter("source"))

    def put_switch(self, switch: Switch, audit: AuditEvent) -> Written | Conflict[Switch]:
        with self._memory.call("switches.put_switch"):
            if self._memory.has_told(audit):
                return Written()
            standing = self._memory.switches.get((switch.tenant, switch.source))
            if (standing.version if standing else 0) != switch.version - 1:
                return _answer(standing, switch)
            self._memory.switches[switch.tenant, switch.source] = switch
            self._memory.tell(audit)
            return Written()

    def delete_switch(self, switch: Switch, audit: AuditEvent) -> Written | Conflict[Switch]:
        with self._memory.call("switches.delete_switch"):
            if self._memory.has_told(audit):
                return Written()
            standing = self._memory.switches.get((switch.tenant, switch.source))
            if standing is None:
                return Written()
            if (standing.nonce, standing.version) != (switch.nonce, switch.version):
                return Conflict(standing)
            del self._memory.switches[switch.tenant, switch.source]
            self._memory.tell(audit)
            return Written()


class FakeCursors:
    """CursorStore."""

    def __init__(self, memory: Memory, kept: dict[tuple[str, int], Cursor]) -> None:
        self._memory = memory
        self._kept = kept

    def get_cursor(self, tenant: str, shard: int) -> Cursor | None:
        with self._memory.call("cursors.get_cursor"):
            return self._kept.get((tenant, shard))

    def move_cursor(self, cursor: Cursor) -> Written | Conflict[Cursor]:
        with self._memory.call("cursors.move_cursor"):
            standing = self._kept.get((cursor.tenant, cursor.shard))
            if (standing.version if standing else 0) != cursor.version - 1:
                return _answer(standing, cursor)
            self._kept[cursor.tenant, cursor.shard] = cursor
            return Written()


def _answer[T: Run | Switch | Cursor](standing: T | None, asked: T) -> Written | Conflict[T]:
    """A condition did not hold: because of our own write, or of another's."""
    if standing is not None and (standing.nonce, standing.version) == (asked.nonce, asked.version):
        return Written()
    return Conflict(standing)


class FakeAuditLog:
    """AuditLog."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def append(self, event: AuditEvent) -> None:
        with self._memory.call("audit.append"):
            self._memory.audit[event.tenant, event.at_ms, event.nonce] = event

    def view_events(self, tenant: str, *, since: str, before: str, limit: int) -> Newest[AuditEvent]:
        with self._memory.call("audit.view_events"):
            events = (event for event in self._memory.audit.values() if event.tenant == tenant)
            found = (event for event in events if since <= event.position < before)
            return newest(found, attrgetter("position"), limit)


class FakeBlobs:
    """BlobStore and ObjectStore."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def put(self, pointer: str, body: bytes) -> None:
        with self._memory.call("blobs.put"):
            self._memory.objects[pointer] = body
            self._memory.modified[pointer] = self._memory.object_clock()

    def get(self, stored: StoredBytes) -> bytes:
        body = self._read(stored.pointer) if stored.inline is None else stored.inline
        if hashlib.sha256(body).hexdigest() != stored.sha256:
            raise IntegrityError(f"the bytes behind {stored.pointer or 'an item'} are not those that were stored")
        return body

    def _read(self, pointer: str | None) -> bytes:
        with self._memory.call("blobs.get"):
            return self._object(str(pointer))

    def copy(self, source: str, target: str) -> None:
        with self._memory.call("blobs.copy"):
            self._memory.objects[target] = self._object(source)
            self._memory.modified[target] = self._memory.object_clock()

    def find(self, pointer: str) -> bytes | None:
        with self._memory.call("objects.find"):
            return self._memory.objects.get(pointer)

    def list_objects(self, prefix: str, *, after: str, limit: int) -> Sequence[StoredObject]:
        with self._memory.call("objects.list_objects"):
            names = sorted(name for name in self._memory.objects if name.startswith(prefix) and name > after)
            return [StoredObject(name, self._memory.modified.get(name, 0)) for name in names[:limit]]

    def delete_many(self, pointers: Sequence[str]) -> None:
        if not pointers:
            return
        with self._memory.call("objects.delete_many"):
            for pointer in pointers:
                self._memory.objects.pop(pointer, None)

    def _object(self, pointer: str) -> bytes:
        if pointer not in self._memory.objects:
            raise IntegrityError(f"there is no object {pointer}")
        return self._memory.objects[pointer]

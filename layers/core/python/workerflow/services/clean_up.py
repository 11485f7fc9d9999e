"""Cleaning up: what no expiry removes. Objects that nothing points to, and the state of sources that are long gone.

    position ------ objects of the tenant, by name, a number a run ------> end, then from the beginning
                    a payload     stands while its acceptance points to it, or a dead letter of its task is there
                    an output     stands while its run has not ended, or has ended with this very attempt
                    anything else is left alone

Only what was written two days ago, or a day for outputs, is looked at: by then no invocation that wrote it is alive,
and nobody will come to write or need it under that name again (domain.objects). A switch and a cursor go when their
source has been gone for the retention: a source that was removed by mistake finds its switch as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import letter_position
from workerflow.domain.enablement import Switch
from workerflow.domain.identity import HASH_HEX_DIGITS
from workerflow.domain.manifest import Manifest
from workerflow.domain.objects import DAY_MS, OutputObject, PayloadObject, read_pointer
from workerflow.domain.schedule_cursor import ScheduleCursor
from workerflow.ports.cleanup import CleanupMark, CleanupStore
from workerflow.ports.objects import ObjectStore, StoredObject
from workerflow.ports.schedules import ScheduleStore
from workerflow.ports.stores import AcceptanceStore, ReplayStore, RunStore, SwitchStore
from workerflow.ports.world import Clock, Ids

OBJECTS_A_RUN = 5_000
PAGE = 500
LETTERS_READ = 20_000
"""Entries of the index of letters, some 5 MB. With more letters than that, payloads without acceptance stay; so they do
while a letter cannot be read, for any of them may be that letter's."""


@dataclass(frozen=True, slots=True)
class _Letters:
    """Key hashes of tasks with a dead letter; `is_all` unless there are more than one run reads, or can read."""

    key_hashes: frozenset[str]
    is_all: bool


@dataclass(slots=True)
class _Tally:
    """What a run has done so far. `letters` is read once, when it is first asked for."""

    looked: int = 0
    deleted: int = 0
    strange: int = 0
    letters: _Letters | None = None


@dataclass(frozen=True, slots=True)
class _Gone:
    """What is left of sources that the manifest does not know any more."""

    switches: Sequence[Switch] = field(default_factory=tuple)
    cursors: Sequence[ScheduleCursor] = field(default_factory=tuple)

    @property
    def sources(self) -> set[str]:
        return {one.source for one in self.switches} | {one.source for one in self.cursors}


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanUp:
    """Cleans up after one tenant."""

    objects: ObjectStore
    acceptances: AcceptanceStore
    runs: RunStore
    replays: ReplayStore
    switches: SwitchStore
    schedules: ScheduleStore
    marks: CleanupStore
    manifest: Manifest
    clock: Clock
    ids: Ids
    retention_seconds: int

    def __call__(self, tenant: str, *, actor: str, until_ms: int) -> dict[str, Any]:
        """Remove what is left over, and look through the next objects.

        Args:
            tenant: whose.
            actor: who is told to have removed a switch, in the audit trail.
            until_ms: begin with no further page of objects after this time.

        Returns:
            `objects` that were looked at, `deleted`, of unknown name (`strange`), and whether all were seen
            (`finished`); `switches` and `cursors` that were removed.

        Raises:
            StoreUnavailableError: the same objects are looked at again.
        """
        mark = self.marks.get_mark(tenant)
        missing = mark.missing if mark else {}
        gone = self._gone(tenant)
        missing = {source: missing.get(source, self.clock.now_ms()) for source in sorted(gone.sources)}
        forgotten = self._forgotten(gone, missing)
        self._remove(forgotten, actor)
        tally = _Tally()
        position = self._look_through(tenant, mark.position if mark else "", tally, until_ms)
        self._keep_mark(tenant, mark, position, {s: at for s, at in missing.items() if s not in forgotten.sources})
        return {
            "objects": tally.looked,
            "deleted": tally.deleted,
            "strange": tally.strange,
            "finished": not position,
            "switches": len(forgotten.switches),
            "cursors": len(forgotten.cursors),
        }

    # What is left of sources.

    def _gone(self, tenant: str) -> _Gone:
        return _Gone(
            [one for one in self.switches.list_switches(tenant) if not self._is_known(one.source, tenant)],
            [one for one in self.schedules.list_cursors(tenant).readable if not self._is_known(one.source, tenant)],
        )

    def _is_known(self, source: str, tenant: str) -> bool:
        found = self.manifest.find(source)
        return found is not None and found.serves(tenant)

    def _forgotten(self, gone: _Gone, missing: Mapping[str, int]) -> _Gone:
        """What has been gone for the retention. A cursor that still has a fire to come is the next tick's."""
        long_ago_ms = self.clock.now_ms() - self.retention_seconds * 1000
        sources = {source for source, since_ms in missing.items() if since_ms <= long_ago_ms}
        waiting = {one.source for one in gone.cursors if one.next_due_ms is not None}
        return _Gone(
            [one for one in gone.switches if one.source in sources - waiting],
            [one for one in gone.cursors if one.source in sources - waiting],
        )

    def _remove(self, forgotten: _Gone, actor: str) -> None:
        for switch in forgotten.switches:
            self.switches.delete_switch(switch, self._audit(switch, actor))
        for cursor in forgotten.cursors:
            self.schedules.delete_cursor(cursor)

    def _audit(self, switch: Switch, actor: str) -> AuditEvent:
        return AuditEvent(
            tenant=switch.tenant,
            at_ms=self.clock.now_ms(),
            nonce=self.ids.nonce(),
            actor=actor,
            action="switch.removed",
            target=switch.source,
            reason="the source has been gone for the retention",
            details={"before": switch.state.value},
        )

    # Objects.

    def _look_through(self, tenant: str, position: str, tally: _Tally, until_ms: int) -> str:
        """Look at objects until a run's number is reached; where the next run begins, "" for the beginning."""
        while tally.looked < OBJECTS_A_RUN and self.clock.now_ms() < until_ms:
            page = self.objects.list_objects(f"{tenant}/", after=position, limit=PAGE)
            leftover = [found.pointer for found in page if self._is_leftover(tenant, found, tally)]
            self.objects.delete_many(leftover)
            tally.looked += len(page)
            tally.deleted += len(leftover)
            if len(page) < PAGE:
                return ""
            position = page[-1].pointer
        return position

    def _is_leftover(self, tenant: str, found: StoredObject, tally: _Tally) -> bool:
        match read_pointer(tenant, found.pointer):
            case PayloadObject() as payload:
                return self._is_leftover_payload(tenant, found.pointer, payload, tally)
            case OutputObject() as output:
                is_old = found.modified_at_ms <= self.clock.now_ms() - DAY_MS
                return is_old and self._is_leftover_output(tenant, output)
            case None:
                tally.strange += not found.pointer.startswith(f"{tenant}/snapshots/")
        return False

    def _is_leftover_payload(self, tenant: str, pointer: str, payload: PayloadObject, tally: _Tally) -> bool:
        now_ms = self.clock.now_ms()
        if payload.day >= now_ms // DAY_MS - 1:
            return False
        acceptance = self.acceptances.get(tenant, payload.key_hash)
        if acceptance is not None and not acceptance.is_expired(now_ms) and acceptance.payload.pointer == pointer:
            return False
        tally.letters = tally.letters or self._letters(tenant)
        return tally.letters.is_all and payload.key_hash not in tally.letters.key_hashes

    def _is_leftover_output(self, tenant: str, output: OutputObject) -> bool:
        run = self.runs.get(tenant, output.trace_id)
        if run is None or run.expires_at_s * 1000 <= self.clock.now_ms():
            return True
        return run.is_terminal and not (run.has_output_item and run.attempt == output.attempt)

    def _letters(self, tenant: str) -> _Letters:
        """The tasks whose dead letters may point to payloads."""
        until = letter_position(self.clock.now_ms() + DAY_MS)
        found = self.replays.list_letters(
            tenant, open_only=False, after=letter_position(0), until=until, limit=LETTERS_READ
        )
        return _Letters(
            frozenset(entry.trace_id[-HASH_HEX_DIGITS:] for entry in found.entries),
            is_all=found.is_over and not found.unreadable,
        )

    def _keep_mark(self, tenant: str, mark: CleanupMark | None, position: str, missing: Mapping[str, int]) -> None:
        """Leave the mark for the next run. If another run was faster, its mark stands: both have looked."""
        version = (mark.version if mark else 0) + 1
        self.marks.write_mark(CleanupMark(tenant, position, version, self.ids.nonce(), missing))

"""Replay: make a new task from one that has ended.

One transaction writes the child's acceptance, its lineage entry, the parent letter's new state, the root's count and
the audit row; then the child is sent like any task, and swept if the send fails. Two clicks make one child, because a
parent has one child: whoever wants to replay again replays the child. So lineages do not fan out by accident, and
"retry all dead letters" touches leaves only.

A replay is a call: of a route that the tenant may not call any more there is none.

An order with a key is remembered in the same transaction; one that finds the child made already is told of by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import DeadLetter, LetterState
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import IntegrityError, InvalidIdentifierError, StoreUnavailableError
from workerflow.domain.identity import TraceId, acceptance_hash
from workerflow.domain.json_body import MAX_BODY_BYTES
from workerflow.domain.manifest import Manifest
from workerflow.domain.objects import payload_pointer
from workerflow.domain.operation import OperationKey
from workerflow.domain.replay import MAX_GENERATIONS, LineageEntry, ReplayRecord
from workerflow.domain.run import Run
from workerflow.domain.stored import StoredBytes
from workerflow.domain.task import Acceptance, Lineage
from workerflow.ports.operations import OperationStore
from workerflow.ports.stores import AcceptanceStore, BlobStore, ReplayStore, RunStore, Written
from workerflow.ports.world import Clock, Ids, PayloadFault, PayloadSchemas, Signals, TaskQueue
from workerflow.services.accept_task import Retention, keep_payload, send_or_leave
from workerflow.services.enablement import CheckEnablement
from workerflow.services.ledger import MAX_TRIES
from workerflow.services.once import record_unchanged
from workerflow.services.tenants import KnownTenants


@dataclass(frozen=True, slots=True)
class ReplayOrder:
    """What an operator asks for.

    Attributes:
        trace_id: the task to replay.
        actor: a token's name and id, or the schedule that replays by itself.
        edited_body: another payload, or None for the parent's.
        new_effects: True gives the child effect keys of its own: effects outside happen again.
        max_generations: refuse a replay beyond this number under its root, at most MAX_GENERATIONS.
        by_itself: no person asked for it. A sync task is left alone then: its caller was told that it had failed, and
            may have acted on that.
        open_only: replay nothing but an open dead letter; one that somebody else dealt with is left alone.
        address: where the order came from.
        operation: under which it is remembered.
    """

    tenant: str
    trace_id: str
    actor: str
    reason: str
    edited_body: bytes | None = None
    new_effects: bool = False
    max_generations: int = MAX_GENERATIONS
    by_itself: bool = False
    open_only: bool = False
    address: str = ""
    operation: OperationKey | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """The child's trace id; `created` is False if an earlier order made it, which was `actor`'s."""

    child: str
    generation: int
    created: bool
    actor: str


@dataclass(frozen=True, slots=True)
class NotReplayable:
    """Why not.

    Attributes:
        code: one of not_found, not_ended, payload_gone, payload_too_large, disabled, sync_task, not_open,
            too_many_generations.
    """

    code: str
    detail: str


_PAYLOAD_GONE = NotReplayable("payload_gone", "the task's payload is no longer kept")
_NOT_OPEN = NotReplayable("not_open", "somebody has dealt with the dead letter already")
_TOO_LARGE = NotReplayable("payload_too_large", f"an edited payload has at most {MAX_BODY_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class InvalidEdit:
    """The edited payload is no JSON, or violates the route's schema."""

    faults: Sequence[PayloadFault]


@dataclass(frozen=True, slots=True)
class _Parent:
    """All that a replay needs to know of the task that it replays."""

    run: Run
    root: str
    effect_root: str
    payload: StoredBytes
    content_type: str
    letter: DeadLetter | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayTask:
    """Replays one task. `operations` is None where no order has a key."""

    acceptances: AcceptanceStore
    runs: RunStore
    replays: ReplayStore
    blobs: BlobStore
    queue: TaskQueue
    enablement: CheckEnablement
    manifest: Manifest
    tenants: KnownTenants
    schemas: PayloadSchemas
    clock: Clock
    ids: Ids
    signals: Signals
    retention: Retention
    operations: OperationStore | None = None

    def __call__(self, order: ReplayOrder) -> Replayed | NotReplayable | InvalidEdit:
        """Make the child, or tell which one there is already, or why there can be none.

        Raises:
            StoreUnavailableError: unknown whether it was made; the same order again finds it.
            OperationRepeatedError: another order was faster with the key.
        """
        if order.edited_body is not None and len(order.edited_body) > MAX_BODY_BYTES:
            return _TOO_LARGE
        parent = self._parent(order)
        if isinstance(parent, NotReplayable):
            return parent
        refusal = self._refusal(order, parent)
        if refusal is not None:
            return refusal
        for _ in range(MAX_TRIES):
            outcome = self._try(order, parent)
            if outcome is not None:
                return outcome
            parent = self._parent(order)
            if isinstance(parent, NotReplayable):
                return parent
        raise StoreUnavailableError("the lineage is contended")

    def _parent(self, order: ReplayOrder) -> _Parent | NotReplayable:
        try:
            trace = TraceId.parse(order.trace_id)
        except InvalidIdentifierError:
            return NotReplayable("not_found", "there is no such task")
        now_ms = self.clock.now_ms()
        run = self.runs.get(order.tenant, trace.value)
        if run is None or run.expires_at_s * 1000 <= now_ms:
            return NotReplayable("not_found", "there is no such task, or it has not begun yet")
        if not run.is_terminal:
            return NotReplayable("not_ended", f"the task is {run.state.value}; only a task that has ended is replayed")
        acceptance = self.acceptances.get(order.tenant, trace.key_hash)
        if acceptance is not None and (acceptance.trace_id != trace.value or acceptance.is_expired(now_ms)):
            acceptance = None
        return _parent_of(run, acceptance, self.replays.get_letter(order.tenant, trace.value))

    def _refusal(self, order: ReplayOrder, parent: _Parent) -> NotReplayable | InvalidEdit | None:
        name = parent.run.source
        source = self.manifest.find(name)
        is_there = source is not None and self.tenants().shows(order.tenant, name)
        if source is None or not is_there or self.enablement(order.tenant, name) is Enablement.DISABLED:
            return NotReplayable("disabled", f"{name} is disabled or no longer exists")
        if order.by_itself and parent.run.mode == "sync":
            return NotReplayable("sync_task", "its caller was told that it had failed")
        if order.edited_body is not None:
            faults = self.schemas.faults(source, order.edited_body)
            return InvalidEdit(faults) if faults else None
        return None

    def _try(self, order: ReplayOrder, parent: _Parent) -> Replayed | NotReplayable | None:
        """One try; None means that another replay under the same root was faster."""
        entries = self.replays.lineage(order.tenant, parent.root)
        existing = next((entry for entry in entries if entry.parent == parent.run.trace_id), None)
        if existing is not None:
            return self._found(order, existing)
        if order.open_only and (parent.letter is None or parent.letter.state is not LetterState.OPEN):
            return _NOT_OPEN
        # Not their number: the oldest entries are forgotten while the root's count goes on.
        generation = entries[-1].generation + 1 if entries else 1
        if generation > min(order.max_generations, MAX_GENERATIONS):
            return NotReplayable("too_many_generations", f"the root was replayed {generation - 1} times already")
        try:
            record = self._record(order, parent, generation)
        except IntegrityError:
            return _PAYLOAD_GONE
        if self.replays.record_replay(record) != Written():
            return None
        send_or_leave(self.queue, self.signals, record.acceptance)
        return Replayed(record.acceptance.trace_id, generation, created=True, actor=order.actor)

    def _found(self, order: ReplayOrder, entry: LineageEntry) -> Replayed:
        """The child that there is already, whatever else this order asked for."""
        if order.operation is not None:
            child = self.acceptances.get(order.tenant, TraceId(entry.child).key_hash)
            has_own_effects = child is not None and child.effect_root == entry.child
            event = _audit(order, entry, new_effects=has_own_effects, created=False)
            record_unchanged(self.operations, replace(event, at_ms=self.clock.now_ms(), nonce=self.ids.nonce()))
        return Replayed(entry.child, entry.generation, created=False, actor=entry.actor)

    def _record(self, order: ReplayOrder, parent: _Parent, generation: int) -> ReplayRecord:
        child = self._child(order, parent, generation)
        entry = LineageEntry(
            tenant=order.tenant,
            root=parent.root,
            parent=parent.run.trace_id,
            generation=generation,
            child=child.trace_id,
            actor=order.actor,
            reason=order.reason,
            edited=order.edited_body is not None,
            at_ms=child.accepted_at_ms,
            nonce=child.nonce,
            expires_at_s=Run.of_task(child).expires_at_s,
        )
        return ReplayRecord(
            child, entry, parent.letter, _audit(order, entry, new_effects=order.new_effects, created=True)
        )

    def _child(self, order: ReplayOrder, parent: _Parent, generation: int) -> Acceptance:
        now_ms = self.clock.now_ms()
        key_hash = acceptance_hash(order.tenant, f"replay:{parent.run.trace_id}", str(generation))
        trace_id = TraceId.mint(now_ms, key_hash).value
        return Acceptance(
            tenant=order.tenant,
            key_hash=key_hash,
            trace_id=trace_id,
            source=parent.run.source,
            kind=parent.run.kind,
            mode="async",  # whatever the parent was: no caller waits for a replay
            key=f"replay-{generation}",
            nonce=self.ids.nonce(),
            accepted_at_ms=now_ms,
            not_before_ms=now_ms,
            deadline_ms=now_ms + self.retention.deadline_seconds * 1000,
            expires_at_s=now_ms // 1000 + self.retention.retention_seconds,
            payload=self._payload(order, parent, key_hash, now_ms),
            content_type=parent.content_type,
            lineage=Lineage(
                root=parent.root,
                parent=parent.run.trace_id,
                generation=generation,
                effect_root=trace_id if order.new_effects else parent.effect_root,
                edited=order.edited_body is not None,
            ),
        )

    def _payload(self, order: ReplayOrder, parent: _Parent, key_hash: str, now_ms: int) -> StoredBytes:
        """The child's own payload: its life must not depend on the parent's object."""
        if order.edited_body is not None:
            return keep_payload(self.blobs, order.tenant, key_hash, order.edited_body, now_ms=now_ms)
        if parent.payload.pointer is None:
            return parent.payload
        pointer = payload_pointer(order.tenant, key_hash, parent.payload.sha256, now_ms)
        self.blobs.copy(parent.payload.pointer, pointer)
        return StoredBytes(sha256=parent.payload.sha256, size=parent.payload.size, pointer=pointer)


def _audit(order: ReplayOrder, entry: LineageEntry, *, new_effects: bool, created: bool) -> AuditEvent:
    return AuditEvent(
        tenant=order.tenant,
        at_ms=entry.at_ms,
        nonce=entry.nonce,
        actor=order.actor,
        action="run.replayed",
        target=order.trace_id,
        reason=order.reason,
        details={
            "child": entry.child,
            "generation": str(entry.generation),
            "edited": str(entry.edited).lower(),
            "newEffects": str(new_effects).lower(),
            "created": str(created).lower(),
        },
        address=order.address,
        operation=order.operation,
    )


def _parent_of(run: Run, acceptance: Acceptance | None, letter: DeadLetter | None) -> _Parent | NotReplayable:
    if acceptance is not None:
        payload, content_type = acceptance.payload, acceptance.content_type
        return _Parent(run, acceptance.root, acceptance.effect_root, payload, content_type, letter)
    if letter is not None and letter.payload is not None:
        return _Parent(run, letter.root, letter.effect_root, letter.payload, letter.content_type, letter)
    return _PAYLOAD_GONE

"""The one accept path: HTTP calls, schedule fires, manual runs and replays become tasks here.

    put payload (only a large one) -> put acceptance, conditionally -> send message -> answer
                                      ^ from here on the task is durable: the acceptance is the outbox.

If the send fails the caller still gets its 202: the sweeper sends what never started.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from workerflow.domain.errors import PlatformError, StoreUnavailableError
from workerflow.domain.identity import TraceId, acceptance_hash
from workerflow.domain.objects import payload_pointer
from workerflow.domain.route import Mode
from workerflow.domain.run import Run
from workerflow.domain.stored import StoredBytes, fits_inline
from workerflow.domain.task import Acceptance, Kind, TaskMessage
from workerflow.ports.stores import AcceptanceStore, BlobStore, Conflict, Written
from workerflow.ports.world import Clock, Ids, Signals, TaskQueue


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a key is remembered and how long a task may wait for its first claim."""

    retention_seconds: int
    deadline_seconds: int

    @classmethod
    def of(cls, *, retention_days: int, deadline_hours: int) -> Retention:
        """As settings tell it."""
        return cls(retention_seconds=retention_days * 24 * 3600, deadline_seconds=deadline_hours * 3600)


@dataclass(frozen=True, slots=True)
class TaskDraft:
    """A task that asks to be taken.

    Attributes:
        scope: what the key is unique within; the source, for an HTTP call.
        key: the idempotency key, 1 to 255 printable ASCII characters.
        body: the payload, exactly as received.
        manual: an operator runs a schedule now.
    """

    tenant: str
    source: str
    kind: Kind
    mode: Mode
    scope: str
    key: str
    body: bytes
    content_type: str
    traceparent: str | None = None
    manual: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """The task is durable. `duplicate`: it was taken before, with the same body."""

    acceptance: Acceptance
    duplicate: bool


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The key stands for another body."""

    acceptance: Acceptance


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeTask:
    """Makes a task durable, once: one conditional write. Who takes a task sends its message, or the sweeper does."""

    acceptances: AcceptanceStore
    clock: Clock
    ids: Ids
    retention: Retention

    def __call__(self, draft: TaskDraft, payload: StoredBytes) -> Accepted | KeyReused:
        """Take the task with its kept payload, or tell how it was taken before.

        Raises:
            StoreUnavailableError: unknown whether it was taken; the caller asks again with the same key.
        """
        acceptance = self.acceptance_of(draft, payload)
        outcome = self.acceptances.put(acceptance, now_ms=acceptance.accepted_at_ms)
        return taken(acceptance, outcome)

    def acceptance_of(self, draft: TaskDraft, payload: StoredBytes) -> Acceptance:
        """The acceptance that the draft would have, if it were taken now."""
        now_ms = self.clock.now_ms()
        key_hash = acceptance_hash(draft.tenant, draft.scope, draft.key)
        return Acceptance(
            tenant=draft.tenant,
            key_hash=key_hash,
            trace_id=TraceId.mint(now_ms, key_hash).value,
            source=draft.source,
            kind=draft.kind,
            mode=draft.mode,
            key=draft.key,
            nonce=self.ids.nonce(),
            accepted_at_ms=now_ms,
            not_before_ms=now_ms,
            deadline_ms=now_ms + self.retention.deadline_seconds * 1000,
            expires_at_s=now_ms // 1000 + self.retention.retention_seconds,
            payload=payload,
            content_type=draft.content_type,
            traceparent=draft.traceparent,
            manual=draft.manual,
        )


def taken(acceptance: Acceptance, outcome: Written | Conflict[Acceptance]) -> Accepted | KeyReused:
    """What the conditional write of `acceptance` came to: it stands, or another one under its key does."""
    if isinstance(outcome, Written):
        return Accepted(acceptance, duplicate=False)
    standing = outcome.current
    if standing is None:
        raise StoreUnavailableError("an acceptance expired while it was read")
    if standing.payload.sha256 != acceptance.payload.sha256:
        return KeyReused(standing)
    return Accepted(standing, duplicate=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptTask:
    """Takes a task once, and sends it."""

    acceptances: AcceptanceStore
    blobs: BlobStore
    queue: TaskQueue
    clock: Clock
    ids: Ids
    signals: Signals
    retention: Retention

    def __call__(self, draft: TaskDraft) -> Accepted | KeyReused:
        """Take the task, or tell how it was taken before.

        Returns:
            Accepted (new, or a duplicate with the same body), or KeyReused.

        Raises:
            StoreUnavailableError: unknown whether it was taken; the caller asks again with the same key.
        """
        key_hash = acceptance_hash(draft.tenant, draft.scope, draft.key)
        payload = keep_payload(self.blobs, draft.tenant, key_hash, draft.body, now_ms=self.clock.now_ms())
        outcome = self._take(draft, payload)
        if isinstance(outcome, Accepted) and not outcome.duplicate and draft.mode == "async":
            send_or_leave(self.queue, self.signals, outcome.acceptance)
        return outcome

    @property
    def _take(self) -> TakeTask:
        return TakeTask(acceptances=self.acceptances, clock=self.clock, ids=self.ids, retention=self.retention)


def send_or_leave(queue: TaskQueue, signals: Signals, task: Acceptance | Run) -> None:
    """Send a task's message; if that fails, the sweeper will, or the tick for a run that is due."""
    try:
        queue.send(TaskMessage(task.tenant, task.trace_id))
    except PlatformError as error:
        signals.failure("a message was not sent: the sweeper will send it", error)
        signals.count("SendFailed")


def keep_payload(blobs: BlobStore, tenant: str, key_hash: str, body: bytes, *, now_ms: int) -> StoredBytes:
    """Keep a payload: in the item if it is small, else as an object.

    The object is named by the key, the day and its own digest: a duplicate writes the same one, another body never
    overwrites it, and what no acceptance points to can be deleted later (domain.objects).
    """
    if fits_inline(body):
        return StoredBytes.inlined(body)
    pointer = payload_pointer(tenant, key_hash, hashlib.sha256(body).hexdigest(), now_ms)
    blobs.put(pointer, body)
    return StoredBytes.pointed(body, pointer)

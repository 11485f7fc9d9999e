"""A task as it was accepted: immutable, and all that is needed to execute it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal, Self

from workerflow.domain.errors import InvalidIdentifierError
from workerflow.domain.identity import TraceId, effect_key, require_tenant
from workerflow.domain.route import Mode
from workerflow.domain.stored import StoredBytes

Kind = Literal["http_route", "scheduled_job"]

MESSAGE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a replay comes from.

    Attributes:
        root: trace id of the first task of the tree.
        parent: trace id of the task that was replayed.
        generation: number of this replay under its root, from 1.
        effect_root: whose effect keys the task uses: the root's, or its own when the operator asked for new effects.
        edited: whether the payload differs from the parent's.
    """

    root: str
    parent: str
    generation: int
    effect_root: str
    edited: bool


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The durable record that a task was taken: the idempotency marker and, with its payload, the outbox.

    Attributes:
        key_hash: 128 bits of (tenant, scope, key); with the tenant, the item's key.
        key: the caller's idempotency key, for people to search by.
        nonce: of the invocation that wrote it, so that a lost answer is recognised as one's own.
        not_before_ms: when it is due; the time of acceptance unless a schedule or a delay says later.
        deadline_ms: after which no claim may begin an attempt.
        expires_at_s: when the key is forgotten, in epoch seconds; an expired item counts as absent.
        manual: an operator ran a schedule now; it is no fire.
    """

    tenant: str
    key_hash: str
    trace_id: str
    source: str
    kind: Kind
    mode: Mode
    key: str
    nonce: str
    accepted_at_ms: int
    not_before_ms: int
    deadline_ms: int
    expires_at_s: int
    payload: StoredBytes
    content_type: str
    traceparent: str | None = None
    lineage: Lineage | None = None
    manual: bool = False

    @property
    def root(self) -> str:
        """Trace id of the lineage's root: its own, unless it is a replay."""
        return self.lineage.root if self.lineage else self.trace_id

    @property
    def effect_root(self) -> str:
        """The trace id that effect keys are derived from; the root's unless the operator asked for new effects."""
        return self.lineage.effect_root if self.lineage else self.trace_id

    def effect_key(self, step: str) -> str:
        """The key of one effect outside, the same for every attempt."""
        return effect_key(self.effect_root, step)

    def is_expired(self, now_ms: int) -> bool:
        """Whether the key is forgotten, deleted by TTL or not."""
        return self.expires_at_s * 1000 <= now_ms


@dataclass(frozen=True, slots=True)
class AcceptedTask:
    """What the index of acceptances tells about a task: enough for the sweeper to know what never started."""

    tenant: str
    trace_id: str
    source: str
    kind: Kind
    mode: Mode
    deadline_ms: int
    expires_at_s: int

    @property
    def accepted_at_ms(self) -> int:
        return TraceId(self.trace_id).accepted_at_ms


@dataclass(frozen=True, slots=True)
class TaskMessage:
    """What travels through the queue: a name, never the payload, so that every message is one 64 KB chunk."""

    tenant: str
    trace_id: str

    def to_text(self) -> str:
        """As the body of a queue's message."""
        return json.dumps({"v": MESSAGE_VERSION, "tenant": self.tenant, "traceId": self.trace_id})

    @classmethod
    def from_text(cls, text: str) -> Self | None:
        """Read a message's body strictly; None if these bytes are no task."""
        try:
            raw = json.loads(text)
            if raw["v"] != MESSAGE_VERSION:
                return None
            return cls(require_tenant(raw["tenant"]), TraceId.parse(raw["traceId"]).value)
        except (ValueError, KeyError, TypeError, RecursionError, InvalidIdentifierError):
            return None

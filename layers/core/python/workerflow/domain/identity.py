"""Names that travel: tenants, acceptance keys, trace ids, shards, effect keys.

Everything here is derived, so that a trace id alone leads back to its acceptance by one strong read, without an
index: its last 32 hex digits *are* the acceptance's key hash.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from workerflow.domain.errors import InvalidIdentifierError

DEFAULT_TENANT = "default"
KEY_VERSION = "1"
HASH_HEX_DIGITS = 32  # 128 bits of SHA-256
TIME_HEX_DIGITS = 12  # 48 bits of milliseconds, good until the year 10889
SHARDS = 4
"""Shards of every time-ordered index. One partition key takes 1,000 write units a second (AWS, "DynamoDB
partitions and data distribution"), so a tenant's ceiling is SHARDS x 1,000 acceptances a second; each shard costs
a list page half a read unit."""

_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_TRACE_ID = re.compile(r"[0-9a-f]{44}\Z")


def require_tenant(value: str) -> str:
    """Return the tenant id unchanged, or raise InvalidIdentifierError if it is not `[a-z0-9][a-z0-9-]{0,62}`."""
    if not _TENANT.match(value):
        raise InvalidIdentifierError(f"tenant id {value[:80]!r} is not [a-z0-9][a-z0-9-]{{0,62}}")
    return value


def acceptance_hash(tenant: str, scope: str, key: str) -> str:
    """Derive the 128-bit key under which an acceptance is remembered, as 32 hex digits.

    Args:
        tenant: the tenant that owns the task.
        scope: what the key is unique within: `route:<name>`, `schedule:<name>` or `replay:<parent trace id>`.
        key: the caller's idempotency key, a fire's due time, or a replay's generation.

    Every part is length-prefixed, so that no two tuples share a text, whatever separators they contain.
    """
    parts = (KEY_VERSION, tenant, scope, key)
    text = b"".join(b"%d:%s" % (len(raw), raw) for raw in (part.encode() for part in parts))
    return hashlib.sha256(text).hexdigest()[:HASH_HEX_DIGITS]


@dataclass(frozen=True, slots=True)
class TraceId:
    """A task's name everywhere: 48 bits of accept time, then the 128 bits of its acceptance key, in hex."""

    value: str

    @classmethod
    def mint(cls, accepted_at_ms: int, key_hash: str) -> TraceId:
        """Make the trace id of an acceptance taken at `accepted_at_ms` (epoch milliseconds)."""
        return cls(f"{accepted_at_ms:0{TIME_HEX_DIGITS}x}{key_hash}")

    @classmethod
    def parse(cls, value: str) -> TraceId:
        """Read a trace id from outside; raises InvalidIdentifierError unless it is 44 lower-case hex digits."""
        if not _TRACE_ID.match(value):
            raise InvalidIdentifierError("a trace id is 44 lower-case hexadecimal digits")
        return cls(value)

    @property
    def accepted_at_ms(self) -> int:
        return int(self.value[:TIME_HEX_DIGITS], 16)

    @property
    def key_hash(self) -> str:
        return self.value[TIME_HEX_DIGITS:]

    @property
    def shard(self) -> int:
        return shard_of(self.value)


def shard_of(trace_id: str) -> int:
    """The index shard of a trace id: its last byte modulo SHARDS."""
    return int(trace_id[-2:], 16) % SHARDS


def shards_at(time_ms: int, shards: int = SHARDS) -> list[int]:
    """All shards, in the order in which a tick visits them: each minute begins with another one.

    So a shard with more work than a tick's budget holds up the others for a minute, and not for ever.
    """
    first = time_ms // 60_000 % shards
    return [(first + step) % shards for step in range(shards)]


def first_trace_id_at(time_ms: int) -> str:
    """The smallest trace id that an acceptance at `time_ms` can have: a bound for range reads."""
    return f"{time_ms:0{TIME_HEX_DIGITS}x}{'0' * HASH_HEX_DIGITS}"


def effect_key(root: str, step: str) -> str:
    """A key for effects outside (a charge, a message), stable over attempts and replays.

    Args:
        root: the trace id at the root of the task's lineage.
        step: the handler's name for this effect, unique within the handler.

    Returns:
        40 hex digits, safe in any header or provider's idempotency field.
    """
    text = b"%d:%s%d:%s" % (len(root), root.encode(), len(step.encode()), step.encode())
    return hashlib.sha256(b"effect-v1:" + text).hexdigest()[:40]

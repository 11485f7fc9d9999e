"""Operators' orders, each with a key: the same order twice is carried out once and answered alike.

    order --key--> find --none--> carry out: the effect, its audit row and the operation in one transaction
                    |                              |--taken meanwhile--> OperationRepeatedError
                    `--found: the same order--> its answer again; another order--> refused

The key's scope is a tenant and a token: what one token does never collides with another's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

REMEMBERED_SECONDS = 7 * 24 * 3600
"""How long a key is remembered: longer than anybody retries an order."""
_KEY = re.compile(r"[!-~]{1,255}\Z")


@dataclass(frozen=True, slots=True)
class OperationKey:
    """Under which an order is remembered.

    Attributes:
        token_id: whose key it is.
        key_digest: 32 hex digits of the operator's key, which may be longer than a table's key had better be.
        order_digest: 64 hex digits of all that the order says; another one with the same key is refused.
    """

    token_id: str
    key_digest: str
    order_digest: str

    @classmethod
    def of(cls, token_id: str, key: str, *order: str) -> Self:
        """Of an operator's key (see `is_key`) and the parts of the order: tenant, action, target, body."""
        parts = b"".join(b"%d:%s" % (len(raw), raw) for raw in (part.encode() for part in order))
        digest = hashlib.sha256(key.encode()).hexdigest()[:32]
        return cls(token_id, digest, hashlib.sha256(parts).hexdigest())


def is_key(text: str) -> bool:
    """Whether a text may be an idempotency key: 1 to 255 printable ASCII characters without space."""
    return _KEY.match(text) is not None


@dataclass(frozen=True, slots=True)
class Operation:
    """An order that was carried out: what its audit event says, kept by its key.

    Attributes:
        nonce: of the write that it was recorded with; one's own, where an answer was lost.
        details: the audit event's; all that the order's answer tells.
    """

    tenant: str
    key: OperationKey
    action: str
    target: str
    at_ms: int
    nonce: str
    details: Mapping[str, str] = field(default_factory=dict)

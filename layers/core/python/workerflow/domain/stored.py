"""Bytes that are kept: inside an item when small, behind a pointer when not."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

from workerflow.domain.errors import IntegrityError

INLINE_LIMIT_BYTES = 8 * 1024
"""Above this a payload goes to object storage. A DynamoDB write costs $0.625/M per started KB and an S3 PUT $5/M:
they meet at 8 KB."""

_TRY_COMPRESSION_BYTES = 128 * 1024


def fits_inline(body: bytes) -> bool:
    """Whether bytes are kept inside the item: at most INLINE_LIMIT_BYTES, as they are or compressed."""
    if len(body) <= INLINE_LIMIT_BYTES:
        return True
    return len(body) <= _TRY_COMPRESSION_BYTES and len(zlib.compress(body)) <= INLINE_LIMIT_BYTES


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """Exactly one of `inline` (the bytes themselves) and `pointer` (an object key in the payload bucket)."""

    sha256: str
    size: int
    inline: bytes | None = None
    pointer: str | None = None

    def __post_init__(self) -> None:
        if (self.inline is None) == (self.pointer is None):
            raise IntegrityError("stored bytes are either inline or behind a pointer")

    @classmethod
    def inlined(cls, body: bytes) -> StoredBytes:
        return cls(sha256=hashlib.sha256(body).hexdigest(), size=len(body), inline=body)

    @classmethod
    def pointed(cls, body: bytes, pointer: str) -> StoredBytes:
        return cls(sha256=hashlib.sha256(body).hexdigest(), size=len(body), pointer=pointer)

"""The bucket as a whole: what stands in it, beside the one object that somebody points at (ports.stores.BlobStore)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's name, and when it was written."""

    pointer: str
    modified_at_ms: int


class ObjectStore(Protocol):
    """Objects by their names."""

    def find(self, pointer: str) -> bytes | None:
        """Read an object; None if there is none."""

    def put(self, pointer: str, body: bytes) -> None:
        """Write an object, over whatever was there."""

    def list_objects(self, prefix: str, *, after: str, limit: int) -> Sequence[StoredObject]:
        """Up to `limit` (at most 1,000) objects whose names begin with `prefix` and come after `after`, in order.

        Args:
            prefix: not empty: a tenant and a slash at least.
            after: a name; "" begins at the first.
            limit: fewer come back only at the end.
        """

    def delete_many(self, pointers: Sequence[str]) -> None:
        """Delete up to 1,000 objects; those that are gone already are none to worry about.

        Raises:
            StoreUnavailableError: some may be left; deleting all of them again is harmless.
        """

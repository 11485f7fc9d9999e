"""The store of error groups, and of how far the walk over the letters has come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from workerflow.domain.error_group import ErrorGroup
from workerflow.ports.stores import Conflict, Cursor, Seen, Written

GROUPS_PER_WRITE = 50
"""Groups of one write, at most: a transaction has room for 100 items."""
GROUPS_READ = 2_000
"""Groups of a tenant that one list looks at, at most: some 1 MB. Code has fewer places where it can fail."""


class ErrorGroupStore(Protocol):
    """Error groups of a tenant, which change together with the walk's cursor or not at all."""

    def get_walk(self, tenant: str) -> Cursor | None:
        """How far the walk has come, strongly: the position of a letter. None: it has not begun."""

    def get_groups(self, tenant: str, fingerprints: Iterable[str]) -> Seen[str, ErrorGroup]:
        """Groups by their fingerprints, strongly; absent ones are left out."""

    def list_groups(self, tenant: str) -> Seen[str, ErrorGroup]:
        """GROUPS_READ of a tenant's groups at most, by their fingerprints, strongly."""

    def write_walk(self, cursor: Cursor, groups: Sequence[ErrorGroup]) -> Written | Conflict[Cursor]:
        """Move the walk (version 1 where there is none) and write the groups that this changes, in one transaction."""

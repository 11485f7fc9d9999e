"""What one cleaning up leaves for the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from workerflow.ports.stores import Conflict, Written


@dataclass(frozen=True, slots=True)
class CleanupMark:
    """How far the objects of a tenant were looked through, and which sources are gone.

    Attributes:
        position: name of the last object that was looked at; "" begins anew.
        missing: sources that have a switch or a cursor and that the manifest does not know, with the time at which
            they were first missed (epoch milliseconds).
        version: increases by one with every write, from 1.
        nonce: of the write that made this version.
    """

    tenant: str
    position: str
    version: int
    nonce: str
    missing: Mapping[str, int] = field(default_factory=dict)


class CleanupStore(Protocol):
    """The marks of cleaning up, one for each tenant."""

    def get_mark(self, tenant: str) -> CleanupMark | None:
        """Read a tenant's mark, strongly."""

    def write_mark(self, mark: CleanupMark) -> Written | Conflict[CleanupMark]:
        """Write the mark's next version (version 1 where there is none)."""

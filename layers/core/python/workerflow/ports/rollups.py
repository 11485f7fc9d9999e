"""The store of rollups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from workerflow.domain.rollup import PartialCount, Rollup, Span


@dataclass(frozen=True, slots=True)
class RollupsSeen:
    """Rollups that can be read, in order of time, and how many there are that cannot."""

    readable: Sequence[Rollup]
    unreadable: int = 0


class RollupStore(Protocol):
    """Rollups, each written whole."""

    def put_many(self, rollups: Sequence[Rollup]) -> None:
        """Write rollups over what was counted before: counting again never adds. Raises StoreUnavailableError."""

    def list_rollups(self, tenant: str, span: Span, *, from_ms: int, until_ms: int) -> Sequence[Rollup]:
        """Rollups of all sources with `from_ms` <= start < `until_ms`, in order of time. Strong."""

    def view_rollups(self, tenant: str, span: Span, *, from_ms: int, until_ms: int) -> RollupsSeen:
        """The same for people to look at: eventually consistent, at half the price; one unreadable hides no other."""

    def keep_partial(self, partial: PartialCount) -> None:
        """Write how far a quarter's count has come, over what was kept of it before. Raises StoreUnavailableError."""

    def list_partials(self, tenant: str, *, from_ms: int, until_ms: int) -> Sequence[PartialCount]:
        """What was kept of quarters with `from_ms` <= start < `until_ms`, in order of time. Strong."""

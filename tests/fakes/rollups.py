"""The store of rollups in memory. It passes the same contract tests as the DynamoDB adapter (tests/contract)."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from tests.fakes.memory import Memory
from workerflow.domain.rollup import PartialCount, Rollup, Span
from workerflow.ports.rollups import RollupsSeen


class FakeRollups:
    """RollupStore."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def put_many(self, rollups: Sequence[Rollup]) -> None:
        if not rollups:
            return
        with self._memory.call("rollups.put_many"):
            for one in rollups:
                self._memory.rollups[_key(one)] = one

    def list_rollups(self, tenant: str, span: Span, *, from_ms: int, until_ms: int) -> Sequence[Rollup]:
        with self._memory.call("rollups.list_rollups"):
            return self._between(tenant, span, from_ms, until_ms)

    def _between(self, tenant: str, span: Span, from_ms: int, until_ms: int) -> Sequence[Rollup]:
        found = (one for one in self._memory.rollups.values() if (one.tenant, one.span) == (tenant, span))
        between = (one for one in found if from_ms <= one.start_ms < until_ms)
        return sorted(between, key=attrgetter("start_ms", "source"))

    def view_rollups(self, tenant: str, span: Span, *, from_ms: int, until_ms: int) -> RollupsSeen:
        with self._memory.call("rollups.view_rollups"):
            found = self._between(tenant, span, from_ms, until_ms)
            readable = [one for one in found if not self._memory.is_spoilt("rollups", *_key(one))]
            return RollupsSeen(readable, len(found) - len(readable))

    def keep_partial(self, partial: PartialCount) -> None:
        with self._memory.call("rollups.keep_partial"):
            self._memory.partial_counts[partial.tenant, partial.start_ms] = partial

    def list_partials(self, tenant: str, *, from_ms: int, until_ms: int) -> Sequence[PartialCount]:
        with self._memory.call("rollups.list_partials"):
            found = (one for one in self._memory.partial_counts.values() if one.tenant == tenant)
            return sorted((one for one in found if from_ms <= one.start_ms < until_ms), key=attrgetter("start_ms"))


def _key(rollup: Rollup) -> tuple[str, str, int, str]:
    return rollup.tenant, rollup.span.value, rollup.start_ms, rollup.source

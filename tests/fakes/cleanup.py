"""The store of cleaning up in memory. It passes the same contract tests as the DynamoDB adapter (tests/contract)."""

from __future__ import annotations

from tests.fakes.memory import Memory
from workerflow.ports.cleanup import CleanupMark
from workerflow.ports.stores import Conflict, Written


class FakeCleanup:
    """CleanupStore."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def get_mark(self, tenant: str) -> CleanupMark | None:
        with self._memory.call("cleanup.get_mark"):
            return self._memory.cleanups.get(tenant)

    def write_mark(self, mark: CleanupMark) -> Written | Conflict[CleanupMark]:
        with self._memory.call("cleanup.write_mark"):
            standing = self._memory.cleanups.get(mark.tenant)
            if (standing.version if standing else 0) == mark.version - 1:
                self._memory.cleanups[mark.tenant] = mark
                return Written()
            if standing is not None and (standing.nonce, standing.version) == (mark.nonce, mark.version):
                return Written()
            return Conflict(standing)

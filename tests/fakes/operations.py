"""The store of operators' orders in memory. It passes the same contract tests as the DynamoDB adapter."""

from __future__ import annotations

from tests.fakes.memory import Memory
from workerflow.domain.audit import AuditEvent
from workerflow.domain.operation import REMEMBERED_SECONDS, Operation, OperationKey


class FakeOperations:
    """OperationStore."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def find(self, tenant: str, key: OperationKey, *, now_ms: int) -> Operation | None:
        with self._memory.call("operations.find"):
            found = self._memory.operations.get((tenant, key.token_id, key.key_digest))
            if found is None or (found.at_ms // 1000 + REMEMBERED_SECONDS) * 1000 <= now_ms:
                return None
            return found

    def record(self, event: AuditEvent) -> None:
        with self._memory.call("operations.record"):
            if not self._memory.has_told(event):
                self._memory.tell(event)

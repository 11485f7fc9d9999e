"""Tenants and what limits them in memory. They pass the same contract tests as the DynamoDB adapters."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from tests.fakes.memory import Memory
from workerflow.domain.audit import AuditEvent
from workerflow.domain.rate_limit import RateVerdict, RateWindow, bucket_name
from workerflow.domain.refused_call import RefusedCall
from workerflow.domain.tenants import RateLimit
from workerflow.ports.stores import Conflict, Written
from workerflow.ports.tenants import Slot, TenantsDocument


class FakeTenants:
    """TenantsStore."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def get(self) -> TenantsDocument | None:
        with self._memory.call("tenants.get"):
            return self._memory.tenants

    def publish(self, document: TenantsDocument, audit: AuditEvent) -> Written | Conflict[TenantsDocument]:
        with self._memory.call("tenants.publish"):
            standing = self._memory.tenants
            if (standing.version if standing else 0) != document.version - 1:
                same = standing is not None and (standing.nonce, standing.version) == (document.nonce, document.version)
                return Written() if same else Conflict(standing)
            self._memory.tenants = document
            self._memory.tell(audit)
            return Written()


class FakeRateLimits:
    """RateLimits."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def take(self, tenant: str, limit: RateLimit, *, client: str, now_ms: int) -> RateVerdict:
        with self._memory.call("rate_limits.take"):
            key, window = (tenant, bucket_name(limit, client)), RateWindow.at(limit, now_ms)
            tat_us = self._memory.buckets.get(key, 0)
            if not window.has_room(tat_us):
                return window.refused(tat_us)
            self._memory.buckets[key] = window.after_call(tat_us)
            return window.passed(self._memory.buckets[key])


class FakeSlots:
    """SlotStore."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def held(self, tenant: str) -> Sequence[Slot]:
        with self._memory.call("slots.held"):
            found = (slot for slot in self._memory.slots.values() if slot.tenant == tenant)
            return sorted(found, key=attrgetter("number"))

    def take(self, slot: Slot, *, now_ms: int) -> bool:
        with self._memory.call("slots.take"):
            standing = self._memory.slots.get((slot.tenant, slot.number))
            if standing is not None and standing.until_ms > now_ms and standing.holder != slot.holder:
                return False
            self._memory.slots[slot.tenant, slot.number] = slot
            return True

    def hand(self, slot: Slot, to: Slot) -> bool:
        with self._memory.call("slots.hand"):
            if self._memory.slots.get((slot.tenant, slot.number)) not in (slot, to):
                return False
            self._memory.slots[to.tenant, to.number] = to
            return True

    def release(self, slot: Slot) -> None:
        with self._memory.call("slots.release"):
            standing = self._memory.slots.get((slot.tenant, slot.number))
            if standing is not None and standing.holder == slot.holder:
                del self._memory.slots[slot.tenant, slot.number]


class FakeRefusedCalls:
    """RefusedCalls."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def put(self, call: RefusedCall) -> None:
        with self._memory.call("refused_calls.put"):
            self._memory.refused_calls[call.tenant, call.reason, call.slot] = call

    def list_calls(self, tenant: str | None) -> Sequence[RefusedCall]:
        with self._memory.call("refused_calls.list_calls"):
            found = (
                call
                for call in self._memory.refused_calls.values()
                if call.tenant == tenant
                and not self._memory.is_spoilt("refused_calls", call.tenant, call.reason, call.slot)
            )
            return sorted(found, key=attrgetter("at_ms"), reverse=True)

"""Places among a tenant's tasks in flight: as many as its cap allows, each held by one invocation at most.

    read who holds which -> take a free one, conditionally -> ... -> free it
                            `-- somebody was faster: the next one

A place that nobody frees, because its holder's process died, is free when the lease ends that was taken with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.errors import PlatformError
from workerflow.ports.tenants import Slot, SlotStore
from workerflow.ports.world import Clock, Ids
from workerflow.services.tenants import KnownTenants


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Takes and frees places. Tenants without a cap have no places, and cost no call."""

    known: KnownTenants
    slots: SlotStore
    clock: Clock
    ids: Ids

    def cap_of(self, tenant: str) -> int | None:
        """How many of the tenant's tasks may run at once; None: as many as come."""
        policy = self.known().policy_of(tenant)
        return policy.max_in_flight if policy else None

    def room(self, tenant: str) -> int | None:
        """How many places are free now; None where there is no cap.

        Raises:
            StoreUnavailableError: unknown.
        """
        cap = self.cap_of(tenant)
        return None if cap is None else len(self._free(tenant, cap))

    def take(self, tenant: str, cap: int, *, until_ms: int) -> Slot | None:
        """Take one of `cap` places until `until_ms` at the latest; None: none is free.

        Raises:
            StoreUnavailableError: unknown; a place that was taken all the same is freed again, or by its lease.
        """
        free, holder = self._free(tenant, cap), self.ids.nonce()
        first = int(self.ids.jitter() * len(free))  # who comes at the same moment begins elsewhere
        for number in (*free[first:], *free[:first]):
            slot = Slot(tenant, number, holder, until_ms)
            if self._take(slot):
                return slot
        return None

    def release(self, slot: Slot) -> None:
        """Free a place, if its holder still has it."""
        self.slots.release(slot)

    def _take(self, slot: Slot) -> bool:
        try:
            return self.slots.take(slot, now_ms=self.clock.now_ms())
        except PlatformError:
            self.slots.release(slot)  # it may have been applied
            raise

    def _free(self, tenant: str, cap: int) -> list[int]:
        """Numbers of free places, none while as many are held, those above a cap that was lowered included."""
        now_ms = self.clock.now_ms()
        held = {slot.number for slot in self.slots.held(tenant) if slot.until_ms > now_ms}
        return [] if len(held) >= cap else [number for number in range(cap) if number not in held]

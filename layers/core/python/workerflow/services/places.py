"""Places among a tenant's tasks in flight: as many as its cap allows, each held by one invocation at most.

    read who holds which -> take a free one, conditionally -> ... -> hand it on: it is kept for a task that waits
            |               `-- somebody was faster: the next one    `-- none waits: free it
            `-- one is kept for this very task: take that

A place that is kept counts as held, so nobody who comes by gets in before the task that was told to come. A place that
nobody frees, because its holder's process died or the task does not come, is free when its time ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from workerflow.domain.errors import PlatformError
from workerflow.ports.tenants import Slot, SlotStore
from workerflow.ports.world import Clock, Ids
from workerflow.services.tenants import KnownTenants

KEPT_SECONDS = 90
"""A place is kept for a task this long: a message comes within a second, behind a backlog within a minute.

Less than RESEND_BASE_S, so that a message that is sent for the second time finds no place that is kept for nobody.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Takes, keeps and frees places. Tenants without a cap have no places, and cost no call."""

    known: KnownTenants
    slots: SlotStore
    clock: Clock
    ids: Ids

    def cap_of(self, tenant: str) -> int | None:
        """How many of the tenant's tasks may run at once; None: as many as come."""
        policy = self.known().policy_of(tenant)
        return policy.max_in_flight if policy else None

    def take(self, tenant: str, cap: int, trace_id: str, *, until_ms: int) -> Slot | None:
        """Take one of `cap` places for a task until `until_ms` at the latest: the one kept for it, or a free one.

        None: none is free, or, since the cap was lowered, more are held than there are.

        Raises:
            StoreUnavailableError: unknown; a place that was taken all the same is freed again, or by its lease.
        """
        held, holder = self._held(tenant), self.ids.nonce()
        for slot in held:
            if slot.holder == _kept_for(trace_id):
                return self._take_kept(slot, replace(slot, holder=holder, until_ms=until_ms), too_many=len(held) > cap)
        return self._take_free(tenant, cap, held, holder, until_ms)

    def keep(self, tenant: str, cap: int, trace_id: str) -> Slot | None:
        """Keep one of `cap` places for a task: a free one, or longer the one that is kept already; None: none is free.

        Raises:
            StoreUnavailableError: unknown; a place that is kept for nobody is free in KEPT_SECONDS.
        """
        held, until_ms = self._held(tenant), self._kept_until_ms()
        for slot in held:
            if slot.holder == _kept_for(trace_id):
                longer = replace(slot, until_ms=until_ms)
                return longer if self.slots.hand(slot, longer) else None
        return self._take_free(tenant, cap, held, _kept_for(trace_id), until_ms)

    def hand(self, slot: Slot, trace_id: str) -> Slot | None:
        """Keep a place that is held for a task; None: its time is over, and somebody else has it.

        Raises:
            StoreUnavailableError: unknown; it is held on, or kept.
        """
        kept = replace(slot, holder=_kept_for(trace_id), until_ms=self._kept_until_ms())
        return kept if self.slots.hand(slot, kept) else None

    def release(self, slot: Slot) -> None:
        """Free a place, if its holder still has it."""
        self.slots.release(slot)

    def _take_kept(self, kept: Slot, slot: Slot, *, too_many: bool) -> Slot | None:
        if too_many:
            self.slots.release(kept)
            return None
        return slot if self._freed_if_unknown(slot, partial(self.slots.hand, kept, slot)) else None

    def _take_free(self, tenant: str, cap: int, held: Sequence[Slot], holder: str, until_ms: int) -> Slot | None:
        free = _free(held, cap)
        first = int(self.ids.jitter() * len(free))  # who comes at the same moment begins elsewhere
        for number in (*free[first:], *free[:first]):
            slot = Slot(tenant, number, holder, until_ms)
            if self._freed_if_unknown(slot, partial(self.slots.take, slot, now_ms=self.clock.now_ms())):
                return slot
        return None

    def _freed_if_unknown(self, slot: Slot, write: Callable[[], bool]) -> bool:
        try:
            return write()
        except PlatformError:
            self.slots.release(slot)  # it may have been applied
            raise

    def _held(self, tenant: str) -> list[Slot]:
        now_ms = self.clock.now_ms()
        return [slot for slot in self.slots.held(tenant) if slot.until_ms > now_ms]

    def _kept_until_ms(self) -> int:
        return self.clock.now_ms() + KEPT_SECONDS * 1000


def _kept_for(trace_id: str) -> str:
    """The holder of a place that is kept: no invocation's nonce is like it."""
    return f"run:{trace_id}"


def _free(held: Sequence[Slot], cap: int) -> list[int]:
    """Numbers of free places, none while as many are held, those above a cap that was lowered included."""
    numbers = {slot.number for slot in held}
    return [] if len(numbers) >= cap else [number for number in range(cap) if number not in numbers]

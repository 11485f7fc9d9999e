"""Keep a refused call for the operator: the last ones of each tenant and reason, at most one a second per process.

The answer stands already when this begins. It reads nothing, writes one item at most, and nothing that happens to that
write changes the answer: a failure is told and forgotten.

    slot  0 1 2 ... 9 0 1 ...     of each (tenant, reason), counted by each process from a place of its own

A process begins anywhere, so that many short-lived ones do not all write into the first slot; from there it goes
round, so that one process alone keeps exactly the last SLOTS of a kind.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from workerflow.domain.refused_call import SLOTS, RefusedCall
from workerflow.ports.tenants import RefusedCalls
from workerflow.ports.world import Clock, Faults, Ids

SECONDS_BETWEEN_WRITES = 1
KINDS_REMEMBERED = 1024
"""The memory is bounded: beyond it the kind that was written longest ago is forgotten, and begins anywhere."""

type Describe = Callable[[int, int], RefusedCall]
"""Makes the record, given its slot and time. Asked only where it is written: a digest of 4 MiB takes its time."""


@dataclass(slots=True, kw_only=True)
class RecordRefusal:
    """Keeps refused calls. One for each process."""

    calls: RefusedCalls
    clock: Clock
    ids: Ids
    faults: Faults
    _written_ms: int | None = field(default=None, init=False)
    _slots: OrderedDict[tuple[str | None, str], int] = field(default_factory=OrderedDict, init=False)

    def __call__(self, tenant: str | None, reason: str, describe: Describe) -> None:
        """Keep a call, unless this process kept another one less than a second ago. Never raises.

        Args:
            tenant: that the call was in the name of; None if there is no such tenant.
            reason: the refusal's stable code.
            describe: makes the record.
        """
        now_ms = self.clock.now_ms()
        if self._written_ms is not None and abs(now_ms - self._written_ms) < SECONDS_BETWEEN_WRITES * 1000:
            return
        self._written_ms = now_ms
        try:
            self.calls.put(describe(self._next_slot(tenant, reason), now_ms))
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer stands
            self.faults.failure("a refused call was not kept", error)

    def _next_slot(self, tenant: str | None, reason: str) -> int:
        last = self._slots.pop((tenant, reason), None)
        slot = int(self.ids.jitter() * SLOTS) if last is None else (last + 1) % SLOTS
        self._slots[tenant, reason] = slot
        while len(self._slots) > KINDS_REMEMBERED:
            self._slots.popitem(last=False)
        return slot

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
SECONDS_AFTER_FAILURE = 60
"""So that an outage does not add its time-out to one answer a second."""
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
    _tried_ms: int = field(default=0, init=False)
    _pause_seconds: int = field(default=0, init=False)
    _slots: OrderedDict[tuple[str | None, str], int] = field(default_factory=OrderedDict, init=False)

    def __call__(self, tenant: str | None, reason: str, describe: Describe) -> None:
        """Keep a call, unless this process kept another one a moment ago, or could not. Never raises.

        Args:
            tenant: that the call was in the name of; None if there is no such tenant.
            reason: the refusal's stable code.
            describe: makes the record.
        """
        now_ms = self.clock.now_ms()
        if 0 <= now_ms - self._tried_ms < self._pause_seconds * 1000:
            return
        self._tried_ms, self._pause_seconds = now_ms, SECONDS_BETWEEN_WRITES
        try:
            self.calls.put(describe(self._next_slot(tenant, reason), now_ms))
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer stands
            self._pause_seconds = SECONDS_AFTER_FAILURE
            self.faults.failure("a refused call was not kept", error)

    def _next_slot(self, tenant: str | None, reason: str) -> int:
        last = self._slots.pop((tenant, reason), None)
        slot = int(self.ids.jitter() * SLOTS) if last is None else (last + 1) % SLOTS
        self._slots[tenant, reason] = slot
        while len(self._slots) > KINDS_REMEMBERED:
            self._slots.popitem(last=False)
        return slot

"""Read a tenant's schedules: what they are, whether they may fire, what fired, what will, and what was missed.

What is shown as next is worked out by the function by which the tick fires, from where the tick stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from workerflow.domain.cron import Timing
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.firing import Gate, due_fires, newest_needed, undecided_after, upcoming_fires
from workerflow.domain.manifest import Manifest
from workerflow.domain.schedule import Schedule
from workerflow.domain.schedule_cursor import Missed, ScheduleCursor
from workerflow.ports.schedules import ScheduleStore
from workerflow.ports.world import Clock
from workerflow.services.enablement import CheckEnablement

MAX_NEXT_FIRES = 1_000
"""A year of a daily job's; 30 ms of work for one schedule."""


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """One schedule of a tenant.

    Attributes:
        name: of the schedule.
        schedule: its definition; None if it was removed, or is no longer the tenant's, and only its history is left.
        state, reason: whether it may fire, and why not: the operator's reason, or the manifest's.
        since_ms: since when the definition holds here; None if no tick has seen it yet.
        last_due_ms, last_trace_id: the newest fire that became a task, and its task.
        next_fires_ms: the next fires, if nothing changes; empty while it may not fire, or no tick has seen it.
        missed: how many fires were missed, by reason; a lower bound after an outage of very many.
        last_missed_ms, last_missed_reason: the newest of them.
        switch: what was set at run time, if anything ever was.
        fault: why it cannot fire although it may, and where more could be told: its cursor is unreadable, or its times
            cannot be worked out; empty if nothing is wrong.
    """

    name: str
    schedule: Schedule | None
    state: Enablement
    reason: str
    since_ms: int | None = None
    last_due_ms: int | None = None
    last_trace_id: str | None = None
    next_fires_ms: Sequence[int] = ()
    missed: Mapping[Missed, int] | None = None
    last_missed_ms: int | None = None
    last_missed_reason: Missed | None = None
    switch: Switch | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSchedules:
    """Reads all schedules of a tenant: two queries, one of them for the switches."""

    schedules: ScheduleStore
    manifest: Manifest
    enablement: CheckEnablement
    clock: Clock

    def __call__(self, tenant: str, *, next_fires: int = 10) -> Sequence[ScheduleView]:
        """All schedules of a tenant by name, the removed ones that have a history among them.

        Args:
            tenant: whose.
            next_fires: how many of the next fires to work out for each, 0 to MAX_NEXT_FIRES.

        Raises:
            StoreUnavailableError: ask again.
        """
        self.enablement.refresh(tenant)
        found = self.schedules.list_cursors(tenant)
        cursors = {cursor.name: cursor for cursor in found.readable}
        live = {name: one for name, one in self.manifest.schedules.items() if one.serves(tenant)}
        number = max(0, min(next_fires, MAX_NEXT_FIRES))
        names = sorted({*live, *cursors, *found.unreadable})
        views = {name: self._view(tenant, name, live.get(name), cursors.get(name), number) for name in names}
        return [
            replace(view, fault=str(found.unreadable[name])) if name in found.unreadable else view
            for name, view in views.items()
        ]

    def _view(
        self, tenant: str, name: str, schedule: Schedule | None, cursor: ScheduleCursor | None, number: int
    ) -> ScheduleView:
        gate, reason = self._gate(tenant, name, schedule)
        switch = self.enablement.switch(tenant, f"schedule:{name}")
        if cursor is None:
            return ScheduleView(name, schedule, gate.state, reason, switch=switch)
        next_fires_ms, fault = self._next_fires(schedule, cursor, gate, number)
        return ScheduleView(
            name,
            schedule,
            gate.state,
            reason,
            since_ms=cursor.since_ms,
            last_due_ms=cursor.last_due_ms,
            last_trace_id=cursor.last_trace_id,
            next_fires_ms=next_fires_ms,
            missed=cursor.missed,
            last_missed_ms=cursor.last_missed_ms,
            last_missed_reason=cursor.last_missed_reason,
            switch=switch,
            fault=fault,
        )

    def _gate(self, tenant: str, name: str, schedule: Schedule | None) -> tuple[Gate, str]:
        if schedule is None:
            return Gate(Enablement.DISABLED), "removed"
        source = f"schedule:{name}"
        state, switch = self.enablement(tenant, source), self.enablement.switch(tenant, source)
        if state is Enablement.ENABLED:
            return Gate.of(state, switch), ""
        return Gate.of(state, switch), switch.reason if switch and schedule.enabled else schedule.disabled_reason

    def _next_fires(
        self, schedule: Schedule | None, cursor: ScheduleCursor, gate: Gate, number: int
    ) -> tuple[tuple[int, ...], str]:
        """The next fires, and why there are none if they cannot be worked out."""
        if schedule is None or cursor.next_due_ms is None or cursor.timing != schedule.timing:
            return (), ""
        try:
            fires = Timing.of(schedule.cron, schedule.zone).fires
        except ValueError as error:
            return (), str(error)
        now_ms = self.clock.now_ms()
        needed = newest_needed(schedule.catch_up)
        due = due_fires(fires, after_ms=undecided_after(cursor), now_ms=now_ms, newest=needed)
        return tuple(islice(upcoming_fires(schedule.catch_up, due, gate, now_ms, fires), number)), ""

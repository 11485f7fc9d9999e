"""Ticks as they come in the world: one a minute, some lost, some twice, some in disorder; and what they made of it.

    perfect      |  |  |  |  |  |  |     one a minute, on the minute
    arbitrary    |     || |      | |     20 % lost, 20 % twice (half of them at the same time), 5 % changed places

A minute in which nothing is due is passed over: its tick would ask the index, find nothing, and leave its mark. Some of
them are ticked all the same, and must change no schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random

from tests.unit.services.wired import TENANT, Wired
from workerflow.domain.fire import fire_key
from workerflow.domain.manifest import Manifest
from workerflow.domain.schedule import Schedule
from workerflow.services.resend import TickBudget

MINUTE_MS = 60_000
LOST, DOUBLED, SWAPPED = 0.2, 0.2, 0.05
IDLE = 0.02
"""Of the minutes that could be passed over before another, some are ticked all the same: they must change nothing."""

type Outage = Callable[[int], bool]


def _never(_minute_ms: int) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the fires: due times that were accepted, by schedule, and how many messages were sent."""

    fires: dict[str, list[str]]
    messages: int
    missed: dict[str, dict[str, int]]

    @property
    def count(self) -> int:
        return sum(len(found) for found in self.fires.values())


class Ticking:
    """Some schedules, from `begin_ms` on, when the first tick sees them."""

    def __init__(self, schedules: list[Schedule], begin_ms: int) -> None:
        self.wired = Wired(manifest=Manifest.build([], schedules))
        self.begin_ms = begin_ms
        self.ticks = 0
        self.tick(begin_ms)

    def tick(self, now_ms: int) -> None:
        """One tick of the schedules' part."""
        self.ticks += 1
        self.wired.clock.ms = now_ms
        self.wired.fire_schedules(self.wired.tenants, TickBudget(now_ms + 50_000, 3_000))

    def _next_due_ms(self) -> int | None:
        found = (cursor.next_due_ms for cursor in self.wired.memory.schedules.values())
        return min((one for one in found if one is not None), default=None)

    def minutes(self, end_ms: int) -> Iterator[int]:
        """The minutes up to `end_ms` in which a tick has something to do, as they come."""
        minute_ms = self.begin_ms - self.begin_ms % MINUTE_MS
        while (next_ms := self._next_due_ms()) is not None:
            due_minute_ms = -(-next_ms // MINUTE_MS) * MINUTE_MS
            minute_ms = max(minute_ms + MINUTE_MS, due_minute_ms)
            if minute_ms > end_ms:
                return
            yield minute_ms

    def run_perfectly(self, end_ms: int) -> None:
        """One tick a minute, on the minute."""
        for minute_ms in self.minutes(end_ms):
            self.tick(minute_ms)

    def run_somehow(self, end_ms: int, chance: Random, outage: Outage = _never) -> None:
        """Ticks as they come, and a last one that is not lost."""
        delayed_ms: int | None = None
        for minute_ms in self.minutes(end_ms):
            if outage(minute_ms) or chance.random() < LOST:
                continue
            if delayed_ms is None and chance.random() < IDLE:
                self._tick_idly(minute_ms - MINUTE_MS)
            now_ms = minute_ms + chance.randrange(MINUTE_MS)
            if delayed_ms is None and chance.random() < SWAPPED:
                delayed_ms = now_ms
                continue
            self._tick_somehow(min(now_ms, end_ms), chance)
            if delayed_ms is not None:
                self.tick(delayed_ms)
                delayed_ms = None
        self.tick(end_ms)

    def _tick_idly(self, now_ms: int) -> None:
        """A tick in the minute before, if nothing is due in it and time does not go back."""
        next_ms = self._next_due_ms()
        if next_ms is None or next_ms <= now_ms or now_ms <= self.wired.clock.ms:
            return
        before = dict(self.wired.memory.schedules)
        self.tick(now_ms)
        assert self.wired.memory.schedules == before

    def _tick_somehow(self, now_ms: int, chance: Random) -> None:
        doubled = chance.random() / DOUBLED
        if doubled < 0.5:
            self.wired.meanwhile("schedules.write_cursor", lambda: self.tick(now_ms + chance.choice((0, 1))))
        self.tick(now_ms)
        if 0.5 <= doubled < 1:
            self.tick(now_ms)

    def outcome(self) -> Outcome:
        memory = self.wired.memory
        fires: dict[str, list[str]] = {name: [] for _, name in memory.schedules}
        for one in memory.acceptances.values():
            fires[one.source.removeprefix("schedule:")].append(one.key)
        return Outcome(
            {name: sorted(keys) for name, keys in fires.items()},
            len(self.wired.queue.messages),
            {
                name: {reason.value: number for reason, number in cursor.missed.items()}
                for (tenant, name), cursor in memory.schedules.items()
                if tenant == TENANT
            },
        )


def keys(times_ms: Iterable[int]) -> list[str]:
    """Due times as fires are keyed by."""
    return [fire_key(due_ms) for due_ms in times_ms]

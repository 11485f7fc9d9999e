"""What a tick of schedules costs: the calls of the real `scheduler` on moto, and CPU time without the emulator's own.

moto looks through whole tables, so its time grows with them as DynamoDB's does not. The line's witness is told just
before and just after the emulator has its turn: what lies between is taken off, and what is left is our code and the
SDK. A measurement is taken on a warm function, after a tick that has reconciled.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from tests.support.aws import AwsWorld
from tests.support.faults import Call
from tests.support.quick_moto import queue_of
from tests.support.schedules import a_cursor
from tests.support.tasks import a_schedule
from tests.support.world import MINUTE_MS, START_MS, World
from workerflow.domain.cron import Timing
from workerflow.domain.manifest import Manifest

AT_NIGHT = "0 3 * * *"
IN_TWO_MINUTES = "2 16 * * *"
"""A tests.support.world begins at 16:00 UTC, and its first tick comes a minute later."""


@dataclass(frozen=True, slots=True)
class TickCost:
    """What one tick called, and what became of it.

    Attributes:
        calls: how often each method of an adapter called AWS.
        cpu_seconds: of our code and the SDK.
        seconds: by the wall clock, the emulator's time included.
        accepted, sent, moved: tasks that were accepted, messages in the queue, cursors that stand in the future.
    """

    calls: Counter[str]
    cpu_seconds: float
    seconds: float
    accepted: int
    sent: int
    moved: int

    def require(self, *, accepted: int, moved: int) -> None:
        """Raise AssertionError unless so many tasks were accepted, and all sent, and so many cursors are ahead."""
        assert (self.accepted, self.sent, self.moved) == (accepted, accepted, moved), self


class EmulatorTime:
    """CPU time that the emulator took: a Witness."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._begun = 0.0

    def before(self, _call: Call) -> None:
        self._begun = time.process_time()

    def after(self, _call: Call) -> None:
        self.seconds += time.process_time() - self._begun


def scheduled_world(aws: AwsWorld, number: int, cron: str) -> World:
    """A world with so many schedules, whose `scheduler` is warm: it has reconciled, and nothing was due."""
    names = [f"job_{count:05d}" for count in range(number)]
    manifest = Manifest.build([], [a_schedule(name, cron=cron) for name in names])
    world = World(aws, manifest=manifest)
    next_due_ms = Timing.of(cron, "UTC").next_fire(START_MS)
    for name, schedule in manifest.schedules.items():
        world.kept.seed(a_cursor(name, timing=schedule.timing, since_ms=START_MS, next_due_ms=next_due_ms))
    measure_tick(world)
    return world


def measure_tick(world: World) -> TickCost:
    """One tick, a minute later by the world's clock. Raises AssertionError if a part of it failed."""
    world.clock.ms += MINUTE_MS
    world.line.reset()
    world.line.choose = lambda _call: None
    emulator = world.line.witness = EmulatorTime()
    begun, begun_cpu = time.perf_counter(), time.process_time()
    report = world.processes.scheduler()
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - begun_cpu - emulator.seconds
    assert not report.failed_parts, report
    assert not world.processes.telemetry.failures, world.processes.telemetry.failures
    return TickCost(
        calls=Counter(call.site.adapter for call in world.line.calls),
        cpu_seconds=cpu_seconds,
        seconds=seconds,
        accepted=len(world.kept.acceptances()),
        sent=len(queue_of(world.aws.queue_url)._messages),
        moved=sum((one.next_due_ms or 0) > world.clock.ms for one in world.kept.cursors().values()),
    )

"""Schedules behind the scenes: what an operator sees of them and does with them, and ticks in a crowd."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.e2e.backstage import ACTOR, RETENTION, Backstage, Silence, physical
from tools.local.stack import TENANT
from workerflow.adapters.dynamodb.schedules import DynamoSchedules
from workerflow.domain.task import Acceptance
from workerflow.runtime.clock import SystemClock, SystemIds
from workerflow.services.accept_task import TakeTask
from workerflow.services.enablement import CheckEnablement
from workerflow.services.read_schedules import ReadSchedules, ScheduleView
from workerflow.services.run_schedule import NotRunnable, RunOrder, RunSchedule, RunStarted
from workerflow.tables import AUDIT_EVENTS, CURSOR_STATE, IDEMPOTENCY_KEYS, RUNS

CROWD = 4


@dataclass(frozen=True, slots=True)
class Planner:
    """The operator's side of one stack's schedules."""

    backstage: Backstage

    def view(self, schedule: str, *, next_fires: int = 5, tenant: str = TENANT) -> ScheduleView:
        """A schedule as it is shown."""
        read = ReadSchedules(
            schedules=self._schedules,
            manifest=self.backstage.manifest,
            enablement=self._enablement,
            clock=SystemClock(),
        )
        [view] = [one for one in read(tenant, next_fires=next_fires) if one.name == schedule]
        return view

    def run_now(self, schedule: str, key: str, reason: str, *, tenant: str = TENANT) -> RunStarted | NotRunnable:
        """Run a schedule now."""
        service = RunSchedule(
            schedules=self._schedules,
            manifest=self.backstage.manifest,
            tenants=self.backstage.tenants,
            enablement=self._enablement,
            take=TakeTask(
                acceptances=self.backstage.acceptances, clock=SystemClock(), ids=SystemIds(), retention=RETENTION
            ),
            queue=self.backstage.queue,
            signals=Silence(),
        )
        return service(RunOrder(tenant, schedule, key, ACTOR, reason))

    def fires(self, schedule: str) -> list[Acceptance]:
        """What was accepted because the schedule was due, in the order of due times; each key is one."""
        fires = (one for one in self.backstage.accepted(f"schedule:{schedule}") if not one.manual)
        return sorted(fires, key=lambda fire: fire.key)

    def tick_in_a_crowd(self, at_ms: int) -> None:
        """Some ticks at the same time, at that moment, and two more after one another."""
        time.sleep(max(0, at_ms - SystemClock().now_ms()) / 1000)
        with ThreadPoolExecutor(max_workers=CROWD) as pool:
            for tick in [pool.submit(self.backstage.tick) for _ in range(CROWD)]:
                tick.result()
        self.backstage.tick()
        self.backstage.tick()

    @property
    def _schedules(self) -> DynamoSchedules:
        return DynamoSchedules(
            self.backstage.database,
            state=physical(CURSOR_STATE),
            acceptances=physical(IDEMPOTENCY_KEYS),
            runs=physical(RUNS),
            audit=physical(AUDIT_EVENTS),
        )

    @property
    def _enablement(self) -> CheckEnablement:
        backstage = self.backstage
        return CheckEnablement(manifest=backstage.manifest, switches=backstage.switches, clock=SystemClock())


def due_times(fires: list[Acceptance]) -> list[str]:
    """When fires were due, RFC 3339."""
    return [fire.key for fire in fires]

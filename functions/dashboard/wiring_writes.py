"""The services that carry orders out."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from functions.dashboard.wiring_stores import Stores

if TYPE_CHECKING:
    from workerflow.services.once import CarryOutOnce
    from workerflow.services.replay_task import ReplayTask
    from workerflow.services.run_schedule import RunSchedule
    from workerflow.services.set_switch import SetSwitch


class Writes(Stores):
    """Each made when an endpoint asks for it."""

    @cached_property
    def once(self) -> CarryOutOnce:
        from workerflow.services.once import CarryOutOnce  # noqa: PLC0415

        return CarryOutOnce(operations=self.operations, clock=self.clock)

    @cached_property
    def replay_task(self) -> ReplayTask:
        from workerflow.adapters.schema import JsonSchemas  # noqa: PLC0415
        from workerflow.services.replay_task import ReplayTask  # noqa: PLC0415

        return ReplayTask(
            acceptances=self.acceptances,
            runs=self.runs,
            replays=self.replays,
            blobs=self.blobs,
            queue=self.queue,
            enablement=self.enablement,
            manifest=self.manifest,
            schemas=JsonSchemas(),
            clock=self.clock,
            ids=self.ids,
            signals=self.telemetry,
            retention=self.retention,
        )

    @cached_property
    def run_schedule(self) -> RunSchedule:
        from workerflow.services.accept_task import TakeTask  # noqa: PLC0415
        from workerflow.services.run_schedule import RunSchedule  # noqa: PLC0415

        return RunSchedule(
            schedules=self.schedules,
            manifest=self.manifest,
            tenants=self.tenants,
            enablement=self.enablement,
            take=TakeTask(acceptances=self.acceptances, clock=self.clock, ids=self.ids, retention=self.retention),
            queue=self.queue,
            signals=self.telemetry,
        )

    @cached_property
    def set_switch(self) -> SetSwitch:
        from workerflow.services.set_switch import SetSwitch  # noqa: PLC0415

        return SetSwitch(
            switches=self.switches,
            manifest=self.manifest,
            tenants=self.tenants,
            clock=self.clock,
            ids=self.ids,
        )

"""The services that show something."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from functions.dashboard.wiring_stores import Stores

if TYPE_CHECKING:
    from workerflow.services.read_refused_calls import ReadRefusedCalls
    from workerflow.services.read_schedules import ReadSchedules


class Reads(Stores):
    """Each made when an endpoint asks for it."""

    @cached_property
    def read_schedules(self) -> ReadSchedules:
        from workerflow.services.read_schedules import ReadSchedules  # noqa: PLC0415

        return ReadSchedules(
            schedules=self.schedules, manifest=self.manifest, enablement=self.enablement, clock=self.clock
        )

    @cached_property
    def read_refused_calls(self) -> ReadRefusedCalls:
        from workerflow.adapters.dynamodb.refused_calls import DynamoRefusedCalls  # noqa: PLC0415
        from workerflow.services.read_refused_calls import ReadRefusedCalls  # noqa: PLC0415

        calls = DynamoRefusedCalls(self.database, self.settings.refused_calls)
        return ReadRefusedCalls(calls=calls, clock=self.clock)

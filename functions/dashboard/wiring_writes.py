"""The services that carry orders out."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from functions.dashboard.wiring_stores import Stores

if TYPE_CHECKING:
    from workerflow.services.bulk_jobs import AbortBulk, CountBulk, StartBulk
    from workerflow.services.cancel_run import CancelRun
    from workerflow.services.find_run import FindRun
    from workerflow.services.once import CarryOutOnce
    from workerflow.services.replay_task import ReplayTask
    from workerflow.services.resolve_letter import ResolveLetter
    from workerflow.services.retry_now import RetryNow
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
            tenants=self.tenants,
            schemas=JsonSchemas(),
            clock=self.clock,
            ids=self.ids,
            signals=self.telemetry,
            retention=self.retention,
            operations=self.operations,
        )

    @cached_property
    def find_run(self) -> FindRun:
        from workerflow.services.find_run import FindRun  # noqa: PLC0415

        return FindRun(acceptances=self.acceptances, runs=self.runs, clock=self.clock)

    @cached_property
    def cancel_run(self) -> CancelRun:
        from workerflow.services.cancel_run import CancelRun  # noqa: PLC0415

        return CancelRun(find_run=self.find_run, ledger=self.ledger, operations=self.operations)

    @cached_property
    def retry_now(self) -> RetryNow:
        from workerflow.services.retry_now import RetryNow  # noqa: PLC0415

        return RetryNow(find_run=self.find_run, ledger=self.ledger, queue=self.queue, signals=self.telemetry)

    @cached_property
    def resolve_letter(self) -> ResolveLetter:
        from workerflow.services.resolve_letter import ResolveLetter  # noqa: PLC0415

        return ResolveLetter(replays=self.replays, clock=self.clock, ids=self.ids, operations=self.operations)

    @cached_property
    def count_bulk(self) -> CountBulk:
        from workerflow.services.bulk_jobs import CountBulk  # noqa: PLC0415

        return CountBulk(jobs=self.bulk, replays=self.replays, clock=self.clock, ids=self.ids)

    @cached_property
    def start_bulk(self) -> StartBulk:
        from workerflow.services.bulk_jobs import StartBulk  # noqa: PLC0415

        return StartBulk(jobs=self.bulk, clock=self.clock, ids=self.ids)

    @cached_property
    def abort_bulk(self) -> AbortBulk:
        from workerflow.services.bulk_jobs import AbortBulk  # noqa: PLC0415

        return AbortBulk(jobs=self.bulk, clock=self.clock, ids=self.ids)

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
            operations=self.operations,
        )

"""Everything that the dashboard's endpoints may use: one attribute a service, by the name of its module.

Endpoints see this; wiring makes it, each service when it is asked for the first time. So an endpoint costs a cold start
what it needs, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from functions.dashboard.cursors import Cursors
    from functions.dashboard.sessions import Sessions
    from workerflow.domain.manifest import Manifest
    from workerflow.ports.world import Clock, Ids
    from workerflow.runtime.observability import Telemetry
    from workerflow.services.bulk_jobs import AbortBulk, CountBulk, ReadBulkJobs, StartBulk
    from workerflow.services.cancel_run import CancelRun
    from workerflow.services.enablement import CheckEnablement
    from workerflow.services.list_audit import ListAudit
    from workerflow.services.list_error_groups import ListErrorGroups
    from workerflow.services.list_letters import ListLetters
    from workerflow.services.list_tasks import ListTasks
    from workerflow.services.once import CarryOutOnce
    from workerflow.services.read_configuration import ReadConfiguration
    from workerflow.services.read_lineage import ReadLineage
    from workerflow.services.read_refused_calls import ReadRefusedCalls
    from workerflow.services.read_routes import ReadRoutes
    from workerflow.services.read_run_detail import ReadRunDetail
    from workerflow.services.read_schedules import ReadSchedules
    from workerflow.services.read_summary import ReadSummary
    from workerflow.services.read_timeline import ReadTimeline
    from workerflow.services.replay_task import ReplayTask
    from workerflow.services.resolve_letter import ResolveLetter
    from workerflow.services.retry_now import RetryNow
    from workerflow.services.run_schedule import RunSchedule
    from workerflow.services.set_switch import SetSwitch
    from workerflow.services.tenants import KnownTenants


class Dashboard(Protocol):
    """What endpoints and pages use.

    Attributes:
        environment: where this is: dev, prod or local.
        is_local: whether this is the local environment, where pages come over plain HTTP from loopback.
        api_url: where calls go to, without a slash at its end; empty where it is not known.
        region: of AWS; empty where it is not known.
        endpoint_url: of the emulator that this runs on; empty on AWS.
        once: carries every order out, unless that was done already.
    """

    @property
    def environment(self) -> str: ...

    @property
    def is_local(self) -> bool: ...

    @property
    def api_url(self) -> str: ...

    @property
    def region(self) -> str: ...

    @property
    def endpoint_url(self) -> str: ...

    @property
    def telemetry(self) -> Telemetry: ...

    @property
    def manifest(self) -> Manifest: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def ids(self) -> Ids: ...

    @property
    def tenants(self) -> KnownTenants: ...

    @property
    def enablement(self) -> CheckEnablement: ...

    @property
    def cursors(self) -> Cursors: ...

    @property
    def sessions(self) -> Sessions: ...

    @property
    def once(self) -> CarryOutOnce: ...

    @property
    def list_tasks(self) -> ListTasks: ...

    @property
    def read_run_detail(self) -> ReadRunDetail: ...

    @property
    def read_lineage(self) -> ReadLineage: ...

    @property
    def list_letters(self) -> ListLetters: ...

    @property
    def list_error_groups(self) -> ListErrorGroups: ...

    @property
    def read_summary(self) -> ReadSummary: ...

    @property
    def read_timeline(self) -> ReadTimeline: ...

    @property
    def read_routes(self) -> ReadRoutes: ...

    @property
    def read_schedules(self) -> ReadSchedules: ...

    @property
    def read_refused_calls(self) -> ReadRefusedCalls: ...

    @property
    def list_audit(self) -> ListAudit: ...

    @property
    def read_configuration(self) -> ReadConfiguration: ...

    @property
    def read_bulk_jobs(self) -> ReadBulkJobs: ...

    @property
    def replay_task(self) -> ReplayTask: ...

    @property
    def cancel_run(self) -> CancelRun: ...

    @property
    def retry_now(self) -> RetryNow: ...

    @property
    def resolve_letter(self) -> ResolveLetter: ...

    @property
    def count_bulk(self) -> CountBulk: ...

    @property
    def start_bulk(self) -> StartBulk: ...

    @property
    def abort_bulk(self) -> AbortBulk: ...

    @property
    def run_schedule(self) -> RunSchedule: ...

    @property
    def set_switch(self) -> SetSwitch: ...

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
        once: carries every order out, unless that was done already.
    """

    environment: str
    is_local: bool
    telemetry: Telemetry
    manifest: Manifest
    clock: Clock
    ids: Ids
    tenants: KnownTenants
    enablement: CheckEnablement
    cursors: Cursors
    sessions: Sessions
    once: CarryOutOnce

    list_tasks: ListTasks
    read_run_detail: ReadRunDetail
    read_lineage: ReadLineage
    list_letters: ListLetters
    list_error_groups: ListErrorGroups
    read_summary: ReadSummary
    read_timeline: ReadTimeline
    read_routes: ReadRoutes
    read_schedules: ReadSchedules
    read_refused_calls: ReadRefusedCalls
    list_audit: ListAudit
    read_configuration: ReadConfiguration
    read_bulk_jobs: ReadBulkJobs

    replay_task: ReplayTask
    cancel_run: CancelRun
    retry_now: RetryNow
    resolve_letter: ResolveLetter
    count_bulk: CountBulk
    start_bulk: StartBulk
    abort_bulk: AbortBulk
    run_schedule: RunSchedule
    set_switch: SetSwitch

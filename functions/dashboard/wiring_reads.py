"""The services that show something."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from functions.dashboard.wiring_stores import Stores

if TYPE_CHECKING:
    from workerflow.services.bulk_jobs import ReadBulkJobs
    from workerflow.services.count_tasks import CountTasks
    from workerflow.services.list_audit import ListAudit
    from workerflow.services.list_error_groups import ListErrorGroups
    from workerflow.services.list_letters import ListLetters
    from workerflow.services.list_tasks import ListTasks
    from workerflow.services.read_configuration import ReadConfiguration
    from workerflow.services.read_lineage import ReadLineage
    from workerflow.services.read_refused_calls import ReadRefusedCalls
    from workerflow.services.read_routes import ReadRoutes
    from workerflow.services.read_run_detail import ReadRunDetail
    from workerflow.services.read_schedules import ReadSchedules
    from workerflow.services.read_summary import ReadSummary
    from workerflow.services.read_timeline import ReadTimeline


class Reads(Stores):
    """Each made when an endpoint asks for it."""

    @cached_property
    def list_tasks(self) -> ListTasks:
        from workerflow.services.list_tasks import ListTasks  # noqa: PLC0415

        return ListTasks(acceptances=self.acceptances, runs=self.runs, clock=self.clock)

    @cached_property
    def read_lineage(self) -> ReadLineage:
        from workerflow.services.read_lineage import ReadLineage  # noqa: PLC0415

        return ReadLineage(acceptances=self.acceptances, runs=self.runs, replays=self.replays, clock=self.clock)

    @cached_property
    def read_run_detail(self) -> ReadRunDetail:
        from workerflow.services.read_run_detail import ReadRunDetail  # noqa: PLC0415

        return ReadRunDetail(
            acceptances=self.acceptances,
            runs=self.runs,
            replays=self.replays,
            blobs=self.blobs,
            read_lineage=self.read_lineage,
            clock=self.clock,
        )

    @cached_property
    def list_letters(self) -> ListLetters:
        from workerflow.services.list_letters import ListLetters  # noqa: PLC0415

        return ListLetters(replays=self.replays, clock=self.clock)

    @cached_property
    def list_error_groups(self) -> ListErrorGroups:
        from workerflow.adapters.dynamodb.error_groups import DynamoErrorGroups  # noqa: PLC0415
        from workerflow.services.list_error_groups import ListErrorGroups  # noqa: PLC0415

        groups = DynamoErrorGroups(self.database, rollups=self.settings.rollups, state=self.settings.cursor_state)
        return ListErrorGroups(groups=groups, replays=self.replays, clock=self.clock)

    @cached_property
    def count_tasks(self) -> CountTasks:
        from workerflow.services.count_tasks import CountTasks  # noqa: PLC0415

        return CountTasks(rollups=self.rollups, acceptances=self.acceptances, runs=self.runs, clock=self.clock)

    @cached_property
    def read_summary(self) -> ReadSummary:
        from workerflow.adapters.dynamodb.cursors import DynamoCursors  # noqa: PLC0415
        from workerflow.adapters.sqs import SqsQueueGauge  # noqa: PLC0415
        from workerflow.services.find_oldest_queued import FindOldestQueued  # noqa: PLC0415
        from workerflow.services.read_summary import ReadSummary  # noqa: PLC0415

        return ReadSummary(
            count_tasks=self.count_tasks,
            find_oldest_queued=FindOldestQueued(
                acceptances=self.acceptances,
                runs=self.runs,
                cursors=DynamoCursors(self.database, self.settings.cursor_state),
                clock=self.clock,
            ),
            replays=self.replays,
            read_schedules=self.read_schedules,
            enablement=self.enablement,
            manifest=self.manifest,
            gauge=SqsQueueGauge(self.clients.sqs(), self.settings.queue_url),
            clock=self.clock,
        )

    @cached_property
    def read_timeline(self) -> ReadTimeline:
        from workerflow.services.read_timeline import ReadTimeline  # noqa: PLC0415

        return ReadTimeline(count_tasks=self.count_tasks)

    @cached_property
    def read_routes(self) -> ReadRoutes:
        from workerflow.services.read_routes import ReadRoutes  # noqa: PLC0415

        return ReadRoutes(
            manifest=self.manifest,
            enablement=self.enablement,
            known=self.tenants,
            count_tasks=self.count_tasks,
            clock=self.clock,
        )

    @cached_property
    def read_bulk_jobs(self) -> ReadBulkJobs:
        from workerflow.services.bulk_jobs import ReadBulkJobs  # noqa: PLC0415

        return ReadBulkJobs(jobs=self.bulk)

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

    @cached_property
    def list_audit(self) -> ListAudit:
        from workerflow.adapters.dynamodb.audit import DynamoAuditLog  # noqa: PLC0415
        from workerflow.services.list_audit import ListAudit  # noqa: PLC0415

        return ListAudit(audit=DynamoAuditLog(self.database, self.settings.audit_events), clock=self.clock)

    @cached_property
    def read_configuration(self) -> ReadConfiguration:
        from workerflow.adapters.secret_names import DescribedSecrets  # noqa: PLC0415
        from workerflow.services.read_configuration import ReadConfiguration  # noqa: PLC0415

        return ReadConfiguration(
            manifest=self.manifest,
            known=self.tenants,
            names=DescribedSecrets(self.clients.secrets),
            clock=self.clock,
            prefix=self.settings.secret_prefix,
        )

"""The services that show something, wired on a world in memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tests.unit.services.wired import Wired
from workerflow.services.count_tasks import CountTasks
from workerflow.services.find_oldest_queued import FindOldestQueued
from workerflow.services.list_letters import ListLetters
from workerflow.services.list_tasks import ListTasks
from workerflow.services.read_lineage import ReadLineage
from workerflow.services.read_routes import ReadRoutes
from workerflow.services.read_run_detail import ReadRunDetail
from workerflow.services.read_summary import ReadSummary
from workerflow.services.read_timeline import ReadTimeline
from workerflow.services.roll_up import RollUp


@dataclass
class Reading:
    """What an operator may look at in a world."""

    wired: Wired

    @cached_property
    def list_tasks(self) -> ListTasks:
        return ListTasks(acceptances=self.wired.world.acceptances, runs=self.wired.runs, clock=self.wired.clock)

    @cached_property
    def list_letters(self) -> ListLetters:
        return ListLetters(replays=self.wired.world.replays, clock=self.wired.clock)

    @cached_property
    def read_lineage(self) -> ReadLineage:
        world = self.wired.world
        return ReadLineage(
            acceptances=world.acceptances, runs=self.wired.runs, replays=world.replays, clock=self.wired.clock
        )

    @cached_property
    def read_run_detail(self) -> ReadRunDetail:
        world = self.wired.world
        return ReadRunDetail(
            acceptances=world.acceptances,
            runs=self.wired.runs,
            replays=world.replays,
            blobs=world.blobs,
            read_lineage=self.read_lineage,
            clock=self.wired.clock,
        )

    @cached_property
    def count_tasks(self) -> CountTasks:
        world = self.wired.world
        return CountTasks(
            acceptances=world.acceptances, runs=self.wired.runs, rollups=world.rollups, clock=self.wired.clock
        )

    @cached_property
    def find_oldest_queued(self) -> FindOldestQueued:
        world = self.wired.world
        return FindOldestQueued(
            acceptances=world.acceptances, runs=self.wired.runs, cursors=world.cursors, clock=self.wired.clock
        )

    @cached_property
    def read_timeline(self) -> ReadTimeline:
        return ReadTimeline(count_tasks=self.count_tasks)

    @cached_property
    def read_summary(self) -> ReadSummary:
        return ReadSummary(
            count_tasks=self.count_tasks,
            find_oldest_queued=self.find_oldest_queued,
            replays=self.wired.world.replays,
            read_schedules=self.wired.read_schedules,
            enablement=self.wired.enablement,
            manifest=self.wired.manifest,
            gauge=self.wired.world.queue_gauge,
            clock=self.wired.clock,
        )

    @cached_property
    def read_routes(self) -> ReadRoutes:
        return ReadRoutes(
            manifest=self.wired.manifest,
            enablement=self.wired.enablement,
            known=self.wired.known_tenants,
            count_tasks=self.count_tasks,
            clock=self.wired.clock,
        )

    @cached_property
    def roll_up(self) -> RollUp:
        """Not something to look at, but what counts are made of."""
        world = self.wired.world
        return RollUp(
            acceptances=world.acceptances, runs=self.wired.runs, rollups=world.rollups, clock=self.wired.clock
        )

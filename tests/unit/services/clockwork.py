"""A world in which ticks come at given times, and what came of them: which fires were made, skipped, missed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.support.tasks import a_manifest, a_schedule
from tests.unit.services.wired import TENANT, Wired, a_budget
from workerflow.domain.enablement import Enablement
from workerflow.domain.fire import fire_key
from workerflow.domain.identity import acceptance_hash
from workerflow.domain.manifest import Manifest
from workerflow.domain.run import Run, RunState
from workerflow.domain.schedule import Schedule
from workerflow.domain.schedule_cursor import Missed, ScheduleCursor
from workerflow.domain.task import Acceptance

DAY = "2025-10-09"
"""A Thursday."""


def ms(text: str) -> int:
    """`10:30`, `10:30:05` of DAY in UTC, or a whole moment, in epoch milliseconds."""
    if "T" not in text:
        text = f"{DAY}T{text}"
    return round(datetime.fromisoformat(f"{text}+00:00").timestamp() * 1000)


def hour(due_ms: int) -> str:
    """A moment of DAY as `10:30`, another one with its date."""
    text = fire_key(due_ms)[:16]
    return text.removeprefix(f"{DAY}T")


class Clockwork:
    """Schedules in the hands of a test. It begins at 08:00 of DAY; nothing is reconciled yet."""

    def __init__(self, *schedules: Schedule) -> None:
        self.wired = Wired(manifest=a_manifest(*(schedules or (a_schedule(),))))
        self.clock, self.memory = self.wired.clock, self.wired.memory
        self.clock.ms = ms("08:00")

    def tick(self, *times: str) -> None:
        """A tick of the schedules' part at each of these times, in this order."""
        for time in times:
            self.clock.ms = ms(time)
            self.wired.fire_schedules(self.wired.tenants, a_budget(self.wired))

    def deploy(self, *schedules: Schedule) -> None:
        """Another manifest, in new processes."""
        before = self.wired
        self.wired = Wired(manifest=a_manifest(*schedules) if schedules else Manifest.build([]), world=before.world)
        self.wired.tenants = before.tenants

    def switch(self, time: str, state: Enablement, schedule: str = "report") -> None:
        """An operator sets a switch."""
        self.clock.ms = ms(time)
        self.wired.switch(state, f"schedule:{schedule}")

    # What came of it.

    def fires(self, schedule: str = "report", tenant: str = TENANT) -> list[str]:
        """When the fires were due that became tasks, in order of their due times."""
        skipped = {run.trace_id for run in self.memory.runs.values() if run.state is RunState.SKIPPED}
        return sorted(
            hour(ms(one.key.removesuffix("Z")))
            for one in self.memory.acceptances.values()
            if (one.tenant, one.source) == (tenant, f"schedule:{schedule}")
            and not one.manual
            and one.trace_id not in skipped
        )

    def skipped(self, schedule: str = "report") -> list[str]:
        """When the fires were due that were recorded as skipped."""
        skipped = {run.trace_id for run in self.memory.runs.values() if run.state is RunState.SKIPPED}
        found = (one for one in self.memory.acceptances.values() if one.source == f"schedule:{schedule}")
        return sorted(hour(ms(one.key.removesuffix("Z"))) for one in found if one.trace_id in skipped)

    def sent(self) -> list[str]:
        """When the fires were due whose messages were sent, in this order."""
        by_trace = {one.trace_id: one for one in self.memory.acceptances.values()}
        return [hour(ms(by_trace[one.trace_id].key.removesuffix("Z"))) for one in self.wired.queue.messages]

    def cursor(self, schedule: str = "report", tenant: str = TENANT) -> ScheduleCursor:
        """The cursor as it stands."""
        return self.memory.schedules[tenant, schedule]

    def missed(self, schedule: str = "report") -> Mapping[Missed, int]:
        """What was missed so far."""
        return self.cursor(schedule).missed

    def next_due(self, schedule: str = "report") -> str | None:
        """When the next fire is due."""
        due_ms = self.cursor(schedule).next_due_ms
        return None if due_ms is None else hour(due_ms)

    def fire(self, time: str, schedule: str = "report") -> Acceptance:
        """The acceptance of a fire."""
        key_hash = acceptance_hash(TENANT, f"schedule:{schedule}", fire_key(ms(time)))
        return self.memory.acceptances[TENANT, key_hash]

    def payload(self, time: str) -> Any:
        """What a fire's handler gets."""
        return json.loads(self.fire(time).payload.inline or b"")

    def end(self, time: str, state: RunState = RunState.SUCCEEDED) -> None:
        """Let the task of a fire end."""
        task = self.fire(time)
        self.wired.keep(Run.of_task(task).change(nonce="end", now_ms=self.clock.ms, state=state))

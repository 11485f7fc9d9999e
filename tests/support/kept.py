"""What a history has left behind, read behind everyone's back: no call of ours tells it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.support.aws import AwsWorld, physical
from tests.support.quick_moto import put_item
from workerflow.adapters.dynamodb.items import acceptance as acceptance_codec
from workerflow.adapters.dynamodb.items import letter as letter_codec
from workerflow.adapters.dynamodb.items import lineage as lineage_codec
from workerflow.adapters.dynamodb.items import run as run_codec
from workerflow.adapters.dynamodb.items import schedule as schedule_codec
from workerflow.adapters.dynamodb.items import state as state_codec
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.enablement import Switch
from workerflow.domain.replay import LineageEntry
from workerflow.domain.run import Run
from workerflow.domain.schedule_cursor import ScheduleCursor
from workerflow.domain.task import Acceptance
from workerflow.tables import AUDIT_EVENTS, CURSOR_STATE, DEAD_LETTERS, IDEMPOTENCY_KEYS, REPLAY_LINEAGE, RUNS


@dataclass(frozen=True, slots=True)
class Kept:
    """The tables in the domain's words.

    Attributes:
        spoilt: tasks whose row was made unreadable; they are left out of everything.
    """

    aws: AwsWorld
    spoilt: set[str] = field(default_factory=set)

    def acceptances(self) -> list[Acceptance]:
        found = (acceptance_codec.from_item(item) for item in self.aws.items(IDEMPOTENCY_KEYS))
        return [acceptance for acceptance in found if acceptance.trace_id not in self.spoilt]

    def runs(self) -> dict[str, Run]:
        """Rows by trace id."""
        items = (item for item in self.aws.items(RUNS) if item["sk"] == run_codec.SORT)
        rows = (run_codec.from_item(item) for item in items if item["pk"].partition("#")[2] not in self.spoilt)
        return {run.trace_id: run for run in rows}

    def spoil(self, acceptance: Acceptance) -> None:
        """Put a row in a task's place that no code of ours can have written."""
        self.spoilt.add(acceptance.trace_id)
        put_item(physical(RUNS), run_codec.key(acceptance.tenant, acceptance.trace_id) | {"state": "unheard of"})

    def letters(self) -> dict[str, DeadLetter]:
        """Letters by trace id."""
        letters = map(letter_codec.from_item, self.aws.items(DEAD_LETTERS))
        return {letter.trace_id: letter for letter in letters}

    def lineage(self) -> list[LineageEntry]:
        items = self.aws.items(REPLAY_LINEAGE)
        return [lineage_codec.from_item(item) for item in items if item["sk"] != lineage_codec.COUNT]

    def audited(self, action: str) -> int:
        """How many audit events tell of an action."""
        return sum(item["action"] == action for item in self.aws.items(AUDIT_EVENTS))

    def switches(self) -> list[Switch]:
        items = self.aws.items(CURSOR_STATE)
        return [state_codec.switch_from_item(item) for item in items if item["pk"].endswith("#switch")]

    def cursors(self) -> dict[tuple[str, str], ScheduleCursor]:
        """Schedules' cursors by tenant and name."""
        items = (item for item in self.aws.items(CURSOR_STATE) if item["pk"].endswith("#schedule"))
        return {(cursor.tenant, cursor.name): cursor for cursor in map(schedule_codec.from_item, items)}

    def seed(self, cursor: ScheduleCursor) -> None:
        """Put a schedule's cursor there with no call of ours."""
        put_item(physical(CURSOR_STATE), schedule_codec.to_item(cursor))

    def swept_up_to(self, shard: int) -> str:
        """The sweeper's position in a shard, before every trace id if it was never there."""
        items = self.aws.items(CURSOR_STATE)
        cursors = (state_codec.cursor_from_item(item) for item in items if item["pk"].endswith("#sweep"))
        return next((cursor.position for cursor in cursors if cursor.shard == shard), "")

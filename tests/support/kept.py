"""What a history has left behind, read behind everyone's back: no call of ours tells it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.aws import AwsWorld
from workerflow.adapters.dynamodb.items import acceptance as acceptance_codec
from workerflow.adapters.dynamodb.items import letter as letter_codec
from workerflow.adapters.dynamodb.items import lineage as lineage_codec
from workerflow.adapters.dynamodb.items import run as run_codec
from workerflow.adapters.dynamodb.items import state as state_codec
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.enablement import Switch
from workerflow.domain.replay import LineageEntry
from workerflow.domain.run import Run
from workerflow.domain.task import Acceptance
from workerflow.tables import AUDIT_EVENTS, CURSOR_STATE, DEAD_LETTERS, IDEMPOTENCY_KEYS, REPLAY_LINEAGE, RUNS


@dataclass(frozen=True, slots=True)
class Kept:
    """The tables in the domain's words."""

    aws: AwsWorld

    def acceptances(self) -> list[Acceptance]:
        return [acceptance_codec.from_item(item) for item in self.aws.items(IDEMPOTENCY_KEYS)]

    def runs(self) -> dict[str, Run]:
        """Rows by trace id."""
        rows = (run_codec.from_item(item) for item in self.aws.items(RUNS) if item["sk"] == run_codec.SORT)
        return {run.trace_id: run for run in rows}

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

    def swept_up_to(self, shard: int) -> str:
        """The sweeper's position in a shard, before every trace id if it was never there."""
        items = self.aws.items(CURSOR_STATE)
        cursors = (state_codec.cursor_from_item(item) for item in items if item["pk"].endswith("#sweep"))
        return next((cursor.position for cursor in cursors if cursor.shard == shard), "")

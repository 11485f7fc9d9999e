"""What a history has left behind, read behind everyone's back: no call of ours tells it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.support.aws import BUCKET, AwsWorld, physical
from tests.support.quick_moto import objects_in, put_item, put_object
from workerflow.adapters.dynamodb.items import acceptance as acceptance_codec
from workerflow.adapters.dynamodb.items import access as access_codec
from workerflow.adapters.dynamodb.items import bulk as bulk_codec
from workerflow.adapters.dynamodb.items import cleanup as cleanup_codec
from workerflow.adapters.dynamodb.items import error_group as error_group_codec
from workerflow.adapters.dynamodb.items import letter as letter_codec
from workerflow.adapters.dynamodb.items import limit as limit_codec
from workerflow.adapters.dynamodb.items import lineage as lineage_codec
from workerflow.adapters.dynamodb.items import operation as operation_codec
from workerflow.adapters.dynamodb.items import refused_call as refused_call_codec
from workerflow.adapters.dynamodb.items import rollup as rollup_codec
from workerflow.adapters.dynamodb.items import run as run_codec
from workerflow.adapters.dynamodb.items import schedule as schedule_codec
from workerflow.adapters.dynamodb.items import state as state_codec
from workerflow.adapters.dynamodb.items import tenants as tenants_codec
from workerflow.domain.access import Session
from workerflow.domain.bulk import BulkJob
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.enablement import Switch
from workerflow.domain.error_group import ErrorGroup
from workerflow.domain.operation import Operation
from workerflow.domain.refused_call import RefusedCall
from workerflow.domain.replay import LineageEntry
from workerflow.domain.rollup import Rollup
from workerflow.domain.run import Run
from workerflow.domain.schedule_cursor import ScheduleCursor
from workerflow.domain.task import Acceptance
from workerflow.domain.tenants import Tenants
from workerflow.domain.tenants_file import read_tenants
from workerflow.ports.cleanup import CleanupMark
from workerflow.ports.stores import Cursor
from workerflow.ports.tenants import Slot
from workerflow.tables import (
    AUDIT_EVENTS,
    CURSOR_STATE,
    DEAD_LETTERS,
    IDEMPOTENCY_KEYS,
    OPERATIONS,
    RATE_LIMITS,
    REFUSED_CALLS,
    REPLAY_LINEAGE,
    ROLLUPS,
    RUNS,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """The tables in the domain's words.

    Attributes:
        spoilt: tasks and schedules whose row was made unreadable; they are left out of everything.
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

    def sessions(self) -> list[Session]:
        items = self.aws.items(OPERATIONS)
        return [access_codec.session_from_item(item) for item in items if item["pk"].startswith("#session#")]

    def switches(self) -> list[Switch]:
        items = self.aws.items(CURSOR_STATE)
        return [state_codec.switch_from_item(item) for item in items if item["pk"].endswith("#switch")]

    def cursors(self) -> dict[tuple[str, str], ScheduleCursor]:
        """Schedules' cursors by tenant and name."""
        items = (item for item in self.aws.items(CURSOR_STATE) if item["pk"].endswith("#schedule"))
        readable = (item for item in items if item["sk"] not in self.spoilt)
        return {(cursor.tenant, cursor.name): cursor for cursor in map(schedule_codec.from_item, readable)}

    def tenants(self) -> Tenants:
        """Those that were published last."""
        documents = (item for item in self.aws.items(CURSOR_STATE) if item["pk"] == tenants_codec.KEY["pk"])
        texts = [tenants_codec.from_item(item).text for item in documents]
        return read_tenants(texts[0]) if texts else Tenants()

    def slots(self, tenant: str) -> list[Slot]:
        """Slots that somebody holds, or held until their lease ended."""
        partition = limit_codec.slots_partition(tenant)
        items = (item for item in self.aws.items(RATE_LIMITS) if item["pk"] == partition)
        return [limit_codec.slot_from_item(item) for item in items]

    def occupy(self, slot: Slot) -> None:
        """Let somebody hold a slot with no call of ours."""
        put_item(physical(RATE_LIMITS), limit_codec.slot_to_item(slot))

    def refused_calls(self) -> list[RefusedCall]:
        return [refused_call_codec.from_item(item) for item in self.aws.items(REFUSED_CALLS)]

    def rollups(self) -> list[Rollup]:
        others = ("#part", "#errors")
        items = (item for item in self.aws.items(ROLLUPS) if not item["pk"].endswith(others))
        return [rollup_codec.from_item(item) for item in items]

    def bulk_jobs(self) -> list[BulkJob]:
        items = (item for item in self.aws.items(OPERATIONS) if item["pk"].endswith("#bulk") and "state" in item)
        return [bulk_codec.from_item(item) for item in items]

    def operations(self) -> list[Operation]:
        """Operators' orders that were carried out."""
        items = (item for item in self.aws.items(OPERATIONS) if item["pk"].endswith("#done"))
        return [operation_codec.from_item(item) for item in items]

    def error_groups(self) -> list[ErrorGroup]:
        items = (item for item in self.aws.items(ROLLUPS) if item["pk"].endswith("#errors"))
        return [error_group_codec.from_item(item) for item in items]

    def leave_acceptance(self, acceptance: Acceptance) -> None:
        """Put an acceptance there with no call of ours."""
        put_item(physical(IDEMPOTENCY_KEYS), acceptance_codec.to_item(acceptance))

    def leave_failure(self, acceptance: Acceptance, run: Run, letter: DeadLetter) -> None:
        """Put a failed task there, with its letter, with no call of ours."""
        self.leave_acceptance(acceptance)
        put_item(physical(RUNS), run_codec.to_item(run))
        put_item(physical(DEAD_LETTERS), letter_codec.to_item(letter))

    def leave_switch(self, switch: Switch) -> None:
        """Put a switch there with no call of ours."""
        put_item(physical(CURSOR_STATE), state_codec.switch_to_item(switch))

    def leave_retry_cursor(self, cursor: Cursor) -> None:
        """Put there how far the retry of dead letters came when it last ran."""
        put_item(physical(CURSOR_STATE), state_codec.cursor_to_item(cursor, "retry"))

    def leave_cleanup_mark(self, mark: CleanupMark) -> None:
        """Put there what a cleaning up of before has left."""
        put_item(physical(CURSOR_STATE), cleanup_codec.to_item(mark))

    def leave_rollup(self, rollup: Rollup) -> None:
        """Put a rollup there with no call of ours."""
        put_item(physical(ROLLUPS), rollup_codec.to_item(rollup))

    def leave_object(self, name: str, *, written_ms: int, body: bytes = b"left over") -> None:
        """Put an object there with no call of ours."""
        put_object(BUCKET, name, body, written_ms=written_ms)

    def objects(self) -> list[str]:
        """The names of all objects."""
        return objects_in(BUCKET)

    def seed(self, cursor: ScheduleCursor) -> None:
        """Put a schedule's cursor there with no call of ours."""
        put_item(physical(CURSOR_STATE), schedule_codec.to_item(cursor))

    def spoil_cursor(self, cursor: ScheduleCursor) -> None:
        """Put a cursor there that no code of ours can have written, and that is due."""
        self.spoilt.add(cursor.name)
        put_item(physical(CURSOR_STATE), schedule_codec.to_item(cursor) | {"missed": {"asleep": 1}})

    def swept_up_to(self, shard: int) -> str:
        """The sweeper's position in a shard, before every trace id if it was never there."""
        items = self.aws.items(CURSOR_STATE)
        cursors = (state_codec.cursor_from_item(item) for item in items if item["pk"].endswith("#sweep"))
        return next((cursor.position for cursor in cursors if cursor.shard == shard), "")

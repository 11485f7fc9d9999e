"""Make the fires that are planned for one schedule, and move its cursor.

    accept each fire, oldest first -> move the cursor, if it is still as it was read
             ^ under its own key: whoever makes it again finds it taken, and the first decision stands

A process that dies in between leaves the cursor where it was: the next tick plans again, and what was accepted is
found. Two ticks at the same time accept each fire once, and one of them moves the cursor. If another version's tick has
begun the cursor anew meanwhile, it is told of the newest fire, which the next one may not overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.domain.fire import CONTENT_TYPE, fire_key, fire_payload, fire_scope, skipped_run
from workerflow.domain.firing import FiringPlan, MissedFire, moved, unintended
from workerflow.domain.identity import TraceId
from workerflow.domain.run import Run, RunState
from workerflow.domain.schedule import Schedule
from workerflow.domain.schedule_cursor import Missed, ScheduleCursor
from workerflow.domain.stored import StoredBytes
from workerflow.domain.task import TaskMessage
from workerflow.ports.schedules import ScheduleStore
from workerflow.ports.stores import AcceptanceStore, RunStore, Written
from workerflow.ports.world import Clock, Ids, Signals
from workerflow.services.accept_task import Accepted, KeyReused, TakeTask, TaskDraft, taken
from workerflow.services.ledger import MAX_TRIES
from workerflow.services.readable_rows import tell_unreadable_one


@dataclass(frozen=True, slots=True)
class _Fire:
    """A fire as the ledger has it. `is_new`: it was not there before."""

    trace_id: str
    skipped: bool
    is_new: bool


class _Unreadable:
    """A row that no code of ours wrote. It counts as ended, or it would hold up its schedule for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FireSchedule:
    """Carries one plan out."""

    schedules: ScheduleStore
    acceptances: AcceptanceStore
    runs: RunStore
    take: TakeTask
    clock: Clock
    ids: Ids
    signals: Signals

    def __call__(
        self, schedule: Schedule, cursor: ScheduleCursor, plan: FiringPlan, send: Callable[[TaskMessage], None]
    ) -> None:
        """Make the plan's fires and move the cursor.

        Args:
            schedule: the definition that the plan was made by.
            cursor: as it was read.
            plan: what to do.
            send: takes the message of every task that was accepted, as soon as it was.

        Raises:
            StoreUnavailableError: the cursor did not move, or nobody knows; the next tick does the rest.
        """
        last_due_ms, last = cursor.last_due_ms, cursor.last_trace_id
        overlaps = []
        for due_ms in plan.fires:
            fire = self._make(schedule, cursor.tenant, due_ms, last)
            if fire.skipped:
                overlaps.append(MissedFire(due_ms, Missed.OVERLAP))
                continue
            last_due_ms, last = due_ms, fire.trace_id
            if fire.is_new:
                self.signals.count("ScheduleFired")
                send(TaskMessage(cursor.tenant, fire.trace_id))
        missed = (*plan.missed, *overlaps)
        after = moved(
            cursor,
            missed=missed,
            next_due_ms=plan.next_due_ms,
            nonce=self.ids.nonce(),
            last_due_ms=last_due_ms,
            last_trace_id=last,
        )
        # Whoever moves the cursor counts what was missed: two ticks do not count it twice.
        if self._write(after) and (told := unintended(missed)):
            self.signals.count("FireMissed", told, schedule=schedule.name)

    def _write(self, after: ScheduleCursor) -> bool:
        """Whether the cursor moved. If another tick was first, its row stands, and learns of the newest fire."""
        wanted = after
        for _ in range(MAX_TRIES):
            outcome = self.schedules.write_cursor(wanted)
            if isinstance(outcome, Written):
                return wanted is after
            standing = outcome.current
            if standing is None or (standing.last_due_ms or 0) >= (after.last_due_ms or 0):
                return False
            wanted = standing.change(
                nonce=self.ids.nonce(), last_due_ms=after.last_due_ms, last_trace_id=after.last_trace_id
            )
        raise StoreUnavailableError("a schedule's cursor is contended")

    def _make(self, schedule: Schedule, tenant: str, due_ms: int, last: str | None) -> _Fire:
        draft = TaskDraft(
            tenant=tenant,
            source=schedule.source,
            kind="scheduled_job",
            mode="async",
            scope=fire_scope(schedule.name),
            key=fire_key(due_ms),
            body=fire_payload(schedule.name, due_ms),
            content_type=CONTENT_TYPE,
        )
        payload = StoredBytes.inlined(draft.body)
        if schedule.overlap == "skip" and last is not None and not self._has_ended(tenant, last):
            return self._decided(self._skip(draft, payload), skips=True)
        return self._decided(self.take(draft, payload), skips=False)

    def _skip(self, draft: TaskDraft, payload: StoredBytes) -> Accepted | KeyReused:
        acceptance = self.take.acceptance_of(draft, payload)
        now_ms = acceptance.accepted_at_ms
        run = skipped_run(acceptance, now_ms=now_ms, nonce=self.ids.nonce())
        return taken(acceptance, self.schedules.record_skip(acceptance, run, now_ms=now_ms))

    def _decided(self, outcome: Accepted | KeyReused, *, skips: bool) -> _Fire:
        """What holds: this decision, or that of a tick which did not live to move the cursor.

        A key that stands for another payload is a fire too: one that another version of WorkerFlow made.
        """
        trace_id = outcome.acceptance.trace_id
        if isinstance(outcome, Accepted) and not outcome.duplicate:
            return _Fire(trace_id, skipped=skips, is_new=True)
        row = self._row(outcome.acceptance.tenant, trace_id)
        return _Fire(trace_id, skipped=isinstance(row, Run) and row.state is RunState.SKIPPED, is_new=False)

    def _has_ended(self, tenant: str, trace_id: str) -> bool:
        """Whether a fire's task is over. One that is accepted and has no row is queued, until its deadline."""
        row = self._row(tenant, trace_id)
        if row is not None:
            return isinstance(row, _Unreadable) or row.is_terminal
        standing = self.acceptances.get(tenant, TraceId(trace_id).key_hash)
        return standing is None or standing.trace_id != trace_id or standing.deadline_ms <= self.clock.now_ms()

    def _row(self, tenant: str, trace_id: str) -> Run | _Unreadable | None:
        try:
            return self.runs.get(tenant, trace_id)
        except IntegrityError as error:
            tell_unreadable_one(self.signals, f"run {trace_id} of {tenant}", error)
            return _Unreadable()

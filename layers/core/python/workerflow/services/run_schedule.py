"""Run a schedule now: an operator's task beside its fires, with a reason and a trace of its own.

Its key lives in a scope of its own, so that no manual run ever takes a fire's place; asking twice with one key is one
run. The acceptance, its audit row and the order's key, if it has one, are written in one transaction: what is ordered
once more when that key is forgotten is a run of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.audit import AuditEvent
from workerflow.domain.enablement import Enablement
from workerflow.domain.fire import CONTENT_TYPE, manual_payload, manual_scope
from workerflow.domain.manifest import Manifest
from workerflow.domain.operation import OperationKey
from workerflow.domain.schedule import Schedule
from workerflow.domain.stored import StoredBytes
from workerflow.domain.task import Acceptance
from workerflow.ports.schedules import ScheduleStore
from workerflow.ports.world import Signals, TaskQueue
from workerflow.services.accept_task import Accepted, KeyReused, TakeTask, TaskDraft, send_or_leave, taken
from workerflow.services.enablement import CheckEnablement
from workerflow.services.tenants import KnownTenants


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What an operator asks for.

    Attributes:
        schedule: its name.
        key: the operator's idempotency key, 1 to 255 printable ASCII characters.
        actor: a token's name and id, never any part of the token.
        reason: why; the handler gets it in its payload.
        address: where the order came from.
        operation: under which it is remembered, instead of under `key`.
    """

    tenant: str
    schedule: str
    key: str
    actor: str
    reason: str
    address: str = ""
    operation: OperationKey | None = None


@dataclass(frozen=True, slots=True)
class NotRunnable:
    """Why not. `code` is one of: not_found, disabled, key_reused."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The run's task; `created` is False if an earlier order with the same key made it."""

    trace_id: str
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSchedule:
    """Runs one schedule now. While it is paused, the run waits like any of its tasks."""

    schedules: ScheduleStore
    manifest: Manifest
    tenants: KnownTenants
    enablement: CheckEnablement
    take: TakeTask
    queue: TaskQueue
    signals: Signals

    def __call__(self, order: RunOrder) -> RunStarted | NotRunnable:
        """Start the run, or tell which one there is already, or why there can be none.

        Raises:
            StoreUnavailableError: unknown whether it was started; the same order again finds out.
            OperationRepeatedError: another order was faster with the key.
        """
        schedule = self.manifest.schedules.get(order.schedule)
        if schedule is None or not schedule.serves(order.tenant) or self.tenants().policy_of(order.tenant) is None:
            return NotRunnable("not_found", "there is no such tenant, or it has no such schedule")
        if self.enablement(order.tenant, schedule.source) is Enablement.DISABLED:
            return NotRunnable("disabled", f"{schedule.source} is disabled")
        outcome = self._record(order, schedule)
        if isinstance(outcome, KeyReused):
            return NotRunnable("key_reused", "the key stands for a run with another reason")
        if not outcome.duplicate:
            send_or_leave(self.queue, self.signals, outcome.acceptance)
        return RunStarted(outcome.acceptance.trace_id, created=not outcome.duplicate)

    def _record(self, order: RunOrder, schedule: Schedule) -> Accepted | KeyReused:
        draft = TaskDraft(
            tenant=order.tenant,
            source=schedule.source,
            kind="scheduled_job",
            mode="async",
            scope=manual_scope(schedule.name),
            key=self._key_of(order),
            body=manual_payload(schedule.name, order.reason),
            content_type=CONTENT_TYPE,
            manual=True,
        )
        acceptance = self.take.acceptance_of(draft, StoredBytes.inlined(draft.body))
        event = _audit(order, schedule, acceptance)
        return taken(acceptance, self.schedules.record_manual(acceptance, event, now_ms=acceptance.accepted_at_ms))

    def _key_of(self, order: RunOrder) -> str:
        """The run's key. An order with a key of its own is found by that; each that is not found is another run."""
        if order.operation is None:
            return order.key
        return f"{order.operation.token_id}-{order.operation.key_digest}-{self.take.ids.nonce()}"


def _audit(order: RunOrder, schedule: Schedule, acceptance: Acceptance) -> AuditEvent:
    return AuditEvent(
        tenant=order.tenant,
        at_ms=acceptance.accepted_at_ms,
        nonce=acceptance.nonce,
        actor=order.actor,
        action="schedule.run",
        target=schedule.source,
        reason=order.reason,
        details={"run": acceptance.trace_id},
        address=order.address,
        operation=order.operation,
    )

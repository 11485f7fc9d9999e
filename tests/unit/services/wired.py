"""Every service, wired on one world in memory, and the few things that tests do to that world again and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.fakes.surroundings import InvokeCall
from tests.fakes.world import FakeWorld
from tests.support.tasks import a_manifest, an_acceptance
from tests.unit.services.tricks import TrickyRuns, failing, nothing
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.errors import PlatformError, StoreUnavailableError
from workerflow.domain.failure import Failure
from workerflow.domain.manifest import Manifest
from workerflow.domain.outcome import Execution
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import Run, RunState
from workerflow.domain.task import Acceptance, TaskMessage
from workerflow.domain.tenants import Tenants
from workerflow.ports.world import Invocation, Reached
from workerflow.services.accept_task import AcceptTask, Retention, TakeTask, TaskDraft
from workerflow.services.act_on_letter import ActOnLetter
from workerflow.services.answer_sync import AnswerSync
from workerflow.services.bulk_jobs import AbortBulk, CountBulk, StartBulk
from workerflow.services.cancel_run import CancelRun
from workerflow.services.capped_runs import CappedRuns
from workerflow.services.deliver_task import DeliverTask
from workerflow.services.drain_dead_messages import DrainDeadMessages
from workerflow.services.enablement import CheckEnablement
from workerflow.services.execute_task import ExecuteTask, ExecutionOrder
from workerflow.services.find_run import FindRun
from workerflow.services.find_scheduled_fire import FindScheduledFire
from workerflow.services.fire_schedule import FireSchedule
from workerflow.services.fire_schedules import FireSchedules
from workerflow.services.group_errors import GroupErrors
from workerflow.services.in_flight import InFlight
from workerflow.services.ledger import Ledger
from workerflow.services.list_error_groups import ListErrorGroups
from workerflow.services.once import CarryOutOnce
from workerflow.services.places import Places
from workerflow.services.read_run import ReadRun
from workerflow.services.read_schedules import ReadSchedules
from workerflow.services.reconcile_schedules import ReconcileSchedules
from workerflow.services.record_death import RecordDeath
from workerflow.services.release_due import ReleaseDue
from workerflow.services.replay_task import ReplayTask
from workerflow.services.resend import Resender, TickBudget
from workerflow.services.resolve_letter import ResolveLetter
from workerflow.services.retry_now import RetryNow
from workerflow.services.run_schedule import RunSchedule
from workerflow.services.set_switch import SetSwitch
from workerflow.services.sweep import Sweep
from workerflow.services.tell_run import TellRun
from workerflow.services.tenants import KnownTenants
from workerflow.services.tick import Tick
from workerflow.services.tick_schedules import TickSchedules
from workerflow.services.work_bulk import WorkBulk

TENANT = "default"
OWNER = "the-consumer"
REMAINING_MS = 270_000
LEASE_MS = 285_000
WAIT_SECONDS = 280.0
RETRYABLE = Failure("retryable", "ConnectionError", "no route to host")
PERMANENT = Failure("permanent", "PermanentError", "no such customer")
BIG_BODY = b'{"d":"%s"}' % Random(1).randbytes(10_000).hex().encode()  # noqa: S311 - the same in every run
"""20 KB of JSON that do not compress to 8 KiB: an object, not a part of the item."""
RETENTION = Retention(retention_seconds=30 * 24 * 3600, deadline_seconds=24 * 3600)


@dataclass
class Wired:
    """One world with all services on it. Services are made when they are asked for: they keep nothing but caches."""

    manifest: Manifest = field(default_factory=a_manifest)
    world: FakeWorld = field(default_factory=FakeWorld)

    def __post_init__(self) -> None:
        self.memory, self.clock = self.world.memory, self.world.clock
        self.queue, self.signals, self.ids = self.world.queue, self.world.signals, self.world.ids
        self.runs = TrickyRuns(self.memory)
        self.resender = Resender(self.queue, self.signals)
        # One for all, as in a container that stays warm.
        self.enablement = CheckEnablement(manifest=self.manifest, switches=self.world.switches, clock=self.clock)
        self.known_tenants = KnownTenants(store=self.world.tenants, clock=self.clock, faults=self.signals)
        self.tenants = Tenants()
        self.reconcile = ReconcileSchedules(
            schedules=self.world.schedules,
            find_fire=FindScheduledFire(acceptances=self.world.acceptances, runs=self.runs, signals=self.world.signals),
            manifest=self.manifest,
            clock=self.clock,
            ids=self.ids,
            signals=self.signals,
        )

    # The services.

    @property
    def ledger(self) -> Ledger:
        return Ledger(runs=self.runs, acceptances=self.world.acceptances, clock=self.clock, ids=self.ids)

    @property
    def tell_run(self) -> TellRun:
        return TellRun(runs=self.runs, blobs=self.world.blobs, clock=self.clock)

    @property
    def accept(self) -> AcceptTask:
        return AcceptTask(
            acceptances=self.world.acceptances,
            blobs=self.world.blobs,
            queue=self.queue,
            clock=self.clock,
            ids=self.ids,
            signals=self.signals,
            retention=RETENTION,
        )

    @property
    def execute(self) -> ExecuteTask:
        return ExecuteTask(
            runs=self.runs,
            blobs=self.world.blobs,
            ledger=self.ledger,
            tell_run=self.tell_run,
            enablement=self.enablement,
            in_flight=self.in_flight,
            manifest=self.manifest,
            runner=self.world.runner,
            ids=self.ids,
        )

    @property
    def places(self) -> Places:
        return Places(known=self.known_tenants, slots=self.world.slots, clock=self.clock, ids=self.ids)

    @property
    def capped(self) -> CappedRuns:
        return CappedRuns(
            runs=self.runs,
            enablement=self.enablement,
            ledger=self.ledger,
            manifest=self.manifest,
            places=self.places,
            queue=lambda: self.queue,
        )

    @property
    def in_flight(self) -> InFlight:
        return InFlight(places=self.places, capped=self.capped, faults=self.signals)

    @property
    def record_death(self) -> RecordDeath:
        return RecordDeath(
            runs=self.runs, ledger=self.ledger, tell_run=self.tell_run, manifest=self.manifest, ids=self.ids
        )

    @property
    def deliver(self) -> DeliverTask:
        return DeliverTask(
            invoker=self.world.invoker, record_death=self.record_death, ids=self.ids, wait_seconds=WAIT_SECONDS
        )

    @property
    def answer_sync(self) -> AnswerSync:
        return AnswerSync(
            invoker=self.world.invoker,
            queue=self.queue,
            ledger=self.ledger,
            record_death=self.record_death,
            tell_run=self.tell_run,
            ids=self.ids,
        )

    @property
    def read_run(self) -> ReadRun:
        return ReadRun(acceptances=self.world.acceptances, runs=self.runs, tell_run=self.tell_run, clock=self.clock)

    @property
    def sweep(self) -> Sweep:
        return Sweep(
            acceptances=self.world.acceptances,
            runs=self.runs,
            cursors=self.world.cursors,
            ledger=self.ledger,
            manifest=self.manifest,
            resender=self.resender,
            clock=self.clock,
            ids=self.ids,
            signals=self.signals,
        )

    @property
    def release_due(self) -> ReleaseDue:
        return ReleaseDue(
            runs=self.runs,
            switches=self.world.switches,
            enablement=self.enablement,
            ledger=self.ledger,
            capped=self.capped,
            manifest=self.manifest,
            resender=self.resender,
            clock=self.clock,
            signals=self.signals,
        )

    @property
    def drain(self) -> DrainDeadMessages:
        return DrainDeadMessages(
            messages=self.world.dead_messages,
            runs=self.runs,
            ledger=self.ledger,
            manifest=self.manifest,
            audit=self.world.audit,
            clock=self.clock,
            ids=self.ids,
            signals=self.signals,
        )

    @property
    def replay(self) -> ReplayTask:
        return ReplayTask(
            acceptances=self.world.acceptances,
            runs=self.runs,
            replays=self.world.replays,
            blobs=self.world.blobs,
            queue=self.queue,
            enablement=self.enablement,
            manifest=self.manifest,
            tenants=self.known_tenants,
            schemas=self.world.schemas,
            clock=self.clock,
            ids=self.ids,
            signals=self.signals,
            retention=RETENTION,
            operations=self.world.operations,
        )

    @property
    def set_switch(self) -> SetSwitch:
        return SetSwitch(
            switches=self.world.switches,
            manifest=self.manifest,
            tenants=self.known_tenants,
            clock=self.clock,
            ids=self.ids,
            operations=self.world.operations,
        )

    @property
    def find_run(self) -> FindRun:
        return FindRun(acceptances=self.world.acceptances, runs=self.runs, clock=self.clock)

    @property
    def cancel_run(self) -> CancelRun:
        return CancelRun(find_run=self.find_run, ledger=self.ledger, operations=self.world.operations)

    @property
    def retry_now(self) -> RetryNow:
        return RetryNow(find_run=self.find_run, ledger=self.ledger, queue=self.queue, signals=self.signals)

    @property
    def resolve_letter(self) -> ResolveLetter:
        return ResolveLetter(
            replays=self.world.replays, clock=self.clock, ids=self.ids, operations=self.world.operations
        )

    @property
    def once(self) -> CarryOutOnce:
        return CarryOutOnce(operations=self.world.operations, clock=self.clock)

    @property
    def take_task(self) -> TakeTask:
        return TakeTask(acceptances=self.world.acceptances, clock=self.clock, ids=self.ids, retention=RETENTION)

    @property
    def fire_due(self) -> FireSchedules:
        return FireSchedules(
            schedules=self.world.schedules,
            fire=FireSchedule(
                schedules=self.world.schedules,
                acceptances=self.world.acceptances,
                runs=self.runs,
                take=self.take_task,
                clock=self.clock,
                ids=self.ids,
                signals=self.signals,
            ),
            enablement=self.enablement,
            manifest=self.manifest,
            resender=self.resender,
            clock=self.clock,
            signals=self.signals,
            faults=self.world.faults,
        )

    @property
    def fire_schedules(self) -> TickSchedules:
        return TickSchedules(
            schedules=self.world.schedules,
            reconcile=self.reconcile,
            fire=self.fire_due,
            clock=self.clock,
            ids=self.ids,
            signals=self.signals,
        )

    @property
    def run_schedule(self) -> RunSchedule:
        return RunSchedule(
            schedules=self.world.schedules,
            manifest=self.manifest,
            tenants=self.known_tenants,
            enablement=self.enablement,
            take=self.take_task,
            queue=self.queue,
            signals=self.signals,
        )

    @property
    def read_schedules(self) -> ReadSchedules:
        return ReadSchedules(
            schedules=self.world.schedules, manifest=self.manifest, enablement=self.enablement, clock=self.clock
        )

    @property
    def count_bulk(self) -> CountBulk:
        return CountBulk(jobs=self.world.bulk, replays=self.world.replays, clock=self.clock, ids=self.ids)

    @property
    def start_bulk(self) -> StartBulk:
        return StartBulk(jobs=self.world.bulk, clock=self.clock, ids=self.ids)

    @property
    def abort_bulk(self) -> AbortBulk:
        return AbortBulk(jobs=self.world.bulk, clock=self.clock, ids=self.ids)

    @property
    def work_bulk(self) -> WorkBulk:
        return WorkBulk(
            jobs=self.world.bulk,
            replays=self.world.replays,
            act=ActOnLetter(replay=self.replay, resolve=self.resolve_letter),
            clock=self.clock,
            ids=self.ids,
            signals=self.signals,
        )

    @property
    def group_errors(self) -> GroupErrors:
        return GroupErrors(
            groups=self.world.error_groups,
            replays=self.world.replays,
            clock=self.clock,
            ids=self.ids,
            signals=self.signals,
        )

    @property
    def list_error_groups(self) -> ListErrorGroups:
        return ListErrorGroups(groups=self.world.error_groups, replays=self.world.replays, clock=self.clock)

    @property
    def tick(self) -> Tick:
        return Tick(
            tenants=lambda: self.tenants,
            fire_schedules=self.fire_schedules,
            drain=self.drain,
            release_due=self.release_due,
            sweep=self.sweep,
            work_bulk=self.work_bulk,
            group_errors=self.group_errors,
            replays=self.world.replays,
            clock=self.clock,
            signals=self.signals,
            faults=self.world.faults,
        )

    # What tests do.

    def take(self, key: str = "key-1", **changes: Any) -> Acceptance:
        """A task that was accepted now, and whose message nobody has."""
        acceptance = an_acceptance(key, **{"accepted_at_ms": self.clock.ms} | changes)
        self.memory.acceptances[acceptance.tenant, acceptance.key_hash] = acceptance
        return acceptance

    def row(self, task: Acceptance | str) -> Run:
        """The task's row as it stands."""
        trace_id = task if isinstance(task, str) else task.trace_id
        return self.memory.runs[TENANT, trace_id]

    def keep(self, run: Run) -> Run:
        """Let a row stand."""
        self.memory.runs[run.tenant, run.trace_id] = run
        return run

    def letter(self, task: Acceptance | str) -> DeadLetter | None:
        """The task's dead letter."""
        trace_id = task if isinstance(task, str) else task.trace_id
        return self.memory.letters.get((TENANT, trace_id))

    def order(self, task: Acceptance, *, owner: str = OWNER, for_caller: bool = False) -> ExecutionOrder:
        """An invoker's order to execute the task."""
        return ExecutionOrder(message_of(task), owner, for_caller, REMAINING_MS)

    def run_once(self, task: Acceptance, *, owner: str = OWNER, for_caller: bool = False) -> Execution:
        """Invoke `workflow` for the task."""
        return self.execute(self.order(task, owner=owner, for_caller=for_caller))

    def invoke_in_process(self) -> None:
        """Let the invoker reach `workflow`."""

        def answer(call: InvokeCall) -> Invocation:
            order = ExecutionOrder(call.message, call.owner, call.for_caller, REMAINING_MS)
            return Reached(self.execute(order))

        self.world.invoker.answer = answer

    def handler_returns(self, outcome: HandlerOutput | Failure) -> None:
        """Let every handler end like this."""
        self.world.runner.handler = lambda _call: outcome

    def running(self, task: Acceptance, *, attempt: int = 1, owner: str = "another") -> Run:
        """Let another worker hold a fresh lease on the task."""
        now_ms = self.clock.ms
        return self.keep(
            Run.of_task(task).change(
                nonce="claim",
                now_ms=now_ms,
                state=RunState.RUNNING,
                attempt=attempt,
                owner=owner,
                claim="claim",
                claimed_at_ms=now_ms,
                lease_until_ms=now_ms + LEASE_MS,
            )
        )

    def queued(self, task: Acceptance, *, due_in_seconds: float = 0) -> Run:
        """Let the task have a row that is due."""
        due_at_ms = self.clock.ms + round(due_in_seconds * 1000)
        return self.keep(
            Run.of_task(task).change(nonce="q", now_ms=self.clock.ms, state=RunState.QUEUED, due_at_ms=due_at_ms)
        )

    def switch(self, state: Enablement, source: str = "route:echo") -> None:
        """Set a switch, and let every cache notice."""
        before = self.memory.switches.get((TENANT, source))
        version = before.version + 1 if before else 1
        resumed_at_ms = self.clock.ms if before and state is Enablement.ENABLED else None
        self.memory.switches[TENANT, source] = Switch(
            TENANT, source, state, "because", "ops", self.clock.ms, version, f"switch-{version}", resumed_at_ms
        )
        self.enablement._cache.clear()

    def refuse(
        self, name: str, times: int = 1, *, after: int = 0, error: type[PlatformError] = StoreUnavailableError
    ) -> None:
        """Let `times` calls of a port fail before they are applied, `after` more calls of it have passed."""
        self.memory.before = failing(name, range(after, after + times), error)

    def lose_answer(self, name: str, *, after: int = 0) -> None:
        """Let a call of a port be applied and its answer be lost, `after` more calls of it have passed."""
        self.memory.after = failing(name, range(after, after + 1), StoreUnavailableError)

    def meanwhile(self, name: str, happens: Callable[[], object], times: int = 1) -> None:
        """Let something happen right before each of the next `times` calls of a port."""
        left = times

        def before(called: str) -> None:
            nonlocal left
            if called == name and left > 0:
                left -= 1
                hook, self.memory.before = self.memory.before, nothing
                happens()
                self.memory.before = hook

        self.memory.before = before

    def order_of(self, *names: str) -> list[str]:
        """The calls of these ports so far, in order."""
        return [call for call in self.memory.calls if call in names]


def a_budget(wired: Wired, *, resends: int = 1_000, seconds: float = 50.0) -> TickBudget:
    return TickBudget(wired.clock.ms + round(seconds * 1000), resends)


def message_of(task: Acceptance) -> TaskMessage:
    return TaskMessage(task.tenant, task.trace_id)


def a_draft(**changes: Any) -> TaskDraft:
    """A call of `route:echo`."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "source": "route:echo",
        "kind": "http_route",
        "mode": "async",
        "scope": "route:echo",
        "key": "key-1",
        "body": b'{"n":1}',
        "content_type": "application/json",
    }
    return TaskDraft(**fields | changes)

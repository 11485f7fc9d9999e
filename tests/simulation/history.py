"""One random life of one task: deliveries, ticks, deaths and orders, interleaved; then the world goes on to its rest.

Everything is drawn from the seed, so that a failing history can be looked at again:

    PYTHONPATH=.:layers/core/python python -m tests.simulation.history SEED
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Self

from tests.fakes.surroundings import FakeClock, FakeIds, FakeSignals, FakeTaskQueue
from tests.fakes.world import FakeWorld
from tests.simulation.interleaver import Interleaver
from tests.support.aws import AwsWorld
from tests.support.tasks import NOW_MS, POLICY, a_manifest, an_acceptance
from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.errors import TaskCancelledError
from workerflow.domain.failure import Failure
from workerflow.domain.operation import OperationKey
from workerflow.domain.outcome import Execution
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import AttemptResult, Run, RunState
from workerflow.domain.task import Acceptance, TaskMessage
from workerflow.domain.tenants import TenantPolicy, Tenants
from workerflow.domain.transitions import LEASE_MARGIN_S
from workerflow.ports.operations import OperationStore
from workerflow.ports.stores import (
    AcceptanceStore,
    BlobStore,
    Conflict,
    CursorStore,
    ReplayStore,
    RunStore,
    SwitchStore,
    Written,
)
from workerflow.ports.tenants import Slot, SlotStore, TenantsDocument, TenantsStore
from workerflow.ports.world import Died, HandlerCall, Invocation, NoAnswer, Reached
from workerflow.services.cancel_run import CancelOrder, CancelRun
from workerflow.services.capped_runs import CappedRuns
from workerflow.services.deliver_task import DeliverTask, ReturnAfter
from workerflow.services.enablement import CheckEnablement
from workerflow.services.execute_task import ExecuteTask, ExecutionOrder
from workerflow.services.find_run import FindRun
from workerflow.services.in_flight import InFlight
from workerflow.services.ledger import Ledger
from workerflow.services.once import CarriedOut, CarryOutOnce
from workerflow.services.places import Places
from workerflow.services.record_death import RecordDeath
from workerflow.services.release_due import ReleaseDue
from workerflow.services.resend import Resender, TickBudget
from workerflow.services.retry_now import RetryNow, RetryOrder
from workerflow.services.sweep import Sweep
from workerflow.services.tell_run import TellRun
from workerflow.services.tenants import KnownTenants

TENANT = "default"
REMAINING_MS = 270_000
LEASE_MS = REMAINING_MS + LEASE_MARGIN_S * 1000
ROUNDS = 60
"""Of the world going on: each leaps to the next due time, so that this is far beyond any deadline."""

MESSAGE_LOSS = 0.1
"""Far above any queue's: the ledger alone must suffice to find a task."""

BEHAVIOURS = ("succeed", "succeed", "retry", "retry", "retry_late", "heed", "fail", "die", "vanish")
"""What a handler does: `heed` gives up where it was asked to, `die` is seen by its invoker, `vanish` by nobody."""


GIVES_UP = Failure.from_exception(TaskCancelledError("an operator cancelled the task"))


class WorkerDeathError(BaseException):
    """The worker's process ended."""


@dataclass(frozen=True, slots=True)
class Stores:
    """The durable part of the world, in memory or on AWS's shape."""

    acceptances: AcceptanceStore
    runs: RunStore
    replays: ReplayStore
    switches: SwitchStore
    cursors: CursorStore
    blobs: BlobStore
    tenants: TenantsStore
    slots: SlotStore
    operations: OperationStore

    @classmethod
    def of(cls, world: FakeWorld | AwsWorld) -> Self:
        """The stores of a world."""
        return cls(
            acceptances=world.acceptances,
            runs=world.runs,
            replays=world.replays,
            switches=world.switches,
            cursors=world.cursors,
            blobs=world.blobs,
            tenants=world.tenants,
            slots=world.slots,
            operations=world.operations,
        )


def stores_in_memory() -> Stores:
    """Fresh stores in memory."""
    return Stores.of(FakeWorld())


@dataclass(frozen=True, slots=True)
class Story:
    """What came out; equal for equal seeds, whatever the stores are."""

    run: Run
    letter: DeadLetter | None
    starts: tuple[tuple[int, str], ...]
    states_written: tuple[str, ...]
    answers: tuple[str, ...]
    steps: int


@dataclass(slots=True)
class WatchedRuns:
    """The run store, watched: every write that was applied is held against the promise."""

    store: RunStore
    clock: FakeClock
    written: list[Run] = field(default_factory=list)
    alive: set[int] = field(default_factory=set)
    """Attempts whose handlers run at this moment."""

    def write(self, run: Run, **with_it: Any) -> Written | Conflict[Run]:
        outcome = self.store.write(run, **with_it)
        if isinstance(outcome, Written):
            self._check(run)
            self.written.append(run)
        return outcome

    def _check(self, run: Run) -> None:
        ended = [one for one in self.written if one.is_terminal]
        assert not ended, f"{run.state} was written over {ended[-1].state}"
        if run.state is RunState.SUCCEEDED:
            own = HandlerOutput.decode(run.output or b"").document()["attempt"]
            assert own == run.attempt, f"attempt {own} recorded its output as that of attempt {run.attempt}"
        if run.history and run.history[-1].result in {AttemptResult.CRASH, AttemptResult.TIMEOUT}:
            dead = run.history[-1].number
            assert not self.holds_lease(dead), f"attempt {dead} was recorded as dead while it worked"

    def holds_lease(self, attempt: int) -> bool:
        """Whether the handler of an attempt is running now, within the lease of its claim."""
        leases = [run.lease_until_ms or 0 for run in self.written if run.attempt == attempt and run.claim]
        return attempt in self.alive and max(leases, default=0) > self.clock.ms

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class History:
    """One history, from its seed."""

    def __init__(self, seed: int, stores: Stores) -> None:
        self.chance = Random(seed)  # noqa: S311 - a history must be repeatable
        self.stores = stores
        self.clock = FakeClock(NOW_MS)
        self.ids = FakeIds()
        self.queue = FakeTaskQueue(FakeWorld().memory)
        self.interleaver = Interleaver(self.chance, self._let_time_pass)
        self.runs = WatchedRuns(stores.runs, self.clock)
        self.manifest = a_manifest()
        self.signals = FakeSignals()
        self.behaviours = [self.chance.choice(BEHAVIOURS) for _ in range(self.chance.randint(0, 4))]
        self.starts: list[tuple[int, str]] = []
        self.answers: list[str] = []
        self.acceptance: Acceptance = an_acceptance(accepted_at_ms=NOW_MS)
        self.message = TaskMessage(TENANT, self.acceptance.trace_id)
        self._wire(self.interleaver.wrap)

    def play(self) -> Story:
        """Play it to the end and tell what came out; AssertionError names a broken promise."""
        assert self.stores.acceptances.put(self.acceptance, now_ms=NOW_MS) == Written()
        self._cap()
        self.interleaver.run(self._cast())
        for _ in range(ROUNDS):
            if self._at_rest():
                break
            self._go_on()
        return self._told()

    def _cap(self) -> None:
        """Every second tenant has a cap of one; and of these, every second time somebody is there already."""
        capped, occupied, seconds = self.chance.random() < 0.5, self.chance.random() < 0.5, self.chance.uniform(0, 400)
        if not capped:
            return
        text = Tenants.of({TENANT: TenantPolicy(max_in_flight=1)}).to_text()
        audit = AuditEvent(TENANT, NOW_MS, "n", "ops", "tenants.published", "tenants:1")
        assert self.stores.tenants.publish(TenantsDocument(text, 1, "n"), audit) == Written()
        if occupied:
            assert self.stores.slots.take(Slot(TENANT, 0, "another", NOW_MS + round(seconds * 1000)), now_ms=NOW_MS)

    def _cast(self) -> Sequence[Callable[[], object]]:
        deliveries = self.chance.randint(0, 3)
        ticks = self.chance.randint(0, 3)
        orders: list[Callable[[], object]] = [self._cancel] * self.chance.choice((0, 0, 1, 2))
        orders += [self._retry] * self.chance.choice((0, 0, 0, 1))
        return [lambda: self._deliver(1)] * deliveries + [self._tick] * ticks + orders

    def _wire(self, wrap: Callable[[Any], Any]) -> None:
        runs, acceptances, blobs = wrap(self.runs), wrap(self.stores.acceptances), wrap(self.stores.blobs)
        switches, cursors = wrap(self.stores.switches), wrap(self.stores.cursors)
        ledger = Ledger(runs=runs, acceptances=acceptances, clock=self.clock, ids=self.ids)
        tell_run = TellRun(runs=runs, blobs=blobs, clock=self.clock)
        enablement = CheckEnablement(manifest=self.manifest, switches=switches, clock=self.clock)
        shared: dict[str, Any] = {"runs": runs, "ledger": ledger, "manifest": self.manifest}
        queue = wrap(self.queue)
        places = Places(
            known=KnownTenants(store=wrap(self.stores.tenants), clock=self.clock, faults=self.signals),
            slots=wrap(self.stores.slots),
            clock=self.clock,
            ids=self.ids,
        )
        capped = CappedRuns(**shared, enablement=enablement, places=places, queue=lambda: queue)
        self.execute = ExecuteTask(
            **shared,
            blobs=blobs,
            tell_run=tell_run,
            enablement=enablement,
            in_flight=InFlight(places=places, capped=capped, faults=self.signals),
            runner=self,
            ids=self.ids,
        )
        self.deliver = DeliverTask(
            invoker=self,
            record_death=RecordDeath(**shared, tell_run=tell_run, ids=self.ids),
            ids=self.ids,
            wait_seconds=280,
        )
        ticking: dict[str, Any] = shared | {
            "resender": Resender(queue, self.signals),
            "clock": self.clock,
            "signals": self.signals,
        }
        find_run = FindRun(acceptances=acceptances, runs=runs, clock=self.clock)
        operations = wrap(self.stores.operations)
        self.once = CarryOutOnce(operations=operations, clock=self.clock)
        self.cancel_run = CancelRun(find_run=find_run, ledger=ledger, operations=operations)
        self.retry_now = RetryNow(find_run=find_run, ledger=ledger, queue=queue, signals=self.signals)
        self.release_due = ReleaseDue(**ticking, switches=switches, enablement=enablement, capped=capped)
        self.sweep = Sweep(**ticking, acceptances=acceptances, cursors=cursors, ids=self.ids)

    # The world that the services see: invoker and runner.

    def invoke(self, message: TaskMessage, *, owner: str, for_caller: bool, wait_seconds: float) -> Invocation:
        del wait_seconds
        order = ExecutionOrder(message, owner, for_caller=for_caller, remaining_ms=REMAINING_MS)
        try:
            execution: Execution = self.execute(order)
        except WorkerDeathError as death:
            return NoAnswer() if death.args[0] == "vanish" else Died(str(death.args[0]))
        return Reached(execution)

    def run(self, call: HandlerCall) -> HandlerOutput | Failure:
        self._check_start(call)
        behaviour = self.behaviours.pop(0) if self.behaviours else "succeed"
        self.starts.append((call.attempt, behaviour))
        self.runs.alive.add(call.attempt)
        self.interleaver.pause()
        self.interleaver.pause()
        self.runs.alive.discard(call.attempt)
        match behaviour:
            case "succeed":
                return HandlerOutput("document", b'{"attempt":%d}' % call.attempt)
            case "retry":
                return Failure("retryable", "ConnectionError", "no route")
            case "retry_late":
                return Failure("retryable", "TooManyRequests", "later", retry_after_seconds=600.0)
            case "heed":
                return GIVES_UP if call.is_cancelled() else Failure("retryable", "ConnectionError", "no route")
            case "fail":
                return Failure("permanent", "PermanentError", "no such customer")
            case _:
                raise WorkerDeathError(behaviour)

    def _check_start(self, call: HandlerCall) -> None:
        states = [run.state for run in self.runs.written]
        assert RunState.SUCCEEDED not in states, "a handler was started after a recorded success"
        asked = [run for run in self.runs.written if run.cancel_asked_at_ms is not None]
        assert not asked, "a handler was started of a task that was to be cancelled"
        assert call.attempt > max((attempt for attempt, _ in self.starts), default=0), "an attempt was begun twice"
        assert call.attempt <= POLICY.max_attempts, "more attempts than the policy allows"
        others = [attempt for attempt in self.runs.alive if self.runs.holds_lease(attempt)]
        assert not others, f"attempt {call.attempt} began while {others} held a live lease"

    # What goes on.

    def _deliver(self, receives: int) -> None:
        delivery = self.deliver(self.message, receives=receives)
        if isinstance(delivery, ReturnAfter) and self.chance.random() > MESSAGE_LOSS:
            self.queue.messages.append(self.message)

    def _cancel(self) -> None:
        """An order to cancel it. The second one has the same key: it is the same order, sent again."""
        key = OperationKey.of("token", "cancel", "cancel")
        order = CancelOrder(TENANT, self.acceptance.trace_id, "ops", "a mistake", operation=key)
        outcome = self.once(TENANT, key, lambda: self.cancel_run(order))
        if isinstance(outcome, CarriedOut):
            self.answers.append(outcome.operation.details["after"])

    def _retry(self) -> None:
        self.retry_now(RetryOrder(TENANT, self.acceptance.trace_id, "ops", "it is back"))

    def _tick(self) -> None:
        for part in (self.release_due, self.sweep):
            part([TENANT], TickBudget(self.clock.now_ms() + 50_000, 1000))

    def _let_time_pass(self) -> None:
        kind = self.chance.random()
        self.clock.advance(self.chance.uniform(0, 1 if kind < 0.6 else 60 if kind < 0.9 else 500))

    def _go_on(self) -> None:
        run = self.runs.get(TENANT, self.acceptance.trace_id)
        due_ms = run.due_at_ms if run and run.due_at_ms and not run.capped else 0
        self.clock.ms = max(self.clock.ms + 301_000, due_ms)
        self._tick()
        messages, self.queue.messages = self.queue.messages, []
        for message in messages:
            assert message == self.message
            self._deliver(2)

    def _at_rest(self) -> bool:
        run = self.runs.get(TENANT, self.acceptance.trace_id)
        return run is not None and run.is_terminal and not self.queue.messages

    def _told(self) -> Story:
        run = self.runs.get(TENANT, self.acceptance.trace_id)
        assert run is not None, "the task was lost"
        assert run.is_terminal, f"the task does not end: {run.state}"
        assert not self.signals.told, self.signals.told
        held = (slot for slot in self.stores.slots.held(TENANT) if slot.holder != "another")
        kept = [slot for slot in held if slot.until_ms > self.clock.ms + LEASE_MS]
        assert not kept, f"nobody frees {kept}"
        letter = self.stores.replays.get_letter(TENANT, run.trace_id)
        assert (letter is not None) == (run.state is RunState.FAILED), "letters and failed runs do not match"
        states = Counter(one.state for one in self.runs.written)
        assert sum(states[state] for state in RunState if state.is_terminal) == 1, states
        assert len(set(self.answers)) <= 1, f"one order, several answers: {self.answers}"
        if "cancelled" in self.answers:
            assert run.state is RunState.CANCELLED, f"the answer was that it is cancelled, and it is {run.state}"
        if "cancelling" in self.answers:
            assert run.state in {RunState.CANCELLED, RunState.SUCCEEDED}, f"it was to be cancelled, and is {run.state}"
        return Story(
            run,
            letter,
            tuple(self.starts),
            tuple(one.state.value for one in self.runs.written),
            tuple(self.answers),
            self.interleaver.steps,
        )


def main(arguments: Sequence[str]) -> None:
    """Play one seed and print its story."""
    print(History(int(arguments[0]), stores_in_memory()).play())  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])

"""The whole system in one process: the four functions as they are wired, on moto, with time in the test's hand.

    caller --> ingress --> queue --> consumer --> workflow --> handler (a script)
    operator (replay, switches)          scheduler: a tick when there is something for it

Each function is a process that may die at any AWS call. What follows is what would follow on AWS: a caller that saw no
answer calls again with its key, a message that was not deleted comes back, the death of `workflow` is a function error
to its invoker, the next tick does what the last one did not. Time passes with every call, and leaps when all wait.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from functions.consumer import handler as consumer_handler
from functions.ingress import handler as ingress_handler
from tests.fakes.surroundings import FakeClock, FakeSecrets
from tests.support.applied import Books
from tests.support.aws import AwsWorld
from tests.support.callers import SECRET, SECRET_NAME, Answer, Caller, read_event
from tests.support.faults import Call, Fault, Line, ProcessDied, Request
from tests.support.kept import Kept
from tests.support.lambda_process import LambdaProcess, Suspended
from tests.support.processes import QUIET_LOGGER, Processes
from tests.support.quick_moto import (
    answer_directly,
    clear_data,
    delete,
    drop_all,
    move_all,
    put,
    queue_of,
    queues_on,
    quick_moto,
    receive,
    send_unsigned,
)
from tests.support.script import Behaviour, Dies, Overruns, Script, ScriptedHandlers, Slow, Start, Vanishes
from tests.support.tasks import a_route
from workerflow.domain.bulk import BulkState
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.identity import DEFAULT_TENANT, shard_of
from workerflow.domain.manifest import Manifest
from workerflow.domain.retry import RetryPolicy
from workerflow.domain.run import Run
from workerflow.domain.source import Source
from workerflow.domain.task import TaskMessage
from workerflow.domain.tenants import TenantPolicy, Tenants
from workerflow.handlers import Context
from workerflow.runtime.handler_runner import ProcessRunner
from workerflow.services.execute_task import ExecutionOrder
from workerflow.services.publish_tenants import PublishedMeanwhile, TenantsOrder
from workerflow.services.replay_task import Replayed, ReplayOrder
from workerflow.services.run_schedule import RunOrder, RunStarted
from workerflow.services.set_switch import SwitchOrder
from workerflow.services.sweep import GRACE_S

START_MS = 1_764_000_000_000
CALL_MS = 7
"""What an AWS call takes."""
VISIBILITY_S = 360
REMAINING_MS = 270_000
MINUTE_MS = 60_000
FORESEEN_MS = 3 * 24 * 3600 * 1000
INGRESS_WAIT_S = 27.0
CONSUMER_WAIT_S = 280.0
ROUNDS = 300
"""More than any story needs: a world that is not at rest by then never will be."""

RETRY = RetryPolicy(max_attempts=5, base_seconds=2.0, cap_seconds=60.0)
MANIFEST = Manifest.build(
    [
        a_route("work", retry=RETRY),
        a_route("ask", mode="sync", retry=RETRY),
        a_route("brittle", retry=RetryPolicy(max_attempts=1)),
        a_route("thrice", retry=RetryPolicy(max_attempts=3, base_seconds=2.0, cap_seconds=60.0)),
    ]
)

_CLOCK = FakeClock(START_MS)
"""One clock for all histories of a process: moto's queues are bound to it."""


_READ_NOTHING: set[int] = set()


@dataclass(frozen=True, slots=True)
class Story:
    """Which call fails, and how; none does without a fault."""

    number: int = 0
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class _Unseen:
    """An attempt that goes on, and nobody waits for it; the platform lets its process live until `alive_until_ms`."""

    trace_id: str
    wake_ms: int
    alive_until_ms: int
    suspended: Suspended


class World:
    """One history, on an AWS that is emptied for it. `watch` is told of every call as it begins.

    Attributes:
        struck: the call that failed.
        books: what was applied.
        kept: what stands in the tables.
        broken: promises that were broken on the way, in words.
        read_nothing: numbers of the calls that looked into a table or an index and found it empty.
    """

    def __init__(
        self,
        aws: AwsWorld,
        script: Script = Script(),  # noqa: B008 - a value
        story: Story = Story(),
        watch: Callable[[Call], None] = lambda _call: None,
        manifest: Manifest = MANIFEST,
    ) -> None:
        clear_data()
        self.aws, self.line = aws, aws.line
        self.kept = Kept(aws)
        self.books = Books()
        self.struck: Call | None = None
        self.callers: list[Caller] = []
        self.broken: list[str] = []
        self.clock = _CLOCK
        self.clock.ms = self._ticked_ms = START_MS
        self._story, self._watch = story, watch
        self.read_nothing = _READ_NOTHING
        self.read_nothing.clear()
        self._unseen: list[_Unseen] = []
        self._attach()
        self.handlers = ScriptedHandlers(script, self._acts(), self._look_at_start)
        self.handlers.real = self._built_in()
        self.manifest = manifest
        self.processes = Processes(aws, manifest, self.clock, self._runner())

    @property
    def seconds(self) -> float:
        """How long the history has taken so far."""
        return (self.clock.ms - START_MS) / 1000

    def _attach(self) -> None:
        self.line.reset()
        answer_directly(self.line)
        self.line.choose = self._choose
        self.line.witness = self.books
        self.line.stand_in("lambda.Invoke", self._invoke)

    def _runner(self) -> ProcessRunner:
        return ProcessRunner(load=self.handlers.load, clock=self.clock, secrets=FakeSecrets(), logger=QUIET_LOGGER)

    def _choose(self, call: Call) -> Fault | None:
        self.clock.ms += CALL_MS
        self._watch(call)
        if call.number != self._story.number or self._story.fault is None:
            return None
        self.struck = call
        return self._story.fault

    # What people do.

    def call(
        self, key: str = "key-1", *, route: str = "work", body: bytes = b'{"n":1}', returns: bool = True
    ) -> Caller:
        """Somebody calls, and again if need be, unless it is one that never returns."""
        caller = Caller(route, key, body, returns)
        self.callers.append(caller)
        self._call(caller)
        return caller

    def _call(self, caller: Caller) -> None:
        caller.hear(self._ask_ingress(caller.event()), self.clock.ms)

    def hear_out(self) -> None:
        """Let callers call again until they are content, while nothing else happens."""
        while waiting := [caller for caller in self.callers if caller.calls_again_ms is not None]:
            for caller in waiting:
                self.clock.ms = max(self.clock.ms, caller.calls_again_ms or 0)
                self._call(caller)

    def read_run(self, trace_id: str) -> Answer | None:
        """Somebody asks for a run."""
        return self._ask_ingress(read_event(trace_id))

    def _ask_ingress(self, event: dict[str, Any]) -> Answer | None:
        try:
            answer = ingress_handler._answer(self.processes.ingress, event, "request-1", lambda: INGRESS_WAIT_S)
        except ProcessDied:
            self.processes.start_ingress()
            return None
        return Answer.read(answer.response.to_dict())

    def replay(self, trace_id: str, *, edited_body: bytes | None = None, new_effects: bool = False) -> str:
        """The operator replays a task, asking again until there is an answer; the child's trace id."""
        order = ReplayOrder(
            DEFAULT_TENANT, trace_id, "token:ops", "fixed", edited_body=edited_body, new_effects=new_effects
        )
        outcome = self._until_answered(lambda: self.processes.replay(order))
        assert isinstance(outcome, Replayed), outcome
        return outcome.child

    def set_switch(self, state: Enablement, *, source: str = "route:work") -> None:
        """The operator sets a switch, asking again until there is an answer."""
        order = SwitchOrder(DEFAULT_TENANT, source, state, "token:ops", "maintenance")
        assert self._until_answered(lambda: self.processes.set_switch(order)) is not None

    def run_schedule(self, schedule: str, key: str) -> str:
        """The operator runs a schedule, asking again until there is an answer; the run's trace id."""
        order = RunOrder(DEFAULT_TENANT, schedule, key, "token:ops", "the numbers were wrong")
        outcome = self._until_answered(lambda: self.processes.run_schedule(order))
        assert isinstance(outcome, RunStarted), outcome
        return outcome.trace_id

    def publish_tenants(self, policies: Mapping[str, TenantPolicy]) -> None:
        """The operator publishes a tenants file, asking again until there is an answer."""
        order = TenantsOrder(Tenants.of(policies).to_text(), "token:ops")
        outcome = self._until_answered(lambda: self.processes.publish_tenants(order))
        assert not isinstance(outcome, PublishedMeanwhile), outcome

    def look[T](self, read: Callable[[], T]) -> T:
        """The operator looks at something, asking again until there is an answer."""
        return self._until_answered(read)

    def deploy(self, manifest: Manifest) -> None:
        """The operator deploys: every process starts anew."""
        self.manifest = manifest
        self.processes.deploy(manifest)

    def _until_answered[T](self, ask: Callable[[], T]) -> T:
        for _ in range(5):
            try:
                return ask()
            except ProcessDied:
                self.processes.start_operator()
            except StoreUnavailableError:
                pass
            self.clock.advance(2)
        raise AssertionError("the operator gets no answer")

    # What may become of messages.

    def lose_messages(self) -> None:
        """The queue forgets everything."""
        drop_all(self.aws.queue_url)

    def bury_messages(self) -> None:
        """The queue gives up on everything: into the dead-letter queue with it."""
        move_all(self.aws.queue_url, self.aws.dead_letter_queue_url)

    def bury(self, body: str) -> None:
        """Some bytes end in the dead-letter queue."""
        put(self.aws.dead_letter_queue_url, body)

    def send_again(self, trace_id: str, *, tenant: str = DEFAULT_TENANT) -> None:
        """The queue hands out a task's message once more."""
        put(self.aws.queue_url, TaskMessage(tenant, trace_id).to_text())

    # How the world goes on.

    def go_on(self, seconds: float | None = None) -> None:
        """Let everything happen that happens by itself: for some seconds, or until the world is at rest."""
        until_ms = None if seconds is None else self.clock.ms + round(seconds * 1000)
        for _ in range(ROUNDS):
            self._do_what_can_be_done()
            self._look_after_promises()
            next_ms = self._next_ms()
            if next_ms is None or (until_ms is not None and next_ms > until_ms):
                self.clock.ms = max(self.clock.ms, until_ms or 0)
                return
            self.clock.ms = max(self.clock.ms + 1, next_ms)
            if any(time_ms <= self.clock.ms for time_ms in self._times_for_tick()):
                self.tick()
        raise AssertionError(f"no rest after {ROUNDS} rounds: {self.kept.runs()}")

    def deliver_once(self) -> None:
        """Deliver what is visible, once."""
        for message in receive(self.aws.queue_url, limit=10, visibility_seconds=VISIBILITY_S):
            self._deliver(message)

    def another_tick_before(self, adapter: str) -> None:
        """When a method of an adapter puts its next item, a whole tick of another process comes in between."""

        def tick() -> None:
            with suppress(ProcessDied):
                self.processes.another_scheduler()()

        self.before_next("dynamodb.PutItem", adapter, tick)

    def before_next(self, operation: str, adapter: str, happens: Callable[[], object]) -> None:
        """When a method of an adapter makes its next call, something happens before that is applied."""
        apply, waiting = self.line._stand_ins[operation], [True]

        def answer(request: Request) -> tuple[int, dict[str, str], bytes] | None:
            if self.line._current.call.site.adapter == adapter and waiting:
                waiting.clear()
                happens()
            return apply(request)

        self.line.stand_in(operation, answer)

    def tick(self) -> None:
        """The minute's tick."""
        self._ticked_ms = self.clock.ms
        try:
            self.processes.scheduler()
        except ProcessDied:
            self.processes.start_scheduler()

    def _do_what_can_be_done(self) -> None:
        for caller in self.callers:
            if caller.calls_again_ms is not None and caller.calls_again_ms <= self.clock.ms:
                self._call(caller)
        self.deliver_once()
        for unseen in [unseen for unseen in self._unseen if unseen.wake_ms <= self.clock.ms]:
            self._unseen.remove(unseen)
            unseen.suspended.go_on()

    def _deliver(self, message: Any) -> None:
        record = {
            "messageId": message.id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": {"ApproximateReceiveCount": str(message.approximate_receive_count)},
        }
        try:
            returned = consumer_handler._deliver(self.processes.consumer, record)
        except ProcessDied:
            self.processes.start_consumer()
            return
        if returned is None:
            delete(self.aws.queue_url, message.receipt_handle)

    def _next_ms(self) -> int | None:
        """When something happens next; None: the world is at rest."""
        times = [caller.calls_again_ms for caller in self.callers if caller.calls_again_ms is not None]
        times += [unseen.wake_ms for unseen in self._unseen]
        times += [int(message.visible_at) + 1 for message in queue_of(self.aws.queue_url)._messages]
        next_tick_ms = self._ticked_ms + MINUTE_MS
        times += [max(time_ms, next_tick_ms) for time_ms in self._times_for_tick()]
        return min(times, default=None)

    def _times_for_tick(self) -> Iterator[int]:
        """When a tick will have something to do."""
        runs = self.kept.runs()
        for acceptance in self.kept.acceptances():
            run = runs.get(acceptance.trace_id) or Run.of_task(acceptance)
            if not run.is_terminal:
                yield self._due_ms(run, acceptance.accepted_at_ms)
        yield from (int(message.visible_at) + 1 for message in queue_of(self.aws.dead_letter_queue_url)._messages)
        if any(job.state is BulkState.RUNNING for job in self.kept.bulk_jobs()):
            yield self.clock.ms
        yield from self._times_for_schedules()

    def _times_for_schedules(self) -> Iterator[int]:
        """When a tick will have schedules to bring in step, or to fire. What is due in a year is not waited for."""
        cursors, tenants = self.kept.cursors(), self.kept.tenants().names
        for name, schedule in self.manifest.schedules.items():
            for tenant in schedule.tenants_among(tenants):
                cursor = cursors.pop((tenant, name), None)
                if cursor is None or cursor.timing != schedule.timing or cursor.next_due_ms is None:
                    yield self.clock.ms
                elif cursor.next_due_ms < START_MS + FORESEEN_MS:
                    yield cursor.next_due_ms
        if any(cursor.next_due_ms is not None for cursor in cursors.values()):
            yield self.clock.ms

    def _due_ms(self, run: Run, accepted_at_ms: int) -> int:
        if run.due_at_ms is None:
            return accepted_at_ms + GRACE_S * 1000 + 1
        if run.capped:
            return self._place_free_ms(run.tenant)
        states = [switch.state for switch in self.kept.switches() if switch.source == run.source]
        return run.due_at_ms if not run.paused or states == [Enablement.PAUSED] else self.clock.ms

    def _place_free_ms(self, tenant: str) -> int:
        policy = self.kept.tenants().policy_of(tenant)
        held = [slot.until_ms for slot in self.kept.slots(tenant) if slot.until_ms > self.clock.ms]
        is_full = policy is not None and policy.max_in_flight is not None and len(held) >= policy.max_in_flight
        return min(held) if is_full else self.clock.ms

    # `workflow`, as its invokers reach it, and what handlers do that no return value can.

    def _invoke(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        event = json.loads(request.body)
        order = ExecutionOrder(
            TaskMessage(event["tenant"], event["traceId"]),
            event["owner"],
            for_caller=event["forCaller"],
            remaining_ms=REMAINING_MS,
        )
        process = LambdaProcess(
            lambda: self.processes.workflow(order).to_json(),
            self.processes.start_workflow,
            for_caller=order.for_caller,
        )
        begun_ms, suspended = self.clock.ms, process.start()
        if suspended is not None:
            wake_ms = self.clock.ms + round(suspended.seconds * 1000)
            self._unseen.append(_Unseen(order.message.trace_id, wake_ms, begun_ms + REMAINING_MS, suspended))
            self.clock.advance(INGRESS_WAIT_S if order.for_caller else CONSUMER_WAIT_S)
        return process.answer(request.url)

    def _built_in(self) -> Mapping[str, Callable[[Context], Mapping[str, object]]]:
        """What the built-in schedules do, in the process of `workflow` as it stands then."""
        return {
            "roll_up": lambda own: self.processes.built_ins.roll_up(
                own.tenant, due_at_ms=own.due_at_ms, until_ms=own.deadline_ms
            ),
            "retry_letters": lambda own: self.processes.built_ins.retry_letters(
                own.tenant, actor=own.source, until_ms=own.deadline_ms
            ),
            "write_digest": lambda own: self.processes.built_ins.write_digest(own.tenant, due_at_ms=own.due_at_ms),
            "clean_up": lambda own: self.processes.built_ins.clean_up(
                own.tenant, actor=own.source, until_ms=own.deadline_ms
            ),
            "snapshot_config": lambda own: self.processes.built_ins.snapshot_config(
                own.tenant, due_at_ms=own.due_at_ms
            ),
        }

    def _acts(self) -> dict[type[Behaviour], Callable[[Behaviour, Source], None]]:
        return {Dies: self._die, Vanishes: self._vanish, Overruns: self._overrun, Slow: self._go_unseen}

    def _die(self, _behaviour: Behaviour, _source: Source) -> None:
        raise ProcessDied("out of memory")

    def _vanish(self, _behaviour: Behaviour, _source: Source) -> None:
        LambdaProcess.current().vanish()

    def _overrun(self, _behaviour: Behaviour, source: Source) -> None:
        self.clock.advance(source.timeout_seconds)
        raise ProcessDied("Task timed out")

    def _go_unseen(self, behaviour: Behaviour, _source: Source) -> None:
        assert isinstance(behaviour, Slow)
        LambdaProcess.current().suspend(behaviour.seconds)

    # Promises that hold at every moment.

    def _look_at_start(self, start: Start) -> None:
        if self.books.successes(start.trace_id):
            self.broken.append(f"{start} after a recorded success")
        run = self.kept.runs()[start.trace_id]
        if run.belongs_to_caller and not LambdaProcess.current().for_caller:
            self.broken.append(f"{start} behind its caller's back")
        for other in self._unseen:
            if other.trace_id == start.trace_id and other.alive_until_ms > self.clock.ms:
                self.broken.append(f"{start} while another works in a process that may live")

    def _look_after_promises(self) -> None:
        """A run is terminal, or has a live lease, or a due time, or the sweeper has yet to come by."""
        runs = self.kept.runs()
        for acceptance in self.kept.acceptances():
            run = runs.get(acceptance.trace_id) or Run.of_task(acceptance)
            if run.is_terminal or run.has_live_lease(self.clock.ms) or run.due_at_ms is not None:
                continue
            if self.kept.swept_up_to(shard_of(run.trace_id)) >= run.trace_id:
                self.broken.append(f"nobody looks after {run}")


@contextmanager
def moto_world() -> Iterator[AwsWorld]:
    """AWS for many histories, one after another."""
    with queues_on(_CLOCK.now_ms), quick_moto():
        aws = AwsWorld()
        _prepare(aws)
        aws.clients.secrets().create_secret(Name=SECRET_NAME, SecretString=SECRET)
        answer_directly(aws.line)
        yield aws


@cache
def _prepared() -> set[int]:
    """Clients that were prepared: they outlive a world."""
    return set()


def _prepare(aws: AwsWorld) -> None:
    invokers: list[Any] = [aws.clients.invoker(int(wait)) for wait in (INGRESS_WAIT_S, CONSUMER_WAIT_S)]
    for client in [aws.clients.dynamodb(), aws.clients.sqs(), *invokers]:
        if id(client) not in _prepared():
            client.meta.events.register("after-call", partial(_note_nothing, aws.line))
            _prepared().add(id(client))
            if client in invokers:
                send_unsigned(client)


def _note_nothing(line: Line, parsed: dict[str, Any], model: Any, **_: object) -> None:
    found = {
        "GetItem": "Item" in parsed,
        "Query": bool(parsed.get("Count")),
        "BatchGetItem": any(parsed.get("Responses", {}).values()),
    }
    if not found.get(model.name, True):
        _READ_NOTHING.add(line._current.call.number)

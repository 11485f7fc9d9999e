"""The rest of the world in memory: queue, invoker, clock, identities, handlers, signals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.fakes.memory import Memory
from workerflow.domain.errors import SecretNotFoundError
from workerflow.domain.failure import Failure
from workerflow.domain.json_body import parse_body
from workerflow.domain.output import HandlerOutput
from workerflow.domain.refusals import BodyRefusedError
from workerflow.domain.source import Source
from workerflow.domain.task import TaskMessage
from workerflow.ports.world import DeadMessage, HandlerCall, Invocation, NoAnswer, PayloadFault, QueueDepth

START_MS = 1_760_000_000_000


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self, ms: int = START_MS) -> None:
        self.ms = ms

    def now_ms(self) -> int:
        return self.ms

    def advance(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)


class FakeIds:
    """Nonces that count up, jitter as set."""

    def __init__(self, jitter: float = 0.5) -> None:
        self.next_jitter = jitter
        self._made = 0

    def nonce(self) -> str:
        self._made += 1
        return f"{self._made:016x}"

    def secret(self) -> str:
        self._made += 1
        return f"{self._made:043d}"

    def jitter(self) -> float:
        return self.next_jitter


class FakeTaskQueue:
    """TaskQueue: what was sent, in order. `refusals` messages of the next batches are refused."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.messages: list[TaskMessage] = []
        self.refusals = 0

    def send(self, message: TaskMessage) -> None:
        with self._memory.call("queue.send"):
            self.messages.append(message)

    def send_many(self, messages: Sequence[TaskMessage]) -> Sequence[TaskMessage]:
        if not messages:
            return ()
        with self._memory.call("queue.send_many"):
            refused = messages[: self.refusals]
            self.refusals -= len(refused)
            self.messages.extend(messages[len(refused) :])
            return refused

    def take(self) -> TaskMessage | None:
        """The oldest message, which is gone from the queue then."""
        return self.messages.pop(0) if self.messages else None


class FakeQueueGauge:
    """QueueGauge of what was sent to a FakeTaskQueue; `in_flight` and `delayed` as set."""

    def __init__(self, memory: Memory, queue: FakeTaskQueue) -> None:
        self._memory = memory
        self._queue = queue
        self.in_flight = 0
        self.delayed = 0

    def depth(self) -> QueueDepth:
        with self._memory.call("queue_gauge.depth"):
            return QueueDepth(len(self._queue.messages), self.in_flight, self.delayed)


class FakeDeliveries:
    """Deliveries: which message comes back when."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.returns: dict[str, float] = {}

    def return_after(self, receipt: str, delay_seconds: float) -> None:
        with self._memory.call("deliveries.return_after"):
            self.returns[receipt] = delay_seconds


class FakeDeadMessages:
    """DeadMessageQueue: a received message is hidden until `reappear`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._bodies: dict[str, str] = {}
        self._hidden: set[str] = set()
        self._made = 0

    def add(self, body: str) -> None:
        """Let a message end here."""
        self._made += 1
        self._bodies[f"receipt-{self._made}"] = body

    def reappear(self) -> None:
        """Let the visibility time-out pass."""
        self._hidden.clear()

    @property
    def bodies(self) -> list[str]:
        """What is still there."""
        return list(self._bodies.values())

    def receive(self, limit: int) -> Sequence[DeadMessage]:
        with self._memory.call("dead_messages.receive"):
            receipts = [receipt for receipt in self._bodies if receipt not in self._hidden][: min(limit, 10)]
            self._hidden.update(receipts)
            return [self._message(receipt) for receipt in receipts]

    def _message(self, receipt: str) -> DeadMessage:
        body = self._bodies[receipt]
        return DeadMessage(receipt, body, TaskMessage.from_text(body))

    def delete(self, message: DeadMessage) -> None:
        with self._memory.call("dead_messages.delete"):
            self._bodies.pop(message.receipt, None)


@dataclass(frozen=True, slots=True)
class InvokeCall:
    """One invocation that was asked for."""

    message: TaskMessage
    owner: str
    for_caller: bool
    wait_seconds: float


@dataclass(slots=True)
class FakeInvoker:
    """WorkflowInvoker: `answer` decides, and may raise InvocationFailedError."""

    answer: Callable[[InvokeCall], Invocation] = lambda _call: NoAnswer()
    calls: list[InvokeCall] = field(default_factory=list)

    def invoke(self, message: TaskMessage, *, owner: str, for_caller: bool, wait_seconds: float) -> Invocation:
        call = InvokeCall(message, owner, for_caller, wait_seconds)
        self.calls.append(call)
        return self.answer(call)


def _echo(call: HandlerCall) -> HandlerOutput | Failure:
    return HandlerOutput("document", call.body)


@dataclass(slots=True)
class FakeRunner:
    """HandlerRunner: `handler` is the author's code; by default it returns the payload."""

    handler: Callable[[HandlerCall], HandlerOutput | Failure] = _echo
    calls: list[HandlerCall] = field(default_factory=list)

    def run(self, call: HandlerCall) -> HandlerOutput | Failure:
        self.calls.append(call)
        return self.handler(call)


@dataclass(slots=True)
class FakeSchemas:
    """PayloadSchemas: the faults by source, and of what is no JSON."""

    found: Mapping[str, Sequence[PayloadFault]] = field(default_factory=dict)

    def faults(self, source: Source, body: bytes) -> Sequence[PayloadFault]:
        try:
            parse_body(body)
        except BodyRefusedError as error:
            return [PayloadFault("", error.title)]
        return self.found.get(source.source, ())


@dataclass(slots=True)
class FakeSecrets:
    """Secrets by (tenant, name)."""

    values: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def get(self, tenant: str, name: str) -> str:
        if (tenant, name) not in self.values:
            raise SecretNotFoundError(f"the secret {name!r} does not exist")
        return self.values[tenant, name]


@dataclass(slots=True)
class FakeSecretNames:
    """SecretNames: those that there are."""

    memory: Memory
    names: set[str] = field(default_factory=set)

    def exists(self, name: str) -> bool:
        with self.memory.call("secret_names.exists"):
            return name in self.names


class FakeFaults:
    """Faults, as they were told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, BaseException]] = []

    def failure(self, message: str, error: BaseException) -> None:
        self.told.append((message, error))


class FakeSignals(FakeFaults):
    """Signals: metrics summed up by name, and by name and schedule; faults as they were told."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.by_schedule: Counter[tuple[str, str]] = Counter()

    def count(self, name: str, value: int = 1, *, schedule: str | None = None) -> None:
        if schedule is None:
            self.counts[name] += value
        else:
            self.by_schedule[name, schedule] += value

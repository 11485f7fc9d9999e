"""The rest of the world: the queue, the invoker, the clock, identities, secrets, signals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from workerflow.domain.failure import Failure
from workerflow.domain.outcome import Execution
from workerflow.domain.output import HandlerOutput
from workerflow.domain.source import Source
from workerflow.domain.task import Acceptance, TaskMessage


class Clock(Protocol):
    """The only source of time."""

    def now_ms(self) -> int:
        """Epoch milliseconds."""


class Ids(Protocol):
    """The only source of randomness."""

    def nonce(self) -> str:
        """16 hex digits, never twice."""

    def secret(self) -> str:
        """43 characters of base64url, 256 random bits: nobody guesses it."""

    def jitter(self) -> float:
        """Uniform in [0, 1)."""


class TaskQueue(Protocol):
    """The way to the consumer."""

    def send(self, message: TaskMessage) -> None:
        """Send one message. Raises StoreUnavailableError; it may have been sent all the same."""

    def send_many(self, messages: Sequence[TaskMessage]) -> Sequence[TaskMessage]:
        """Send up to 10 messages in one call; returns those that were refused. Raises StoreUnavailableError."""


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How many messages the queue holds: about, as SQS counts them.

    Attributes:
        visible: they wait to be received.
        in_flight: received, and neither deleted nor visible again yet.
        delayed: sent, and not visible yet.
    """

    visible: int
    in_flight: int
    delayed: int


class QueueGauge(Protocol):
    """How full the queue is."""

    def depth(self) -> QueueDepth:
        """Ask the queue. Of all tenants together. Raises StoreUnavailableError."""


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """A message that the queue gave up on. `message` is None if its bytes are no task."""

    receipt: str
    body: str
    message: TaskMessage | None


class DeadMessageQueue(Protocol):
    """The queue's own dead-letter queue."""

    def receive(self, limit: int) -> Sequence[DeadMessage]:
        """Receive up to `limit` (at most 10) messages; others see them again after the visibility time-out."""

    def delete(self, message: DeadMessage) -> None:
        """Delete a message that was dealt with."""


@dataclass(frozen=True, slots=True)
class Reached:
    """The invocation ended and answered."""

    execution: Execution


@dataclass(frozen=True, slots=True)
class Died:
    """The function was started and ended with its process: crash, out of memory, time-out, or an uncaught error."""

    message: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing came back in time, or the connection broke: the invocation may be running still."""


type Invocation = Reached | Died | NoAnswer


class WorkflowInvoker(Protocol):
    """Invokes `workflow` and waits."""

    def invoke(self, message: TaskMessage, *, owner: str, for_caller: bool, wait_seconds: float) -> Invocation:
        """Invoke once, without retries.

        Args:
            message: the task.
            owner: nonce of this invocation.
            for_caller: a sync caller waits for the answer.
            wait_seconds: how long to wait for it.

        Raises:
            InvocationFailedError: throttled or unreachable before it started: this was no attempt.
        """


class Deliveries(Protocol):
    """The consumer's hold on the messages that it received."""

    def return_after(self, receipt: str, delay_seconds: float) -> None:
        """Make a message visible again after a delay (0 to 12 hours, rounded up to seconds) instead of the queue's."""


@dataclass(frozen=True, slots=True)
class PayloadFault:
    """One violation: a JSON pointer (RFC 6901) into the payload, and what is wrong there."""

    pointer: str
    message: str


@dataclass(frozen=True, slots=True)
class HandlerCall:
    """One attempt, about to run.

    Attributes:
        is_cancelled: asks whether the attempt is to end; a read of the store, which may be unavailable.
    """

    source: Source
    acceptance: Acceptance
    body: bytes
    attempt: int
    started_at_ms: int
    is_cancelled: Callable[[], bool] = field(default=lambda: False, compare=False)


class HandlerRunner(Protocol):
    """Runs handlers, each within its source's time-out: a handler that overruns is ended with its process."""

    def run(self, call: HandlerCall) -> HandlerOutput | Failure:
        """Run the handler of `call.source` to its end. Never raises what the handler raised."""


class PayloadSchemas(Protocol):
    """What payloads may be: JSON, and what the route's schema says. A schedule has none."""

    def faults(self, source: Source, body: bytes) -> Sequence[PayloadFault]:
        """All violations, at most 50, in the order of the payload; a body that is no JSON is one of the whole."""


class Secrets(Protocol):
    """Connector secrets of handlers."""

    def get(self, tenant: str, name: str) -> str:
        """The secret's value. Raises a RetryableError if it cannot be read, PermanentError if there is none."""


class SecretNames(Protocol):
    """Which secrets there are. What they hold is not asked for."""

    def exists(self, name: str) -> bool:
        """Whether there is a secret of this full name that is not about to be deleted. Raises StoreUnavailableError."""


class Faults(Protocol):
    """Where an error goes that stops nothing: the log, with its traceback. Never fails."""

    def failure(self, message: str, error: BaseException) -> None:
        """Record `error` with the circumstance in which it came."""


class Signals(Faults, Protocol):
    """What operators are told beside the ledger: faults that stop nothing, and metrics by name. Never fails."""

    def count(self, name: str, value: int = 1, *, schedule: str | None = None) -> None:
        """Add to a metric; with `schedule`, to that schedule's own."""

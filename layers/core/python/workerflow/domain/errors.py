"""The error tree. A class answers: whose fault, may it be retried, which code.

WorkerFlowError
|-- InvalidIdentifierError        a name from outside that cannot be one of ours
|-- ManifestError                 the owner's: routes that cannot be built, all faults at once
|-- SettingsError                 the owner's: environment that lacks names, all at once
|-- TenantsError                  the operator's: a tenants file that says what cannot be, all faults at once
|-- OperationRepeatedError        an operator's order whose key stands already: its answer is the first one's
|-- TaskError                     raised by handlers, or on their behalf
|   |-- PermanentError            no attempt will help: dead letter at once
|   |   |-- InvalidPayloadError   the payload is not what the route takes
|   |   |-- SecretNotFoundError   the tenant has no connector secret of that name
|   |   `-- OutputError           the handler returned what cannot be kept
|   |-- RetryableError            try again under the route's policy, or after its own delay
|   `-- TaskCancelledError        an operator asked that the task ends, and the handler has heard it
|-- PlatformError                 ours or AWS's
|   |-- StoreUnavailableError     throttled, refused or unreachable: unknown, ask again
|   |-- InvocationFailedError     `workflow` was not reached: no attempt was made
|   `-- IntegrityError            stored state that no code of ours can have written
`-- RefusedError                  (module refusals) a call that is answered with problem+json
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class WorkerFlowError(Exception):
    """Base of everything that WorkerFlow raises on purpose."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False


class InvalidIdentifierError(WorkerFlowError):
    """A tenant id, trace id or name from outside that cannot be one of ours."""

    code = "invalid_identifier"


class ManifestError(WorkerFlowError):
    """The handlers' declarations cannot be built into a manifest. `faults` names every one of them."""

    code = "invalid_manifest"

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class SettingsError(WorkerFlowError):
    """Environment variables are missing or malformed. `faults` names every one of them."""

    code = "invalid_settings"

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


class TenantsError(WorkerFlowError):
    """The tenants file says what cannot be. `faults` names every one of them, each with its place in the file."""

    code = "invalid_tenants"

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class OperationRepeatedError(WorkerFlowError):
    """An order's key was taken meanwhile: nothing was written. Ask for what stands under the key."""

    code = "operation_repeated"
    retryable = True


class TaskError(WorkerFlowError):
    """What a handler raises to say how its task goes on."""


class PermanentError(TaskError):
    """No further attempt will help: the task is dead-lettered at once."""

    code = "handler_error"


class InvalidPayloadError(PermanentError):
    """The payload is not what the route takes."""

    code = "invalid_payload"


class SecretNotFoundError(PermanentError):
    """The tenant has no connector secret of that name. A handler that can do without may catch it."""

    code = "secret_not_found"


class OutputError(PermanentError):
    """The handler returned something that cannot be kept or sent: not JSON, too large, a malformed response."""

    code = "invalid_output"


class RetryableError(TaskError):
    """Try again: under the route's retry policy, or after `retry_after_seconds` if the other side said so."""

    code = "retryable"
    retryable = True

    def __init__(self, message: str = "", *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class TaskCancelledError(TaskError):
    """The task is to be cancelled, and the handler gives up. Raised by `context.raise_if_cancelled()`.

    Where nobody asked for it, it is an error like a permanent one.
    """

    code = "task_cancelled"


class PlatformError(WorkerFlowError):
    """Ours or AWS's fault, never the caller's or the handler's."""

    code = "platform"


class StoreUnavailableError(PlatformError):
    """A store or queue refused, throttled or was unreachable. Whether a write was applied is unknown: ask again."""

    code = "store_unavailable"
    retryable = True


class TenantsUnreadableError(StoreUnavailableError):
    """The published tenants cannot be read, and no older ones are known: who may do what is unknown until they can."""


class InvocationFailedError(PlatformError):
    """`workflow` was throttled or unreachable before it started: this was no attempt."""

    code = "invocation_failed"
    retryable = True


class IntegrityError(PlatformError):
    """A stored item that no code of ours can have written."""

    code = "integrity"

"""A source: what tasks come from, a route or a schedule, each bound to a handler.

Source          handler, time-out, retry policy, enablement, secrets
|-- Route       module domain.route: an HTTP entry
`-- Schedule    module domain.schedule: a cron expression in a time zone
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from workerflow.domain.retry import RetryPolicy

DEFAULT_TIMEOUT_SECONDS = 30
MAX_TIMEOUT_SECONDS = 240
"""A handler must end before its `workflow` invocation does (270 s), and that before the consumer's (300 s)."""
MAX_RETRY_DELAY_SECONDS = 12 * 3600
"""Half of a task's deadline (24 h): a longer wait would leave no time to run in."""
MAX_REASON_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(ABC):
    """What routes and schedules have in common.

    Attributes:
        name: `[a-z][a-z0-9_]{0,62}`, unique among the routes, or among the schedules.
        module, function: where the handler is, as an importable module and an attribute of it.
        timeout_seconds: 1 to MAX_TIMEOUT_SECONDS; a handler that overruns is ended with its process.
        retry: for retryable failures.
        enabled: False takes no task until a deploy changes it.
        disabled_reason: shown to whoever asks why.
        description: first line of the handler's docstring.
        secrets: names of the connector secrets that the handler reads through its context.
    """

    name: str
    module: str
    function: str
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    enabled: bool = True
    disabled_reason: str = ""
    description: str = ""
    secrets: tuple[str, ...] = ()

    @property
    @abstractmethod
    def source(self) -> str:
        """The name under which runs, switches and idempotency scopes know it: `route:<name>` or `schedule:<name>`."""

    @property
    def answers_caller(self) -> bool:
        """Whether a caller may be waiting for what the handler returns."""
        return False

    def serves(self, tenant: str) -> bool:
        """Whether it is the tenant's. To a tenant whose source it is not, it is as if it did not exist."""
        del tenant
        return True

"""The environments, each a typed, frozen instance: everything in which `dev`, `prod` and `local` differ stands here.

No environment names an account or a region: the CDK CLI's credentials decide where a stack goes.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tools.package import Platform

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Architecture = Literal["arm64", "x86_64"]
LogRetentionDays = Literal[7, 14, 30, 90]


class UnknownEnvironmentError(Exception):
    """`-c env=...` names none of ours."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """What API Gateway lets through, over all callers.

    Source: "Throttle requests to your HTTP APIs", Amazon API Gateway developer guide; an account has 10,000 a second.
    """

    requests_per_second: int
    burst: int


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Above what an alarm rings."""

    oldest_message_minutes: int
    open_dead_letters: int
    resent_in_five_minutes: int
    crashed_handlers_in_five_minutes: int
    refused_in_five_minutes: int


@dataclass(frozen=True, slots=True)
class RetryLetters:
    """Which dead letters the built-in schedule `retry_dead_letters_hourly` replays.

    Attributes:
        classes: of dead letters; by default what was nobody's fault but the platform's.
        min_age_minutes, max_age_hours: since the task failed.
        per_run: replays an hour, at most, for each tenant.
        generations: replays under one root, at most, whoever made them.
    """

    classes: tuple[str, ...] = ("platform",)
    min_age_minutes: int = 30
    max_age_hours: int = 24
    per_run: int = 100
    generations: int = 3


@dataclass(frozen=True, slots=True)
class Environment:
    """One place where WorkerFlow runs.

    Attributes:
        name: `dev`, `prod` or `local`; part of every physical name.
        keeps_data: Tables and bucket survive the stack, and tables refuse deletion.
        log_retention_days: How long CloudWatch keeps what the functions and the API log.
        traced: Whether X-Ray is on. AWS samples Lambda itself, and it cannot be set: the first request of each second
            and 5 % of the others. Source: "Visualize Lambda function invocations using AWS X-Ray", Lambda guide.
        consumers: Batches of ten that are worked on at once. Ten times as many `workflow` executions follow, which
            must fit into the account's concurrency (1,000, and 10 in a new account).
        pages_at_once: How many calls the dashboard answers at the same time. Its address is open to everybody's knock,
            and a flood there must not take the concurrency of those who execute tasks. None: no limit of its own, which
            a new account's ten would not allow.
        emulated: Functions run as processes of this machine, not on Lambda.
        retention_days: How long keys and runs are remembered.
        deadline_hours: Past this age, an accepted task is not begun any more.
        alarm_email: Who is told of alarms. AWS asks that address for its consent first.
        forward_url: Where the example handler `webhook_forward` posts to.
        allowed_private_hosts: Hosts that `webhook_forward` may reach although their address is a private one.
        retry_letters: Which dead letters are replayed by themselves.
    """

    name: Literal["dev", "prod", "local"]
    keeps_data: bool
    architecture: Architecture
    log_level: LogLevel
    log_retention_days: LogRetentionDays
    traced: bool
    throttle: Throttle
    thresholds: Thresholds
    consumers: int
    pages_at_once: int | None = None
    emulated: bool = False
    retention_days: int = 30
    deadline_hours: int = 24
    alarm_email: str | None = None
    forward_url: str | None = None
    allowed_private_hosts: tuple[str, ...] = ()
    retry_letters: RetryLetters = field(default_factory=RetryLetters)

    @property
    def prefix(self) -> str:
        return f"workerflow-{self.name}"

    @property
    def platform(self) -> Platform:
        """What native code in the vendor layer is built for."""
        return "host" if self.emulated else self.architecture

    @property
    def tls_only(self) -> bool:
        """Whether queues, bucket and topic refuse plain HTTP. The emulator, on loopback, speaks nothing else."""
        return not self.emulated

    @property
    def metrics_namespace(self) -> str:
        """Apart by name: two environments may share an account, and metrics know no stack."""
        return f"WorkerFlow/{self.name}"

    @property
    def secret_prefix(self) -> str:
        return f"workerflow/{self.name}/"


DEV = Environment(
    name="dev",
    keeps_data=False,
    architecture="arm64",
    log_level="INFO",
    log_retention_days=14,
    traced=True,
    throttle=Throttle(requests_per_second=100, burst=200),
    thresholds=Thresholds(
        oldest_message_minutes=15,
        open_dead_letters=1,
        resent_in_five_minutes=100,
        crashed_handlers_in_five_minutes=5,
        refused_in_five_minutes=100,
    ),
    consumers=5,
)
PROD = Environment(
    name="prod",
    keeps_data=True,
    architecture="arm64",
    log_level="INFO",
    log_retention_days=90,
    traced=True,
    throttle=Throttle(requests_per_second=1000, burst=2000),
    thresholds=Thresholds(
        oldest_message_minutes=15,
        open_dead_letters=1,
        resent_in_five_minutes=500,
        crashed_handlers_in_five_minutes=5,
        refused_in_five_minutes=1000,
    ),
    consumers=40,
    pages_at_once=20,
)
LOCAL = Environment(
    name="local",
    keeps_data=False,
    architecture="arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64",
    log_level="INFO",
    log_retention_days=7,
    traced=False,
    throttle=Throttle(requests_per_second=1000, burst=2000),
    thresholds=DEV.thresholds,
    consumers=5,
    emulated=True,
)

ENVIRONMENTS: Mapping[str, Environment] = {environment.name: environment for environment in (DEV, PROD, LOCAL)}


def environment_named(name: str) -> Environment:
    """The environment of that name.

    Raises:
        UnknownEnvironmentError: There is none; the message lists those that are.
    """
    if name not in ENVIRONMENTS:
        raise UnknownEnvironmentError(f"No environment is called {name!r}; there are: {', '.join(ENVIRONMENTS)}.")
    return ENVIRONMENTS[name]

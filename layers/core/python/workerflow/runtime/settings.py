"""What each function is told by its environment: one frozen value per function, read once, at INIT.

A name that is missing or malformed is reported together with all the others, so that a wrong deployment is put right
in one go. No name of a resource has a default: a function that guessed would write to somebody else's table.
docs/settings.md tells operators the same; a test compares the two.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from workerflow.domain.errors import SettingsError
from workerflow.domain.run import LetterClass
from workerflow.tables import (
    AUDIT_EVENTS,
    CURSOR_STATE,
    DEAD_LETTERS,
    IDEMPOTENCY_KEYS,
    OPERATIONS,
    RATE_LIMITS,
    REFUSED_CALLS,
    REPLAY_LINEAGE,
    ROLLUPS,
    RUNS,
    Table,
)
from workerflow.tables import setting_name as table_setting

ENVIRONMENTS = ("dev", "prod", "local")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def _text(value: str) -> str:
    return value


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError(f"is not one of {', '.join(choices)}")
        return value

    return parse


def _positive(value: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise ValueError("is not a positive whole number")
    return int(value)


def _folder(value: str) -> str:
    if not value.endswith("/"):
        raise ValueError("does not end with a slash")
    return value


def _letter_classes(value: str) -> tuple[LetterClass, ...]:
    names = _list(value)
    strangers = sorted(set(names) - set(LetterClass))
    if strangers or not names:
        raise ValueError(f"names no classes of dead letters, which are {', '.join(LetterClass)}")
    return tuple(map(LetterClass, names))


def _list(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _variable(name: str, meaning: str, *, parse: Callable[[str], object] = _text, default: object = MISSING) -> Any:  # noqa: ANN401 - like dataclasses.field: the attribute's own type counts
    metadata = {"variable": name, "meaning": meaning, "parse": parse}
    return field(metadata=metadata) if default is MISSING else field(metadata=metadata, default=default)


def _table(table: Table) -> Any:  # noqa: ANN401 - a field of type str
    return _variable(table_setting(table), f"Physical name of the table `{table.name}`.")


def _retention_days() -> Any:  # noqa: ANN401 - a field of type int
    return _variable("RETENTION_DAYS", "How long a key and its run are remembered.", parse=_positive)


def _deadline_hours() -> Any:  # noqa: ANN401 - a field of type int
    meaning = "How long after its acceptance a task may still begin an attempt."
    return _variable("DEADLINE_HOURS", meaning, parse=_positive)


def _secret_prefix() -> Any:  # noqa: ANN401 - a field of type str
    meaning = "What every secret's name begins with, e.g. `workerflow/dev/`."
    return _variable("SECRET_PREFIX", meaning, parse=_folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ledger:
    """Where tasks are kept and sent to."""

    idempotency_keys: str = _table(IDEMPOTENCY_KEYS)
    runs: str = _table(RUNS)
    dead_letters: str = _table(DEAD_LETTERS)
    queue_url: str = _variable("QUEUE_URL", "URL of the task queue.")
    payload_bucket: str = _variable("PAYLOAD_BUCKET", "Bucket of payloads and outputs too large for an item.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _EveryFunction(_Ledger):
    environment: str = _variable(
        "ENVIRONMENT", "Which environment this is: dev, prod or local.", parse=_one_of(*ENVIRONMENTS)
    )
    service: str = _variable("POWERTOOLS_SERVICE_NAME", "The function's name in logs and metrics.")
    metrics_namespace: str = _variable("POWERTOOLS_METRICS_NAMESPACE", "CloudWatch namespace of the metrics.")
    log_level: str = _variable("LOG_LEVEL", "DEBUG, INFO, WARNING or ERROR.", parse=_one_of(*LOG_LEVELS))


@dataclass(frozen=True, slots=True, kw_only=True)
class IngressSettings(_EveryFunction):
    """Environment of `ingress`."""

    cursor_state: str = _table(CURSOR_STATE)
    rate_limits: str = _table(RATE_LIMITS)
    refused_calls: str = _table(REFUSED_CALLS)
    workflow_function: str = _variable("WORKFLOW_FUNCTION", "Name of the function that executes tasks.")
    secret_prefix: str = _secret_prefix()
    retention_days: int = _retention_days()
    deadline_hours: int = _deadline_hours()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerSettings(_EveryFunction):
    """Environment of `consumer`."""

    workflow_function: str = _variable("WORKFLOW_FUNCTION", "Name of the function that executes tasks.")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSettings(_EveryFunction):
    """Environment of `workflow`."""

    cursor_state: str = _table(CURSOR_STATE)
    rate_limits: str = _table(RATE_LIMITS)
    secret_prefix: str = _secret_prefix()


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerSettings(_EveryFunction):
    """Environment of `scheduler`."""

    replay_lineage: str = _table(REPLAY_LINEAGE)
    cursor_state: str = _table(CURSOR_STATE)
    audit_events: str = _table(AUDIT_EVENTS)
    operations: str = _table(OPERATIONS)
    rollups: str = _table(ROLLUPS)
    rate_limits: str = _table(RATE_LIMITS)
    dead_letter_queue_url: str = _variable("DEAD_LETTER_QUEUE_URL", "URL of the task queue's dead-letter queue.")
    retention_days: int = _retention_days()
    deadline_hours: int = _deadline_hours()


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardSettings(_EveryFunction):
    """Environment of `dashboard`."""

    replay_lineage: str = _table(REPLAY_LINEAGE)
    cursor_state: str = _table(CURSOR_STATE)
    audit_events: str = _table(AUDIT_EVENTS)
    operations: str = _table(OPERATIONS)
    rollups: str = _table(ROLLUPS)
    rate_limits: str = _table(RATE_LIMITS)
    refused_calls: str = _table(REFUSED_CALLS)
    secret_prefix: str = _secret_prefix()
    retention_days: int = _retention_days()
    deadline_hours: int = _deadline_hours()
    api_url: str = _variable(
        "API_URL",
        "Where calls go to, without a slash at its end: for the calls that pages offer to paste. "
        "Without it they have a gap there.",
        default="",
    )
    region: str = _variable(
        "AWS_REGION",
        "Where this runs, as Lambda tells it by itself: for the commands that pages offer to paste.",
        default="",
    )
    endpoint_url: str = _variable(
        "AWS_ENDPOINT_URL",
        "Where the emulator of `make up` is, as it tells by itself: for the same commands. Never set on AWS.",
        default="",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookForwardSettings:
    """What the example handler `webhook_forward` reads, beside the settings of `workflow`. Both may be left out."""

    forward_url: str = _variable(
        "FORWARD_URL",
        "Where `webhook_forward` posts to; without it, the tenant's connector secret `forward-url` says.",
        default="",
    )
    allowed_private_hosts: tuple[str, ...] = _variable(
        "ALLOWED_PRIVATE_HOSTS",
        "Host names, separated by commas, that handlers may call although their address is private.",
        parse=_list,
        default=(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltInSettings(_Ledger):
    """What the built-in schedules read, in the process of `workflow`."""

    replay_lineage: str = _table(REPLAY_LINEAGE)
    cursor_state: str = _table(CURSOR_STATE)
    audit_events: str = _table(AUDIT_EVENTS)
    rollups: str = _table(ROLLUPS)
    retention_days: int = _retention_days()
    deadline_hours: int = _deadline_hours()
    retry_classes: tuple[LetterClass, ...] = _variable(
        "RETRY_LETTER_CLASSES",
        "Classes of dead letters, separated by commas, that `retry_dead_letters_hourly` replays.",
        parse=_letter_classes,
        default=(LetterClass.PLATFORM,),
    )
    retry_min_age_minutes: int = _variable(
        "RETRY_LETTER_MIN_AGE_MINUTES", "It replays none that is younger.", parse=_positive, default=30
    )
    retry_max_age_hours: int = _variable(
        "RETRY_LETTER_MAX_AGE_HOURS", "It replays none that is older.", parse=_positive, default=24
    )
    retry_per_run: int = _variable(
        "RETRY_LETTERS_PER_RUN", "How many it replays in one run at most.", parse=_positive, default=100
    )
    retry_generations: int = _variable(
        "RETRY_LETTER_GENERATIONS",
        "It replays none whose root was replayed so often already, by whomever.",
        parse=_positive,
        default=3,
    )


ALL_SETTINGS: tuple[type[Any], ...] = (
    IngressSettings,
    ConsumerSettings,
    WorkflowSettings,
    SchedulerSettings,
    DashboardSettings,
    WebhookForwardSettings,
    BuiltInSettings,
)


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable, as documents and the infrastructure's tests see it."""

    name: str
    meaning: str
    required: bool


def variables_of(kind: type[Any]) -> tuple[Variable, ...]:
    """The environment variables of one of ALL_SETTINGS, in order of definition."""
    return tuple(
        Variable(one.metadata["variable"], one.metadata["meaning"], required=one.default is MISSING)
        for one in fields(kind)
    )


def read_settings[S](kind: type[S], environ: Mapping[str, str] = os.environ) -> S:
    """Read one of ALL_SETTINGS from the environment.

    Args:
        kind: the dataclass to fill.
        environ: names and values; white space around a value is ignored, and an empty value counts as missing.

    Raises:
        SettingsError: names are missing or values malformed; its `faults` names every one. Values are not repeated.
    """
    values: dict[str, object] = {}
    faults: list[str] = []
    for one in fields(kind):  # type: ignore[arg-type]  # S is one of ALL_SETTINGS
        name, parse = one.metadata["variable"], one.metadata["parse"]
        text = environ.get(name, "").strip()
        if not text:
            if one.default is MISSING:
                faults.append(f"{name} is missing")
            continue
        try:
            values[one.name] = parse(text)
        except ValueError as error:
            faults.append(f"{name} {error}")
    if faults:
        raise SettingsError(faults)
    return kind(**values)

"""Settings are read once, whole, and every mistake is told at once."""

from __future__ import annotations

from dataclasses import fields

import pytest

from workerflow.domain.errors import SettingsError
from workerflow.runtime.settings import (
    ALL_SETTINGS,
    IngressSettings,
    WebhookForwardSettings,
    read_settings,
    variables_of,
)

INGRESS = {
    "ENVIRONMENT": "dev",
    "POWERTOOLS_SERVICE_NAME": "ingress",
    "POWERTOOLS_METRICS_NAMESPACE": "WorkerFlow",
    "LOG_LEVEL": "INFO",
    "TABLE_IDEMPOTENCY_KEYS": "workerflow-dev-idempotency-keys",
    "TABLE_RUNS": "workerflow-dev-runs",
    "TABLE_DEAD_LETTERS": "workerflow-dev-dead-letters",
    "TABLE_CURSOR_STATE": "workerflow-dev-cursor-state",
    "TABLE_RATE_LIMITS": "workerflow-dev-rate-limits",
    "TABLE_REFUSED_CALLS": "workerflow-dev-refused-calls",
    "QUEUE_URL": "https://sqs.invalid/1/workerflow-dev-tasks",
    "PAYLOAD_BUCKET": "workerflow-dev-payloads",
    "WORKFLOW_FUNCTION": "workerflow-dev-workflow",
    "SECRET_PREFIX": "workerflow/dev/",
    "RETENTION_DAYS": "30",
    "DEADLINE_HOURS": "24",
}


def test_a_complete_environment_becomes_typed_values() -> None:
    settings = read_settings(IngressSettings, INGRESS)
    assert settings.environment == "dev"
    assert settings.retention_days == 30
    assert settings.runs == "workerflow-dev-runs"
    assert settings.secret_prefix == "workerflow/dev/"


@pytest.mark.parametrize("kind", ALL_SETTINGS)
def test_every_missing_name_is_told_at_once(kind: type[object]) -> None:
    required = [one.name for one in variables_of(kind) if one.required]
    if not required:
        read_settings(kind, {})
        return
    with pytest.raises(SettingsError) as caught:
        read_settings(kind, {})
    assert list(caught.value.faults) == [f"{name} is missing" for name in required]


def test_an_empty_value_counts_as_missing() -> None:
    with pytest.raises(SettingsError, match="QUEUE_URL is missing"):
        read_settings(IngressSettings, INGRESS | {"QUEUE_URL": "  "})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENVIRONMENT", "production"),
        ("LOG_LEVEL", "info"),
        ("RETENTION_DAYS", "0"),
        ("RETENTION_DAYS", "-1"),
        ("RETENTION_DAYS", "30.0"),
        ("RETENTION_DAYS", "٣٠"),
        ("DEADLINE_HOURS", "a day"),
        ("SECRET_PREFIX", "workerflow/dev"),
    ],
)
def test_a_malformed_value_is_told_by_name_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(IngressSettings, INGRESS | {name: value})
    assert len(caught.value.faults) == 1
    assert caught.value.faults[0].startswith(f"{name} ")
    assert value not in caught.value.faults[0]


def test_missing_and_malformed_names_are_told_together() -> None:
    environ = INGRESS | {"RETENTION_DAYS": "many"}
    del environ["TABLE_RUNS"]
    with pytest.raises(SettingsError) as caught:
        read_settings(IngressSettings, environ)
    assert {fault.split()[0] for fault in caught.value.faults} == {"TABLE_RUNS", "RETENTION_DAYS"}


def test_lists_are_split_at_commas_and_optional_values_have_a_default() -> None:
    assert read_settings(WebhookForwardSettings, {}).allowed_private_hosts == ()
    environ = {"ALLOWED_PRIVATE_HOSTS": " sink.local , 10.0.0.7,"}
    assert read_settings(WebhookForwardSettings, environ).allowed_private_hosts == ("sink.local", "10.0.0.7")


@pytest.mark.parametrize("kind", ALL_SETTINGS)
def test_every_variable_has_a_meaning_and_one_name(kind: type[object]) -> None:
    variables = variables_of(kind)
    assert len({one.name for one in variables}) == len(variables) == len(fields(kind))  # type: ignore[arg-type]
    assert all(one.meaning.endswith(".") for one in variables)

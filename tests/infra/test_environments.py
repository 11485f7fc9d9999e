"""Environments are chosen by name, and an operator may decide three things at deployment."""

from __future__ import annotations

import pytest

from infra.app import build_folder, configured
from infra.environments import DEV, ENVIRONMENTS, LOCAL, PROD, UnknownEnvironmentError, environment_named


def test_an_unknown_environment_is_told_with_those_that_are() -> None:
    with pytest.raises(UnknownEnvironmentError, match="'staging'; there are: dev, prod, local"):
        environment_named("staging")


def test_environments_are_apart_by_every_name() -> None:
    for name in ("prefix", "secret_prefix", "metrics_namespace"):
        assert len({getattr(environment, name) for environment in ENVIRONMENTS.values()}) == len(ENVIRONMENTS)


def test_only_the_emulator_is_spoken_to_without_tls() -> None:
    assert (DEV.tls_only, PROD.tls_only, LOCAL.tls_only) == (True, True, False)


def test_only_production_keeps_its_data() -> None:
    assert (DEV.keeps_data, PROD.keeps_data, LOCAL.keeps_data) == (False, True, False)


def test_an_operator_decides_at_deployment() -> None:
    decided = configured(
        DEV,
        {
            "ALARM_EMAIL": "ops@example.org",
            "FORWARD_URL": "https://example.org/in",
            "ALLOWED_PRIVATE_HOSTS": "a.internal, b.internal",
        },
    )
    assert decided.alarm_email == "ops@example.org"
    assert decided.forward_url == "https://example.org/in"
    assert decided.allowed_private_hosts == ("a.internal", "b.internal")


def test_nothing_decided_changes_nothing() -> None:
    assert configured(PROD, {}) == PROD


def test_functions_are_staged_where_the_shell_says() -> None:
    assert build_folder({"WORKERFLOW_BUILD": "/elsewhere"}).as_posix() == "/elsewhere"
    assert build_folder({}).name == ".build"

"""Our Lambda, five times over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.infra.templates import Resources
from workerflow.runtime.settings import (
    BuiltInSettings,
    ConsumerSettings,
    DashboardSettings,
    IngressSettings,
    SchedulerSettings,
    WebhookForwardSettings,
    WorkflowSettings,
    read_settings,
    variables_of,
)

TIMEOUTS = {"ingress": 29, "consumer": 300, "workflow": 270, "scheduler": 300, "dashboard": 29}
SETTINGS: Mapping[str, tuple[type[Any], ...]] = {
    "ingress": (IngressSettings,),
    "consumer": (ConsumerSettings,),
    "workflow": (WorkflowSettings, WebhookForwardSettings, BuiltInSettings),
    "scheduler": (SchedulerSettings,),
    "dashboard": (DashboardSettings,),
}


def test_there_are_five_functions(every: Resources) -> None:
    prefix = every.environment.prefix
    names = {function["FunctionName"] for function in every.of("AWS::Lambda::Function").values()}
    assert names == {f"{prefix}-{name}" for name in TIMEOUTS}


@pytest.mark.parametrize("name", TIMEOUTS)
def test_a_function_is_made_our_way(every: Resources, name: str) -> None:
    function = every.function(name)
    assert function["Runtime"] == "python3.13"
    assert function["Handler"] == f"functions.{name}.handler.lambda_handler"
    assert function["MemorySize"] == 512
    assert function["Timeout"] == TIMEOUTS[name]
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    assert len(function["Layers"]) == 2
    assert function["Architectures"] == [every.environment.architecture]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_function_is_told_exactly_what_it_reads(every: Resources, name: str) -> None:
    told = set(every.function(name)["Environment"]["Variables"])
    known = {variable.name for kind in SETTINGS[name] for variable in variables_of(kind)}
    required = {variable.name for kind in SETTINGS[name] for variable in variables_of(kind) if variable.required}
    assert required <= told <= known


@pytest.mark.parametrize("name", TIMEOUTS)
def test_logs_are_kept_as_long_as_the_environment_says(every: Resources, name: str) -> None:
    group = f"/aws/lambda/{every.environment.prefix}-{name}"
    (found,) = [one for one in every.of("AWS::Logs::LogGroup").values() if one["LogGroupName"] == group]
    assert found["RetentionInDays"] == every.environment.log_retention_days


@pytest.mark.parametrize("name", TIMEOUTS)
def test_functions_on_aws_are_traced(prod: Resources, local: Resources, name: str) -> None:
    assert prod.function(name)["TracingConfig"] == {"Mode": "Active"}
    assert "TracingConfig" not in local.function(name)


def test_on_aws_functions_run_on_arm(dev: Resources, prod: Resources) -> None:
    for resources in (dev, prod):
        assert {one["Architectures"][0] for one in resources.of("AWS::Lambda::Function").values()} == {"arm64"}


def test_a_flood_of_calls_to_the_dashboard_takes_no_concurrency_from_tasks(dev: Resources, prod: Resources) -> None:
    limits = {name: prod.function(name).get("ReservedConcurrentExecutions") for name in TIMEOUTS}
    assert limits == dict.fromkeys(TIMEOUTS) | {"dashboard": 20}
    assert "ReservedConcurrentExecutions" not in dev.function("dashboard")  # a new account has ten in all


def test_lambda_does_not_repeat_a_tick(every: Resources) -> None:
    config = every.only("AWS::Lambda::EventInvokeConfig")
    assert every.readable(config["FunctionName"]).endswith("-scheduler")
    assert config["MaximumRetryAttempts"] == 0


def test_the_tick_comes_every_minute_and_is_not_made_up_for(every: Resources) -> None:
    schedule = every.only("AWS::Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    assert schedule["State"] == "ENABLED"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert every.readable(schedule["Target"]["Arn"]).endswith("-scheduler")
    assert schedule["Target"]["Input"] == '{"kind":"tick","scheduledTime":"<aws.scheduler.scheduled-time>"}'
    assert schedule["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 1}


def test_the_retry_of_letters_is_told_as_the_environment_has_it(every: Resources) -> None:
    told = every.function("workflow")["Environment"]["Variables"]
    rules = read_settings(BuiltInSettings, {name: _text(value) for name, value in told.items()})
    wanted = every.environment.retry_letters
    assert rules.retry_classes == wanted.classes
    assert (rules.retry_min_age_minutes, rules.retry_max_age_hours) == (wanted.min_age_minutes, wanted.max_age_hours)
    assert (rules.retry_per_run, rules.retry_generations) == (wanted.per_run, wanted.generations)


def _text(value: object) -> str:
    """A setting that is known only when it is deployed stands for itself."""
    return value if isinstance(value, str) else repr(value)

"""What rings, for what, and who hears it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra.templates import Json, Resources, synthesize

ALARMS = {
    "queue-dead-letters": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    "oldest-message": ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    "tick-missing": ("WorkerFlow/prod", "TickCompleted"),
    "open-dead-letters": ("WorkerFlow/prod", "OpenDeadLetters"),
    "resent": ("WorkerFlow/prod", "Resent"),
    "unreadable-rows": ("WorkerFlow/prod", "UnreadableRow"),
    "ingress-sends-failed": ("WorkerFlow/prod", "SendFailed"),
    "scheduler-sends-failed": ("WorkerFlow/prod", "SendFailed"),
    "api-server-errors": ("AWS/ApiGateway", "5xx"),
    "ingress-errors": ("AWS/Lambda", "Errors"),
    "consumer-errors": ("AWS/Lambda", "Errors"),
    "workflow-errors": ("AWS/Lambda", "Errors"),
    "scheduler-errors": ("AWS/Lambda", "Errors"),
    "ingress-throttles": ("AWS/Lambda", "Throttles"),
    "consumer-throttles": ("AWS/Lambda", "Throttles"),
    "workflow-throttles": ("AWS/Lambda", "Throttles"),
    "scheduler-throttles": ("AWS/Lambda", "Throttles"),
}


def alarm(resources: Resources, name: str) -> Json:
    wanted = f"{resources.environment.prefix}-{name}"
    (found,) = [one for one in resources.of("AWS::CloudWatch::Alarm").values() if one["AlarmName"] == wanted]
    return found


def test_there_are_these_alarms_and_no_others(every: Resources) -> None:
    names = {found["AlarmName"] for found in every.of("AWS::CloudWatch::Alarm").values()}
    assert names == {f"{every.environment.prefix}-{name}" for name in ALARMS}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_watches_its_metric_and_tells_the_topic(prod: Resources, name: str) -> None:
    found = alarm(prod, name)
    assert (found["Namespace"], found["MetricName"]) == ALARMS[name]
    assert found["AlarmDescription"]
    assert [prod.readable(action) for action in found["AlarmActions"]] == ["workerflow-prod-alarms"]
    assert found["OKActions"] == found["AlarmActions"]


def test_a_tick_that_does_not_come_or_fails_in_part_is_an_alarm(prod: Resources) -> None:
    found = alarm(prod, "tick-missing")
    assert found["TreatMissingData"] == "breaching"
    assert found["ComparisonOperator"] == "LessThanThreshold"
    assert (found["Threshold"], found["Statistic"]) == (1, "Sum")


def test_silence_of_anything_else_is_none(prod: Resources) -> None:
    others = [alarm(prod, name) for name in ALARMS if name != "tick-missing"]
    assert {other["TreatMissingData"] for other in others} == {"notBreaching"}


@pytest.mark.parametrize("name", ["open-dead-letters", "resent", "tick-missing"])
def test_own_metrics_are_read_under_the_dimension_that_powertools_writes(prod: Resources, name: str) -> None:
    assert alarm(prod, name)["Dimensions"] == [{"Name": "service", "Value": "scheduler"}]
    told = prod.function("scheduler")["Environment"]["Variables"]
    assert told["POWERTOOLS_SERVICE_NAME"] == "scheduler"
    assert told["POWERTOOLS_METRICS_NAMESPACE"] == alarm(prod, name)["Namespace"]


@pytest.mark.parametrize("metric", ["OpenDeadLetters", "Resent", "SendFailed", "TickCompleted", "UnreadableRow"])
def test_own_metrics_are_counted_by_the_tick_under_that_name(metric: str) -> None:
    services = Path(__file__).resolve().parents[2] / "layers/core/python/workerflow/services"
    assert [file.name for file in services.glob("*.py") if f'"{metric}"' in file.read_text()]


def test_nobody_is_told_by_mail_unless_an_address_is_given(prod: Resources) -> None:
    assert prod.of("AWS::SNS::Subscription") == {}


def test_an_address_is_subscribed(tmp_path: Path) -> None:
    resources = synthesize("dev", tmp_path, alarm_email="ops@example.org")
    subscription = resources.only("AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.org")


def test_there_is_a_dashboard(every: Resources) -> None:
    assert every.only("AWS::CloudWatch::Dashboard")["DashboardName"] == every.environment.prefix

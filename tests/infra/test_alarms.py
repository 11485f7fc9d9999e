"""What rings, for what, and who hears it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.infra.templates import Json, Resources, synthesize
from workerflow.runtime.observability import Telemetry

ALARMS = {
    "queue-dead-letters": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    "oldest-message": ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    "tick-missing": ("WorkerFlow/prod", "TickCompleted"),
    "ticks-behind": ("WorkerFlow/prod", "TickBehind"),
    "ticks-ahead": ("WorkerFlow/prod", "TickAhead"),
    "heartbeat-missing": ("WorkerFlow/prod", "Heartbeat"),
    "open-dead-letters": ("WorkerFlow/prod", "OpenDeadLetters"),
    "resent": ("WorkerFlow/prod", "Resent"),
    "unreadable-rows": ("WorkerFlow/prod", "UnreadableRow"),
    "ingress-sends-failed": ("WorkerFlow/prod", "SendFailed"),
    "scheduler-sends-failed": ("WorkerFlow/prod", "SendFailed"),
    "workflow-sends-failed": ("WorkerFlow/prod", "SendFailed"),
    "api-server-errors": ("AWS/ApiGateway", "5xx"),
    "dashboard-server-errors": ("AWS/Lambda", "Url5xxCount"),
    "dashboard-refusals": ("AWS/Lambda", "Url4xxCount"),
    "ingress-errors": ("AWS/Lambda", "Errors"),
    "consumer-errors": ("AWS/Lambda", "Errors"),
    "workflow-errors": ("AWS/Lambda", "Errors"),
    "scheduler-errors": ("AWS/Lambda", "Errors"),
    "dashboard-errors": ("AWS/Lambda", "Errors"),
    "ingress-throttles": ("AWS/Lambda", "Throttles"),
    "consumer-throttles": ("AWS/Lambda", "Throttles"),
    "workflow-throttles": ("AWS/Lambda", "Throttles"),
    "scheduler-throttles": ("AWS/Lambda", "Throttles"),
    "dashboard-throttles": ("AWS/Lambda", "Throttles"),
}
QUERIES = {
    "fires-missed": 'SELECT SUM(FireMissed) FROM SCHEMA("WorkerFlow/prod", schedule, service) '
    "GROUP BY schedule ORDER BY SUM() DESC",
    "fires-failed": 'SELECT SUM(FireFailed) FROM SCHEMA("WorkerFlow/prod", schedule, service) '
    "GROUP BY schedule ORDER BY SUM() DESC",
    "calls-refused": 'SELECT SUM(CallRefused) FROM SCHEMA("WorkerFlow/prod", reason, service, tenant)',
}
NOISY_SILENCE = {"tick-missing", "heartbeat-missing"}


def alarm(resources: Resources, name: str) -> Json:
    wanted = f"{resources.environment.prefix}-{name}"
    (found,) = [one for one in resources.of("AWS::CloudWatch::Alarm").values() if one["AlarmName"] == wanted]
    return found


def test_there_are_these_alarms_and_no_others(every: Resources) -> None:
    names = {found["AlarmName"] for found in every.of("AWS::CloudWatch::Alarm").values()}
    queries = () if every.environment.emulated else QUERIES  # the emulator refuses to deploy them
    assert names == {f"{every.environment.prefix}-{name}" for name in (*ALARMS, *queries)}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_watches_its_metric(prod: Resources, name: str) -> None:
    found = alarm(prod, name)
    assert (found["Namespace"], found["MetricName"]) == ALARMS[name]


@pytest.mark.parametrize("name", QUERIES)
def test_what_is_counted_by_a_name_that_nobody_knows_yet_is_watched_by_a_query(prod: Resources, name: str) -> None:
    """A schedule, a tenant and a reason need no alarm of their own: whatever has the dimensions is in the query."""
    (only,) = alarm(prod, name)["Metrics"]
    assert (only["Expression"], only["Period"], only["ReturnData"]) == (QUERIES[name], 300, True)


@pytest.mark.parametrize("name", [*ALARMS, *QUERIES])
def test_an_alarm_says_what_it_means_and_tells_the_topic(prod: Resources, name: str) -> None:
    found = alarm(prod, name)
    assert found["AlarmDescription"]
    assert [prod.readable(action) for action in found["AlarmActions"]] == ["workerflow-prod-alarms"]
    assert found["OKActions"] == found["AlarmActions"]


def test_a_tick_that_does_not_come_or_fails_in_part_is_an_alarm(prod: Resources) -> None:
    found = alarm(prod, "tick-missing")
    assert found["TreatMissingData"] == "breaching"
    assert found["ComparisonOperator"] == "LessThanThreshold"
    assert (found["Threshold"], found["Statistic"]) == (1, "Sum")


def test_a_heartbeat_that_does_not_come_for_two_hours_is_an_alarm(prod: Resources) -> None:
    found = alarm(prod, "heartbeat-missing")
    assert found["TreatMissingData"] == "breaching"
    assert (found["Period"], found["EvaluationPeriods"]) == (3600, 2)
    assert (found["ComparisonOperator"], found["Threshold"], found["Statistic"]) == ("LessThanThreshold", 1, "Sum")
    assert found["Dimensions"] == [{"Name": "service", "Value": "workflow"}]


def test_silence_of_anything_else_is_none(prod: Resources) -> None:
    others = [alarm(prod, name) for name in (*ALARMS, *QUERIES) if name not in NOISY_SILENCE]
    assert {other["TreatMissingData"] for other in others} == {"notBreaching"}


@pytest.mark.parametrize("name", ["open-dead-letters", "resent", "tick-missing", "ticks-behind", "ticks-ahead"])
def test_own_metrics_are_read_under_the_dimension_that_powertools_writes(prod: Resources, name: str) -> None:
    assert alarm(prod, name)["Dimensions"] == [{"Name": "service", "Value": "scheduler"}]
    told = prod.function("scheduler")["Environment"]["Variables"]
    assert told["POWERTOOLS_SERVICE_NAME"] == "scheduler"
    assert told["POWERTOOLS_METRICS_NAMESPACE"] == alarm(prod, name)["Namespace"]


@pytest.mark.parametrize(
    "metric",
    [
        "FireFailed",
        "FireMissed",
        "Heartbeat",
        "OpenDeadLetters",
        "Resent",
        "SendFailed",
        "TickAhead",
        "TickBehind",
        "TickCompleted",
        "UnreadableRow",
    ],
)
def test_own_metrics_are_counted_by_services_under_that_name(metric: str) -> None:
    services = Path(__file__).resolve().parents[2] / "layers/core/python/workerflow/services"
    assert [file.name for file in services.glob("*.py") if f'"{metric}"' in file.read_text()]


def test_what_is_queried_is_written_with_exactly_these_dimensions(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("test-of-dimensions", "WorkerFlow/prod")
    telemetry.count("FireMissed", schedule="nightly")
    telemetry.count("FireFailed", schedule="nightly")
    telemetry.count_refusal(tenant="default", reason="key_required")
    telemetry.flush()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    written = {}
    for directive in (one for line in lines for one in line["_aws"]["CloudWatchMetrics"]):
        (dimensions,) = directive["Dimensions"]
        for metric in directive["Metrics"]:
            written[metric["Name"]] = f'SCHEMA("{directive["Namespace"]}", {", ".join(sorted(dimensions))})'
    for query in QUERIES.values():
        name = query.removeprefix("SELECT SUM(").partition(")")[0]
        assert f"FROM {written[name]}" in query


@pytest.mark.parametrize("name", ["dashboard-server-errors", "dashboard-refusals"])
def test_what_is_answered_at_the_dashboards_address_is_counted_for_its_function(prod: Resources, name: str) -> None:
    """It answers 500 without failing: the function's own errors would not tell."""
    [dimension] = alarm(prod, name)["Dimensions"]
    assert dimension["Name"] == "FunctionName"
    assert prod.readable(dimension["Value"]) == "workerflow-prod-dashboard"


def test_nobody_is_told_by_mail_unless_an_address_is_given(prod: Resources) -> None:
    assert prod.of("AWS::SNS::Subscription") == {}


def test_an_address_is_subscribed(tmp_path: Path) -> None:
    resources = synthesize("dev", tmp_path, alarm_email="ops@example.org")
    subscription = resources.only("AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.org")


def test_there_is_a_board_in_cloudwatch(every: Resources) -> None:
    assert every.only("AWS::CloudWatch::Dashboard")["DashboardName"] == every.environment.prefix

"""What is logged and counted, and what never is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from workerflow.domain.errors import PermanentError, StoreUnavailableError
from workerflow.runtime.observability import Telemetry, describe

if TYPE_CHECKING:
    import pytest


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_is_one_json_object_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("observed-info", "WorkerFlow")
    telemetry.info("call answered", status=202, code=None)
    (line,) = lines(capsys)
    assert (line["message"], line["service"], line["status"]) == ("call answered", "observed-info", 202)
    assert "code" not in line


def test_a_lines_location_is_the_place_that_tells(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("observed-location", "WorkerFlow")
    telemetry.info("one")
    telemetry.warning("two")
    telemetry.failure("three", ValueError())
    here = "test_a_lines_location_is_the_place_that_tells:"
    assert [str(line["location"]).startswith(here) for line in lines(capsys)] == [True, True, True]


def test_counts_are_written_once_by_flush_as_one_metric_line(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("observed-metrics", "WorkerFlow")
    telemetry.count("SendFailed")
    telemetry.count("SendFailed", 2)
    assert lines(capsys) == []
    telemetry.flush()
    telemetry.flush()
    (line,) = lines(capsys)
    assert line["SendFailed"] == [1.0, 2.0]
    assert "_aws" in line


def test_a_schedules_counts_are_summed_up_and_written_with_its_name_as_a_dimension(
    capsys: pytest.CaptureFixture[str],
) -> None:
    telemetry = Telemetry("observed-schedules", "WorkerFlow")
    for schedule, value in (("nightly", 1), ("hourly", 1), ("nightly", 2)):
        telemetry.count("FireMissed", value, schedule=schedule)
    assert lines(capsys) == []
    telemetry.flush()
    telemetry.flush()
    found = [(line["service"], line["schedule"], line["FireMissed"]) for line in lines(capsys)]
    assert found == [("observed-schedules", "nightly", [3.0]), ("observed-schedules", "hourly", [1.0])]


def test_both_dimensions_of_a_schedules_metric_are_declared(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("observed-dimensions", "WorkerFlow")
    telemetry.count("FireFailed", schedule="nightly")
    telemetry.flush()
    (line,) = lines(capsys)
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service", "schedule"]]  # type: ignore[index]


def test_a_refusal_is_counted_at_once_by_tenant_and_reason(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("observed-refusals", "WorkerFlow")
    telemetry.count_refusal(tenant="acme", reason="token_mismatch")
    telemetry.count_refusal(tenant="unknown", reason="token_mismatch")
    first, second = lines(capsys)
    assert (first["CallRefused"], first["tenant"], first["reason"]) == ([1.0], "acme", "token_mismatch")
    assert (second["tenant"], second["service"]) == ("unknown", "observed-refusals")


def test_a_foreign_exception_is_logged_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("observed-failure", "WorkerFlow")
    try:
        raise KeyError("the caller's payload")  # noqa: TRY301
    except KeyError as error:
        telemetry.failure("uncaught", error, request_id="r-1")
    out = capsys.readouterr().out
    assert "the caller's payload" not in out
    line = json.loads(out)
    assert line["error_class"] == "builtins.KeyError"
    assert line["level"] == "ERROR"
    assert line["stack"][-1].endswith("test_a_foreign_exception_is_logged_without_its_text")


def test_a_handlers_failure_is_logged_with_its_line_and_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("observed-handler", "WorkerFlow")
    try:
        raise PermanentError("a customer's name")  # noqa: TRY301
    except PermanentError as error:
        telemetry.handler_failed("route:echo", error)
    (line,) = lines(capsys)
    assert (line["level"], line["source"]) == ("WARNING", "route:echo")
    assert str(line["error_class"]).endswith(".PermanentError")
    assert __file__ in str(line["stack"])
    assert "customer" not in json.dumps(line)


def test_our_own_exception_is_logged_with_its_text_and_its_cause_without() -> None:
    try:
        try:
            raise ValueError("a secret")  # noqa: TRY301
        except ValueError as error:
            raise StoreUnavailableError("runs: ThrottlingException") from error
    except StoreUnavailableError as error:
        described = describe(error)
    assert described["error_message"] == "runs: ThrottlingException"
    assert "a secret" not in json.dumps(described)
    cause = described["cause"]
    assert isinstance(cause, dict)
    assert cause["error_class"] == "builtins.ValueError"

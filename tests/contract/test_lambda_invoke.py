"""WorkflowInvoker on Lambda: what each end of an invocation becomes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.aws import REGION, WORKFLOW_FUNCTION, lined_clients
from tests.support.faults import Fault, Line, ProcessDied
from tests.support.lambda_stand_in import run_functions
from tests.support.tasks import an_acceptance
from workerflow.adapters.lambda_invoke import WAITS, LambdaInvoker, wait_class
from workerflow.domain.errors import InvocationFailedError
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.task import TaskMessage
from workerflow.ports.world import Died, Invocation, NoAnswer, Reached

MESSAGE = TaskMessage("default", an_acceptance().trace_id)
DONE = Execution(ExecutionStatus.SUCCEEDED, output=b'{"ok":true}', stored=True)


@pytest.fixture
def line() -> Iterator[Line]:
    _, line = lined_clients()
    line.clear()
    yield line
    line.clear()


def _invoke(line: Line, function: Any, *, function_name: str = WORKFLOW_FUNCTION) -> Invocation:
    run_functions(line, {WORKFLOW_FUNCTION: function})
    invoker = LambdaInvoker(lined_clients()[0].invoker, function_name)
    return invoker.invoke(MESSAGE, owner="0" * 16, for_caller=True, wait_seconds=27.4)


def test_an_answer_is_an_execution(line: Line) -> None:
    events: list[dict[str, Any]] = []

    def function(event: dict[str, Any]) -> dict[str, Any]:
        events.append(event)
        return DONE.to_json()

    assert _invoke(line, function) == Reached(DONE)
    assert events == [{"tenant": "default", "traceId": MESSAGE.trace_id, "owner": "0" * 16, "forCaller": True}]


def test_an_exception_ends_the_function(line: Line) -> None:
    def function(_event: dict[str, Any]) -> None:
        raise KeyError("tenant")

    assert _invoke(line, function) == Died("KeyError: 'tenant'")


def test_a_process_that_dies_is_told_in_the_platforms_words(line: Line) -> None:
    def function(_event: dict[str, Any]) -> None:
        raise ProcessDied("exit status 1")

    assert _invoke(line, function) == Died("Runtime.ExitError: exit status 1")


@pytest.mark.parametrize("answer", [None, [], {}, {"status": "unheard-of"}, "text", 7])
def test_an_answer_that_is_no_execution_is_a_death(line: Line, answer: object) -> None:
    assert isinstance(_invoke(line, lambda _event: answer), Died)


@pytest.mark.parametrize("body", [b"", b"no json", b"null", b"{}"])
def test_a_death_without_words_is_a_death_all_the_same(line: Line, body: bytes) -> None:
    line.stand_in("lambda.Invoke", lambda _request: (200, {"X-Amz-Function-Error": "Unhandled"}, body))
    invoker = LambdaInvoker(lined_clients()[0].invoker, WORKFLOW_FUNCTION)
    died = invoker.invoke(MESSAGE, owner="0" * 16, for_caller=True, wait_seconds=27)
    assert isinstance(died, Died)


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.SILENT])
def test_a_broken_line_after_the_start_is_no_answer_and_no_second_invocation(line: Line, fault: Fault) -> None:
    runs: list[int] = []
    with line.breaking(fault):
        assert _invoke(line, lambda _event: runs.append(1)) == NoAnswer()
    assert runs == [1]


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.THROTTLED, Fault.HICCUP])
def test_what_never_started_is_no_attempt(line: Line, fault: Fault) -> None:
    runs: list[int] = []
    with line.breaking(fault), pytest.raises(InvocationFailedError):
        _invoke(line, lambda _event: runs.append(1))
    assert runs == []
    assert [call.tries for call in line.calls] == [1]


def test_a_function_that_is_not_there_is_no_attempt(line: Line) -> None:
    with pytest.raises(InvocationFailedError):
        _invoke(line, lambda _event: None, function_name="another")


@pytest.mark.parametrize("status", [500, 503])
def test_an_error_of_lambda_itself_is_no_attempt(line: Line, status: int) -> None:
    headers = {"x-amzn-errortype": "ServiceException"}
    line.stand_in("lambda.Invoke", lambda _request: (status, headers, json.dumps({"Message": "oh"}).encode()))
    invoker = LambdaInvoker(lined_clients()[0].invoker, WORKFLOW_FUNCTION)
    with pytest.raises(InvocationFailedError):
        invoker.invoke(MESSAGE, owner="0" * 16, for_caller=False, wait_seconds=280)
    assert [call.tries for call in line.calls] == [1]


@pytest.mark.parametrize(
    ("asked", "given"), [(280, 280), (1e9, 280), (27.9, 27), (27, 27), (21, 20), (0.2, 1), (-3, 1)]
)
def test_the_client_waits_as_long_as_asked_or_a_little_less(asked: float, given: int) -> None:
    assert wait_class(asked) == given
    assert _config(lined_clients()[0].invoker(given)).read_timeout == given


def test_an_invoker_never_asks_twice_and_the_stores_do() -> None:
    clients, _ = lined_clients()
    assert _config(clients.invoker(WAITS[0])).retries == {"mode": "standard", "total_max_attempts": 1}
    for client in (clients.dynamodb(), clients.sqs(), clients.s3(), clients.secrets()):
        assert _config(client).retries == {"mode": "standard", "total_max_attempts": 3}
        assert _config(client).connect_timeout <= 2
        assert _config(client).read_timeout <= 5
        assert client.meta.region_name == REGION


def test_a_client_is_made_once() -> None:
    clients, _ = lined_clients()
    assert clients.dynamodb() is clients.dynamodb()
    assert clients.invoker(27) is clients.invoker(27)
    assert clients.invoker(27) is not clients.invoker(280)


def _config(client: Any) -> Any:
    """The stubs do not know what a Config has."""
    return client.meta.config

"""A sync call that outlives the HTTP limit is handed over to the queue and answered 202."""

from __future__ import annotations

from tests.e2e.calls import Api
from tests.e2e.slow import LONG_SECONDS, Slow

HTTP_LIMIT_SECONDS = 30
"""Of API Gateway, after which it answers itself. Source: "Quotas for HTTP APIs", API Gateway developer guide."""


def test_a_call_that_takes_too_long_is_answered_202_and_its_task_goes_on(slow: Slow, api: Api) -> None:
    call = slow.long.result()

    assert call.answer.status == 202
    assert call.seconds < HTTP_LIMIT_SECONDS
    assert call.answer.headers["location"] == f"/api/runs/{call.trace_id}"
    run = api.ended(call.trace_id)
    assert (run["state"], run["attempt"], run["mode"]) == ("succeeded", 1, "sync")
    assert run["output"]["document"] == {"slept": LONG_SECONDS}
    assert call.attempts == [1]

    repeated = api.repeat(call)
    assert (repeated.answer.status, repeated.answer.json()) == (200, {"slept": LONG_SECONDS})
    assert repeated.answer.headers["x-workerflow-replayed"] == "true"

"""An async call becomes one task, however often it is sent, and the task a recorded run."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

from tests.e2e.backstage import Backstage
from tests.e2e.calls import Api
from workerflow.domain.identity import effect_key

AT_ONCE = 10
"""Each concurrent call gets a process of its own, which two processors start at the rate of a few a second."""


def test_a_signed_call_becomes_a_recorded_run(api: Api, backstage: Backstage) -> None:
    call = api.start("e2e_async", number=1)

    assert call.answer.json() == {"traceId": call.trace_id, "status": "accepted", "duplicate": False}
    assert call.answer.headers["location"] == f"/api/runs/{call.trace_id}"

    run = api.ended(call.trace_id)
    assert (run["state"], run["attempt"], run["source"], run["kind"]) == (
        "succeeded",
        1,
        "route:e2e_async",
        "http_route",
    )
    assert [attempt["result"] for attempt in run["attempts"]] == ["succeeded"]
    assert run["acceptedAt"] <= run["attempts"][0]["startedAt"] <= run["finishedAt"]
    assert run["failure"] is None
    assert run["output"]["document"] == {
        "sha256": hashlib.sha256(call.body).hexdigest(),
        "attempt": 1,
        "generation": 0,
        "effectKey": effect_key(call.trace_id, "charge"),
    }
    assert call.attempts == [1]
    assert backstage.letter(call.trace_id) is None


def test_a_run_is_told_at_once_after_the_202(api: Api) -> None:
    call = api.start("e2e_async")

    assert api.run(call.trace_id)["state"] in {"queued", "running", "succeeded"}


def test_the_same_call_again_is_the_same_task_and_runs_once(api: Api) -> None:
    first = api.start("e2e_async")
    at_once = api.repeat(first)
    api.ended(first.trace_id)
    afterwards = api.repeat(first)

    for duplicate in (at_once, afterwards):
        assert duplicate.answer.status == 202
        assert duplicate.answer.json() == {"traceId": first.trace_id, "status": "accepted", "duplicate": True}
    assert first.attempts == [1]


def test_the_same_key_with_another_body_is_refused(api: Api) -> None:
    first = api.start("e2e_async", amount=1)
    other = api.call("e2e_async", key=first.key, amount=2)

    assert other.answer.status == 422
    assert other.answer.headers["content-type"] == "application/problem+json"
    problem = other.answer.json()
    assert (problem["code"], problem["traceId"]) == ("key_reused", first.trace_id)
    api.ended(first.trace_id)
    assert first.attempts == [1]


def test_the_same_key_on_another_route_is_another_task(api: Api) -> None:
    first = api.start("e2e_async")
    other = api.start("e2e_other", key=first.key)

    assert other.trace_id != first.trace_id
    assert api.ended(other.trace_id)["state"] == api.ended(first.trace_id)["state"] == "succeeded"


def test_a_message_that_comes_twice_executes_nothing_twice(api: Api, backstage: Backstage) -> None:
    call = api.start("e2e_async")
    api.ended(call.trace_id)
    backstage.send_again(call.trace_id)
    later = api.start("e2e_async")
    api.ended(later.trace_id)

    assert call.attempts == [1]


def test_fifty_calls_with_one_key_in_a_crowd_are_one_task(api: Api, backstage: Backstage) -> None:
    body = api.payload("fifty")
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        calls = list(pool.map(lambda _: api.call_with("e2e_async", "fifty", body), range(50)))

    assert {call.answer.status for call in calls} == {202}
    assert len({call.answer.json()["traceId"] for call in calls}) == 1
    assert [call.answer.json()["duplicate"] for call in calls].count(False) == 1
    assert api.ended(calls[0].trace_id)["state"] == "succeeded"
    assert calls[0].attempts == [1]
    acceptance = backstage.acceptance("e2e_async", "fifty")
    assert acceptance is not None
    assert acceptance.trace_id == calls[0].trace_id

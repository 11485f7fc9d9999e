"""A sync call is answered by its handler; a repeated one by what is known of the first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.e2e.backstage import Backstage
from tests.e2e.calls import Api, eventually

REPLAYED = "x-workerflow-replayed"


def test_a_sync_call_is_answered_with_what_the_handler_returns(api: Api, backstage: Backstage) -> None:
    call = api.call("e2e_sync", number=21)

    assert (call.answer.status, call.answer.json()) == (200, {"doubled": 42, "attempt": 1})
    assert REPLAYED not in call.answer.headers
    run = api.run(call.trace_id)
    assert (run["state"], run["mode"], run["output"]["document"]["doubled"]) == ("succeeded", "sync", 42)
    assert backstage.letter(call.trace_id) is None


def test_a_raw_response_is_handed_on_as_it_is(api: Api) -> None:
    call = api.call("e2e_raw")
    repeated = api.repeat(call)

    for answer in (call.answer, repeated.answer):
        assert answer.status == 201
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["x-handler"] == "e2e"
        assert answer.body == bytes(range(256))
    assert repeated.answer.headers[REPLAYED] == "true"
    assert call.attempts == [1]


def test_a_repeated_call_gets_the_stored_response_marked_as_such(api: Api) -> None:
    first = api.call("e2e_sync", number=4)
    again = api.repeat(first)

    assert (again.answer.status, again.answer.body) == (200, first.answer.body)
    assert again.answer.headers[REPLAYED] == "true"
    assert again.trace_id == first.trace_id
    assert first.attempts == [1]


def test_the_same_key_with_another_body_is_refused(api: Api) -> None:
    first = api.call("e2e_sync", number=1)
    other = api.call("e2e_sync", key=first.key, number=2)

    assert (other.answer.status, other.answer.json()["code"]) == (422, "key_reused")
    assert first.attempts == [1]


def test_a_second_call_meanwhile_is_told_to_come_back(api: Api) -> None:
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = pool.submit(api.call, "e2e_long", key="meanwhile", seconds=4)
        eventually((api.folder / "meanwhile").is_file, bool)
        second = api.call("e2e_long", key="meanwhile", seconds=4)
        first = waiting.result()

    assert (second.answer.status, second.answer.json()["code"]) == (409, "in_flight")
    assert int(second.answer.headers["retry-after"]) >= 1
    assert (first.answer.status, first.answer.json()) == (200, {"slept": 4})
    assert first.attempts == [1]


def test_a_retryable_failure_is_retried_by_the_callers_next_call(api: Api, backstage: Backstage) -> None:
    first = api.call("e2e_retry_sync", succeedAt=2)
    second = api.repeat(first)
    third = api.repeat(first)

    assert (first.answer.status, first.answer.json()["code"]) == (503, "try_again")
    assert "bank" not in first.answer.body.decode()
    assert (second.answer.status, second.answer.json()) == (200, {"attempt": 2})
    assert (third.answer.status, third.answer.headers[REPLAYED]) == (200, "true")
    assert first.attempts == [1, 2]
    assert backstage.letter(first.trace_id) is None


def test_a_sync_task_that_never_succeeds_is_dead_lettered_and_stays_failed(api: Api, backstage: Backstage) -> None:
    first = api.call("e2e_retry_sync")
    answers = [first, *(api.repeat(first) for _ in range(3))]

    assert [call.answer.status for call in answers] == [503, 503, 500, 500]
    last = answers[-1].answer
    assert (last.json()["code"], last.json()["class"], last.headers[REPLAYED]) == ("task_failed", "exhausted", "true")
    assert first.attempts == [1, 2, 3]
    letter = backstage.letter(first.trace_id)
    assert letter is not None
    assert letter.letter_class == "exhausted"


def test_a_process_that_dies_costs_an_attempt_and_the_next_call_runs_the_next(api: Api) -> None:
    first = api.call("e2e_die_sync", succeedAt=2)
    second = api.repeat(first)

    assert (first.answer.status, first.answer.json()["code"]) == (503, "try_again")
    assert (second.answer.status, second.answer.json()) == (200, {"attempt": 2})
    run = api.run(first.trace_id)
    assert [attempt["result"] for attempt in run["attempts"]] == ["crash", "succeeded"]

"""Every failure ends as it should: retried, or kept as exactly one dead letter of the right class."""

from __future__ import annotations

from typing import Any

from tests.e2e.backstage import Backstage
from tests.e2e.calls import Api, Call
from tests.e2e.slow import Slow
from workerflow.domain.dead_letter import DeadLetter


def results_of(run: dict[str, Any]) -> list[str]:
    return [attempt["result"] for attempt in run["attempts"]]


def the_letter_of(backstage: Backstage, call: Call) -> DeadLetter:
    """The one letter of a failed task, open, and with its payload."""
    letter = backstage.letter(call.trace_id)
    assert letter is not None
    assert letter.state == "open"
    assert letter.payload is not None
    assert letter.payload.inline == call.body
    assert letter.attempts == len(call.attempts)
    return letter


def test_a_permanent_error_is_dead_lettered_at_once(api: Api, backstage: Backstage) -> None:
    call = api.start("e2e_permanent", mended="/nowhere")
    run = api.ended(call.trace_id)

    assert (run["state"], results_of(run)) == ("failed", ["permanent"])
    assert run["failure"] == {"class": "handler_error", "error": "PermanentError"}
    letter = the_letter_of(backstage, call)
    assert (letter.letter_class, letter.message) == ("handler_error", "the card was declined")
    assert "refuse" in letter.traceback
    assert call.attempts == [1]


def test_a_payload_that_the_handler_refuses_is_dead_lettered_as_such(api: Api, backstage: Backstage) -> None:
    call = api.start("e2e_unfit")
    run = api.ended(call.trace_id)

    assert (run["state"], run["failure"]["class"]) == ("failed", "invalid_payload")
    assert the_letter_of(backstage, call).letter_class == "invalid_payload"
    assert call.attempts == [1]


def test_a_retryable_failure_succeeds_on_the_third_attempt_without_a_letter(
    slow: Slow, api: Api, backstage: Backstage
) -> None:
    call = slow.third_time_lucky
    run = api.ended(call.trace_id)

    assert (run["state"], results_of(run)) == ("succeeded", ["retryable", "retryable", "succeeded"])
    assert run["output"]["document"] == {"attempt": 3}
    assert run["failure"] is None
    assert call.attempts == [1, 2, 3]
    assert backstage.letter(call.trace_id) is None


def test_a_task_whose_attempts_are_used_up_is_dead_lettered_once(slow: Slow, api: Api, backstage: Backstage) -> None:
    call = slow.exhausted
    run = api.ended(call.trace_id)

    assert (run["state"], results_of(run)) == ("failed", ["retryable"] * 3)
    assert run["failure"] == {"class": "exhausted", "error": "RetryableError"}
    assert the_letter_of(backstage, call).letter_class == "exhausted"
    assert call.attempts == [1, 2, 3]


def test_an_exception_that_nobody_foresaw_counts_as_retryable(slow: Slow, api: Api, backstage: Backstage) -> None:
    run = api.ended(slow.bug.trace_id)

    assert (run["state"], run["failure"]) == ("failed", {"class": "exhausted", "error": "KeyError"})
    assert the_letter_of(backstage, slow.bug).error_class == "KeyError"
    assert slow.bug.attempts == [1, 2]


def test_a_handler_that_overruns_is_ended_and_tried_again(slow: Slow, api: Api, backstage: Backstage) -> None:
    run = api.ended(slow.hanging_once.trace_id)

    assert (run["state"], results_of(run)) == ("succeeded", ["timeout", "succeeded"])
    assert slow.hanging_once.attempts == [1, 2]
    assert backstage.letter(slow.hanging_once.trace_id) is None


def test_a_handler_that_always_overruns_is_dead_lettered(slow: Slow, api: Api, backstage: Backstage) -> None:
    run = api.ended(slow.hanging.trace_id)

    assert (run["state"], results_of(run)) == ("failed", ["timeout", "timeout"])
    assert run["failure"]["class"] == "timeout"
    assert the_letter_of(backstage, slow.hanging).letter_class == "timeout"
    assert slow.hanging.attempts == [1, 2]


def test_a_process_that_dies_is_seen_and_the_task_goes_on_in_another(
    slow: Slow, api: Api, backstage: Backstage
) -> None:
    call = slow.dying_once
    run = api.ended(call.trace_id)

    assert (run["state"], results_of(run)) == ("succeeded", ["crash", "succeeded"])
    first, second = call.executions
    assert first.process != second.process
    assert backstage.letter(call.trace_id) is None


def test_a_handler_that_always_kills_its_process_is_dead_lettered(slow: Slow, api: Api, backstage: Backstage) -> None:
    run = api.ended(slow.dying.trace_id)

    assert (run["state"], results_of(run)) == ("failed", ["crash", "crash"])
    assert the_letter_of(backstage, slow.dying).letter_class == "crash"
    assert slow.dying.attempts == [1, 2]

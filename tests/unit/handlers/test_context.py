from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.errors import PermanentError
from workerflow.domain.identity import TraceId
from workerflow.handlers import Context, TaskCancelledError


def test_a_context_for_tests_needs_nothing() -> None:
    context = Context.for_test({"a": 1})
    assert context.body == b'{"a": 1}'
    assert TraceId.parse(context.trace_id).accepted_at_ms == context.now_ms()
    assert context.remaining_seconds() == 30
    assert (context.attempt, context.generation, context.root) == (1, 0, context.trace_id)


def test_the_time_that_remains_follows_the_clock_and_ends_at_zero() -> None:
    now = [1_000_000]
    context = dataclasses.replace(Context.for_test(), clock=lambda: now[0], deadline_ms=1_030_000)
    assert context.remaining_seconds() == 30
    now[0] += 29_500
    assert context.remaining_seconds() == 0.5
    now[0] += 60_000
    assert context.remaining_seconds() == 0
    assert context.now_ms() == 1_089_500


@given(st.text(), st.integers(1, 25), st.integers(0, 9))
def test_an_effect_key_is_the_same_for_every_attempt_and_replay(step: str, attempt: int, generation: int) -> None:
    first = Context.for_test(now_ms=1_700_000_000_000)
    replay = Context.for_test(now_ms=1_800_000_000_000, root=first.trace_id, attempt=attempt, generation=generation)
    assert replay.trace_id != first.trace_id
    assert replay.effect_key(step) == first.effect_key(step)


def test_an_effect_key_differs_by_step_and_by_task() -> None:
    one, other = Context.for_test(source="route:one"), Context.for_test(source="schedule:one")
    assert len({one.effect_key("charge"), one.effect_key("mail"), other.effect_key("charge")}) == 3


@pytest.mark.parametrize(
    ("source", "payload", "due_at_ms"),
    [
        ("schedule:report", {"schedule": "report", "dueAt": "2026-11-23T05:00:00.000Z"}, 1_795_410_000_000),
        ("schedule:report", {"schedule": "report", "manual": True, "reason": "again"}, 1_700_000_000_000),
        ("schedule:report", None, 1_700_000_000_000),
        ("route:report", {"dueAt": "2026-11-23T05:00:00.000Z"}, 1_700_000_000_000),
    ],
)
def test_a_fire_is_for_the_moment_at_which_it_was_due(source: str, payload: object, due_at_ms: int) -> None:
    assert Context.for_test(payload, source=source, now_ms=1_700_000_000_000).due_at_ms == due_at_ms


def test_only_declared_secrets_are_read() -> None:
    read: list[str] = []

    def reading(name: str) -> str:
        read.append(name)
        return f"value of {name}"

    context = dataclasses.replace(Context.for_test(), declared_secrets=("one",), read_secret=reading)
    assert context.secret("one") == "value of one"
    with pytest.raises(PermanentError, match="route:under_test does not declare the secret 'two'"):
        context.secret("two")
    assert read == ["one"]


def test_a_context_shows_neither_payload_nor_secrets() -> None:
    shown = repr(Context.for_test({"card": "4111"}, secrets={"key": "hush"}))
    assert "4111" not in shown
    assert "hush" not in shown


def test_a_context_is_not_changed_by_a_handler() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Context.for_test().attempt = 2  # type: ignore[misc]


def test_a_context_for_tests_is_not_cancelled_unless_the_test_says_so() -> None:
    context = Context.for_test()
    context.raise_if_cancelled()
    assert not context.is_cancelled()


def test_a_test_says_at_which_check_the_task_is_cancelled() -> None:
    context = Context.for_test(cancelled_at_check=2)
    assert [context.is_cancelled() for _ in range(3)] == [False, True, True]


def test_a_handler_gives_up_where_it_asks() -> None:
    context = Context.for_test(cancelled_at_check=2)
    context.raise_if_cancelled()
    with pytest.raises(TaskCancelledError):
        context.raise_if_cancelled()

"""The delay before the next attempt: bounded, doubling, jittered in full, never sooner than the other side asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.retry import MAX_ATTEMPTS_LIMIT, RetryDecision, RetryPolicy, decide_retry

POLICIES = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, MAX_ATTEMPTS_LIMIT),
    base_seconds=st.floats(0.0, 3_600.0),
    cap_seconds=st.floats(0.0, 43_200.0),
)
ATTEMPTS = st.integers(1, 10_000)
JITTERS = st.floats(0.0, 1.0, exclude_max=True)
ASKED = st.none() | st.floats(0.0, 43_200.0)


@given(POLICIES, ATTEMPTS, JITTERS)
def test_the_policys_own_delay_lies_between_nothing_and_its_ceilings(
    policy: RetryPolicy, attempt: int, jitter: float
) -> None:
    delay = policy.delay_seconds(attempt, jitter=jitter)
    assert 0.0 <= delay <= policy.cap_seconds
    assert delay <= policy.base_seconds * 2.0 ** (attempt - 1 if attempt < 100 else 100)


@given(POLICIES, ATTEMPTS)
def test_the_jitter_is_full_from_nothing_to_the_ceiling_in_proportion(policy: RetryPolicy, attempt: int) -> None:
    ceiling = policy.delay_seconds(attempt, jitter=1.0)
    assert policy.delay_seconds(attempt, jitter=0.0) == 0.0
    assert policy.delay_seconds(attempt, jitter=0.5) == ceiling / 2


@given(POLICIES, ATTEMPTS, JITTERS)
def test_a_later_attempt_never_waits_less_for_the_same_dice(policy: RetryPolicy, attempt: int, jitter: float) -> None:
    assert policy.delay_seconds(attempt, jitter=jitter) <= policy.delay_seconds(attempt + 1, jitter=jitter)


def test_the_ceiling_doubles_up_to_the_cap() -> None:
    policy = RetryPolicy(max_attempts=10, base_seconds=2.0, cap_seconds=60.0)
    ceilings = [policy.delay_seconds(attempt, jitter=1.0) for attempt in range(1, 8)]
    assert ceilings == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


@given(POLICIES, ATTEMPTS, JITTERS, ASKED)
def test_it_gives_up_exactly_when_no_attempt_is_left(
    policy: RetryPolicy, attempt: int, jitter: float, asked: float | None
) -> None:
    decision = decide_retry(policy, attempt, retry_after_seconds=asked, jitter=jitter)
    assert decision.gives_up == (attempt >= policy.max_attempts)


@given(POLICIES, st.integers(1, MAX_ATTEMPTS_LIMIT - 1), JITTERS, st.floats(0.0, 43_200.0))
def test_the_other_sides_wish_is_a_floor_even_above_the_cap(
    policy: RetryPolicy, attempt: int, jitter: float, asked: float
) -> None:
    policy = replace(policy, max_attempts=MAX_ATTEMPTS_LIMIT)
    own = policy.delay_seconds(attempt, jitter=jitter)
    decision = decide_retry(policy, attempt, retry_after_seconds=asked, jitter=jitter)
    assert decision == RetryDecision(max(own, asked))


@pytest.mark.parametrize("asked", [None, 0.0])
def test_without_a_wish_the_policy_decides_alone(asked: float | None) -> None:
    policy = RetryPolicy(max_attempts=3, base_seconds=10.0)
    assert decide_retry(policy, 1, retry_after_seconds=asked, jitter=0.5) == RetryDecision(5.0)


def test_a_route_with_one_attempt_is_never_retried() -> None:
    assert decide_retry(RetryPolicy(max_attempts=1), 1, retry_after_seconds=60.0, jitter=0.5).gives_up

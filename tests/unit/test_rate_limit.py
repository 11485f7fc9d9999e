"""GCRA: what a bucket lets pass, over all limits and moments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tasks import NOW_MS
from workerflow.domain.rate_limit import RateVerdict, RateWindow, bucket_name
from workerflow.domain.tenants import RateLimit

LIMITS = st.builds(RateLimit, requests=st.integers(1, 10_000), seconds=st.integers(1, 86_400))
GAPS_MS = st.lists(st.integers(0, 5_000), min_size=1, max_size=120)


def _call(limit: RateLimit, tat_us: int, now_ms: int) -> tuple[RateVerdict, int]:
    """One call to a bucket: the answer, and where it leaves the bucket."""
    window = RateWindow.at(limit, now_ms)
    if not window.has_room(tat_us):
        return window.refused(tat_us), tat_us
    after_us = window.after_call(tat_us)
    return window.passed(after_us), after_us


@given(LIMITS)
def test_a_full_bucket_holds_exactly_as_many_calls_as_its_limit_says(limit: RateLimit) -> None:
    window = RateWindow.at(limit, NOW_MS)
    emptied_us = window.now_us + limit.requests * window.step_us
    assert window.has_room(emptied_us - window.step_us)
    assert not window.has_room(emptied_us - window.step_us + 1)
    assert window.passed(window.after_call(0)).remaining == limit.requests - 1
    assert window.passed(emptied_us).remaining == 0


@given(st.builds(RateLimit, requests=st.integers(1, 20), seconds=st.integers(1, 30)), GAPS_MS)
def test_no_window_lets_more_pass_than_a_full_bucket_and_what_it_refills(limit: RateLimit, gaps_ms: list[int]) -> None:
    now_ms, tat_us, passed_ms = NOW_MS, 0, []
    for gap_ms in gaps_ms:
        now_ms += gap_ms
        verdict, tat_us = _call(limit, tat_us, now_ms)
        if verdict.allowed:
            passed_ms.append(now_ms)
    for first, begin_ms in enumerate(passed_ms):
        for last, end_ms in enumerate(passed_ms[first:], first):
            refilled = (end_ms - begin_ms) * limit.requests / (limit.seconds * 1000)
            assert last - first + 1 <= limit.requests + refilled


@given(st.builds(RateLimit, requests=st.integers(1, 20), seconds=st.integers(1, 30)), GAPS_MS)
def test_a_refusal_tells_the_very_moment_from_which_a_call_passes(limit: RateLimit, gaps_ms: list[int]) -> None:
    now_ms, tat_us = NOW_MS, 0
    for gap_ms in gaps_ms:
        now_ms += gap_ms
        verdict, tat_us = _call(limit, tat_us, now_ms)
        if not verdict.allowed:
            wait_us = round(verdict.wait_seconds * 1_000_000)
            assert wait_us > 0
            assert RateWindow.at(limit, now_ms + -(-wait_us // 1000)).has_room(tat_us)
            assert not RateWindow.at(limit, now_ms + (wait_us - 1) // 1000).has_room(tat_us)


@given(LIMITS)
def test_an_emptied_bucket_is_full_after_its_seconds(limit: RateLimit) -> None:
    window = RateWindow.at(limit, NOW_MS)
    verdict = window.passed(window.now_us + limit.requests * window.step_us)
    assert limit.seconds <= verdict.full_after_seconds < limit.seconds + limit.requests / 1_000_000


def test_a_clock_that_is_behind_finds_nothing_left_and_no_less() -> None:
    limit = RateLimit(4, 8)
    assert RateWindow.at(limit, NOW_MS - 60_000).passed(NOW_MS * 1000 + 8_000_000).remaining == 0


@pytest.mark.parametrize(
    ("limit", "other"),
    [
        (RateLimit(1, 60), RateLimit(1, 61)),
        (RateLimit(1, 60), RateLimit(2, 60)),
        (RateLimit(1, 60), RateLimit(1, 60, route="echo")),
        (RateLimit(1, 60), RateLimit(1, 60, per="client")),
        (RateLimit(11, 60), RateLimit(1, 160)),
    ],
)
def test_different_limits_have_different_buckets(limit: RateLimit, other: RateLimit) -> None:
    assert bucket_name(limit, "") != bucket_name(other, "")


def test_a_shared_bucket_does_not_know_its_clients() -> None:
    shared, own = RateLimit(1, 60), RateLimit(1, 60, per="client")
    assert bucket_name(shared, "192.0.2.1") == bucket_name(shared, "192.0.2.2")
    assert bucket_name(own, "192.0.2.1") != bucket_name(own, "192.0.2.2")

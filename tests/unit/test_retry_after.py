from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.retry_after import parse_retry_after

NOW_MS = 1_763_863_500_000
CAP = 3600.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("3600", 3600.0),
        ("3601", CAP),
        ("999999999999999999", CAP),
        ("Sun, 23 Nov 2025 02:06:00 GMT", 60.0),
        ("Sun, 23 Nov 2025 02:06:00 -0000", 60.0),
        ("Sunday, 23-Nov-25 02:06:00 GMT", 60.0),
        ("Sun Nov 23 02:06:00 2025", 60.0),
        ("Mon, 24 Nov 2025 02:06:00 GMT", CAP),
        ("Sun, 23 Nov 2025 02:04:59 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
    ],
)
def test_seconds_and_dates_are_read_and_capped(value: str, seconds: float) -> None:
    assert parse_retry_after(value, NOW_MS, cap_seconds=CAP) == seconds


@pytest.mark.parametrize(
    "value",
    [None, "", "soon", "-1", "1.5", "1e3", "١٢", "9" * 40, "Sun, 99 Nov 2025 02:06:00 GMT", "Sun, 23 Nov", "12, 13"],
)
def test_what_means_nothing_counts_as_nothing(value: str | None) -> None:
    assert parse_retry_after(value, NOW_MS, cap_seconds=CAP) is None


def test_a_date_without_a_zone_is_utc_wherever_the_process_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        assert parse_retry_after("Sun Nov 23 02:06:00 2025", NOW_MS, cap_seconds=CAP) == 60
    finally:
        monkeypatch.undo()
        time.tzset()


@given(st.text())
def test_no_text_raises_or_leaves_the_bounds(value: str) -> None:
    found = parse_retry_after(value, NOW_MS, cap_seconds=CAP)
    assert found is None or 0 <= found <= CAP


@given(st.integers(-10_000, 10_000))
def test_a_date_is_measured_from_now(offset: int) -> None:
    value = formatdate(NOW_MS / 1000 + offset, usegmt=True)
    assert parse_retry_after(value, NOW_MS, cap_seconds=CAP) == min(max(offset, 0), CAP)

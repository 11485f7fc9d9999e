"""When schedules fire: on the wall clock or in real time, through gaps and folds of every kind, in order and once."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from itertools import islice, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.zones import ZONE_NAMES, zone_info
from workerflow.domain.cron import Timing

MINUTE_MS = 60_000


def ms(text: str) -> int:
    """Epoch milliseconds of an ISO time with an offset or a Z."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def shown(moment: int, zone: str) -> str:
    return datetime.fromtimestamp(moment / 1000, zone_info(zone)).isoformat(timespec="minutes")


def fires(cron: str, zone: str, after: str, until: str) -> list[str]:
    """Fires after `after` up to `until`, as local times with their offsets."""
    found = takewhile(lambda moment: moment <= ms(until), Timing.of(cron, zone).fires(ms(after)))
    return [shown(moment, zone) for moment in found]


@pytest.mark.parametrize(
    ("cron", "after", "until", "expected"),
    [
        ("30 2 * * *", "2026-03-28T12:00+01:00", "2026-03-30T12:00+02:00", [
            "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
        ("0 2 * * *", "2026-03-28T12:00+01:00", "2026-03-29T12:00+02:00", ["2026-03-29T03:00+02:00"]),
        ("0 3 * * *", "2026-03-28T12:00+01:00", "2026-03-29T12:00+02:00", ["2026-03-29T03:00+02:00"]),
        ("*/10 2 * * *", "2026-03-28T12:00+01:00", "2026-03-29T12:00+02:00", ["2026-03-29T03:00+02:00"]),
        ("30 2,3 * * *", "2026-03-28T12:00+01:00", "2026-03-29T12:00+02:00", [
            "2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"]),
        ("0 2-3 * * *", "2026-03-28T12:00+01:00", "2026-03-29T12:00+02:00", ["2026-03-29T03:00+02:00"]),
        ("0 0-23 * * *", "2026-03-29T00:30+01:00", "2026-03-29T04:30+02:00", [
            "2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00", "2026-03-29T04:00+02:00"]),
    ],
    ids=["inside", "start", "end", "many", "inside and after", "inside and end", "each hour"],
)  # fmt: skip
def test_on_the_wall_clock_what_is_due_in_a_gap_fires_once_right_after_it(
    cron: str, after: str, until: str, expected: list[str]
) -> None:
    assert fires(cron, "Europe/Berlin", after, until) == expected


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("30 2 * * *", ["2026-10-25T02:30+02:00"]),
        ("0 2 * * *", ["2026-10-25T02:00+02:00"]),
        ("0 3 * * *", ["2026-10-25T03:00+01:00"]),
        ("*/30 2 * * *", ["2026-10-25T02:00+02:00", "2026-10-25T02:30+02:00"]),
        ("0 1-3 * * *", ["2026-10-25T01:00+02:00", "2026-10-25T02:00+02:00", "2026-10-25T03:00+01:00"]),
    ],
)
def test_on_the_wall_clock_what_is_due_in_a_fold_fires_at_its_first_occurrence(cron: str, expected: list[str]) -> None:
    assert fires(cron, "Europe/Berlin", "2026-10-25T00:30+02:00", "2026-10-25T12:00+01:00") == expected


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("30 * * * *", ["2026-03-29T00:30+01:00", "2026-03-29T01:30+01:00", "2026-03-29T03:30+02:00"]),
        ("30 */2 * * *", ["2026-03-29T00:30+01:00", "2026-03-29T04:30+02:00"]),
    ],
)
def test_in_real_time_what_is_due_in_a_gap_does_not_fire(cron: str, expected: list[str]) -> None:
    assert fires(cron, "Europe/Berlin", "2026-03-29T00:00+01:00", "2026-03-29T05:00+02:00")[: len(expected)] == expected


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("30 * * * *", ["01:30+02:00", "02:30+02:00", "02:30+01:00", "03:30+01:00"]),
        ("0 */2 * * *", ["02:00+02:00", "02:00+01:00"]),
        ("*/20 * * * *", ["01:20+02:00", "01:40+02:00", "02:00+02:00", "02:20+02:00", "02:40+02:00",
                          "02:00+01:00", "02:20+01:00", "02:40+01:00", "03:00+01:00", "03:20+01:00", "03:40+01:00"]),
    ],
)  # fmt: skip
def test_in_real_time_what_is_due_in_a_fold_fires_twice_in_order(cron: str, expected: list[str]) -> None:
    found = fires(cron, "Europe/Berlin", "2026-10-25T01:00+02:00", "2026-10-25T03:50+01:00")
    assert found == [f"2026-10-25T{one}" for one in expected]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-10-25T02:10+02:00", "2026-10-25T02:30+02:00"),
        ("2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"),
        ("2026-10-25T02:45+02:00", "2026-10-25T02:30+01:00"),
        ("2026-10-25T02:00+01:00", "2026-10-25T02:30+01:00"),
        ("2026-10-25T02:30+01:00", "2026-10-25T03:30+01:00"),
        ("2026-10-25T02:59+01:00", "2026-10-25T03:30+01:00"),
    ],
)
def test_asked_from_inside_a_fold_real_time_knows_which_occurrence_is_next(after: str, expected: str) -> None:
    following = Timing.of("30 * * * *", "Europe/Berlin").next_fire(ms(after))
    assert following == ms(expected)


@pytest.mark.parametrize("after", ["2026-10-25T02:30+02:00", "2026-10-25T02:10+01:00", "2026-10-25T02:30+01:00"])
def test_asked_from_inside_a_fold_the_wall_clock_does_not_fire_again(after: str) -> None:
    following = Timing.of("30 2 * * *", "Europe/Berlin").next_fire(ms(after))
    assert following == ms("2026-10-26T02:30+01:00")


@pytest.mark.parametrize(
    ("cron", "after", "until", "expected"),
    [
        ("15 2 * * *", "2026-10-03T12:00Z", "2026-10-04T01:00Z", ["2026-10-04T02:30+11:00"]),
        ("45 2 * * *", "2026-10-03T12:00Z", "2026-10-04T01:00Z", ["2026-10-04T02:45+11:00"]),
        ("15,45 * * * *", "2026-10-03T15:00Z", "2026-10-03T17:00Z", [
            "2026-10-04T01:45+10:30", "2026-10-04T02:45+11:00", "2026-10-04T03:15+11:00", "2026-10-04T03:45+11:00"]),
        ("45 1 * * *", "2026-04-04T12:00Z", "2026-04-05T01:00Z", ["2026-04-05T01:45+11:00"]),
        ("15,45 * * * *", "2026-04-04T14:00Z", "2026-04-04T16:00Z", [
            "2026-04-05T01:15+11:00", "2026-04-05T01:45+11:00", "2026-04-05T01:45+10:30", "2026-04-05T02:15+10:30"]),
    ],
    ids=["gap, wall", "after the gap, wall", "gap, real", "fold, wall", "fold, real"],
)  # fmt: skip
def test_a_change_of_30_minutes(cron: str, after: str, until: str, expected: list[str]) -> None:
    assert fires(cron, "Australia/Lord_Howe", after, until) == expected


@pytest.mark.parametrize(
    ("zone", "cron", "after", "until", "expected"),
    [
        ("America/Santiago", "0 0 * * *", "2026-09-05T05:00Z", "2026-09-07T12:00Z", [
            "2026-09-06T01:00-03:00", "2026-09-07T00:00-03:00"]),
        ("America/Santiago", "30 23 * * *", "2026-04-04T04:00Z", "2026-04-05T12:00Z", ["2026-04-04T23:30-03:00"]),
        ("America/Santiago", "30 * * * *", "2026-04-05T02:00Z", "2026-04-05T05:00Z", [
            "2026-04-04T23:30-03:00", "2026-04-04T23:30-04:00", "2026-04-05T00:30-04:00"]),
        ("America/Santiago", "0 0 * * *", "2026-04-04T04:00Z", "2026-04-05T12:00Z", ["2026-04-05T00:00-04:00"]),
        ("Africa/Cairo", "0 0 * * *", "2026-04-23T12:00Z", "2026-04-24T23:00Z", [
            "2026-04-24T01:00+03:00", "2026-04-25T00:00+03:00"]),
        ("Africa/Cairo", "30 0 * * fri", "2026-04-23T12:00Z", "2026-04-24T23:00Z", ["2026-04-24T01:00+03:00"]),
        ("Africa/Cairo", "30 23 * * *", "2026-10-29T12:00Z", "2026-10-30T12:00Z", ["2026-10-29T23:30+03:00"]),
        ("Africa/Cairo", "30 * * * *", "2026-10-29T20:00Z", "2026-10-29T23:00Z", [
            "2026-10-29T23:30+03:00", "2026-10-29T23:30+02:00", "2026-10-30T00:30+02:00"]),
    ],
)  # fmt: skip
def test_a_change_at_midnight(zone: str, cron: str, after: str, until: str, expected: list[str]) -> None:
    assert fires(cron, zone, after, until) == expected


def test_a_day_that_a_zone_left_out_fires_at_the_start_of_the_next_one() -> None:
    found = fires("30 12 * * *", "Pacific/Apia", "2011-12-29T00:00Z", "2011-12-31T12:00Z")
    assert found == ["2011-12-29T12:30-10:00", "2011-12-31T00:00+14:00", "2011-12-31T12:30+14:00"]
    assert fires("0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00Z", "2012-06-01T00:00Z") == ["2011-12-31T00:00+14:00"]


def test_in_real_time_a_day_that_a_zone_left_out_has_no_fires() -> None:
    found = fires("0 */12 * * *", "Pacific/Apia", "2011-12-29T12:00Z", "2011-12-31T12:00Z")
    assert found == [
        "2011-12-29T12:00-10:00",
        "2011-12-31T00:00+14:00",
        "2011-12-31T12:00+14:00",
        "2012-01-01T00:00+14:00",
    ]


def test_a_change_of_two_hours() -> None:
    assert fires("30 1 * * *", "Antarctica/Troll", "2026-03-28T12:00Z", "2026-03-29T12:00Z") == [
        "2026-03-29T03:00+02:00"
    ]
    found = fires("30 * * * *", "Antarctica/Troll", "2026-10-24T23:00Z", "2026-10-25T03:00Z")
    assert [one[11:] for one in found] == ["01:30+02:00", "02:30+02:00", "01:30+00:00", "02:30+00:00"]


def test_summer_time_that_is_a_zones_own_time_and_winter_time_the_exception() -> None:
    assert fires("30 1 * * *", "Europe/Dublin", "2026-10-24T12:00Z", "2026-10-25T12:00Z") == ["2026-10-25T01:30+01:00"]
    assert fires("30 1 * * *", "Europe/Dublin", "2026-03-28T12:00Z", "2026-03-29T12:00Z") == ["2026-03-29T02:00+01:00"]


def test_changes_beyond_the_zones_table_follow_its_rule() -> None:
    assert fires("30 2 * * *", "Europe/Berlin", "2060-03-27T12:00Z", "2060-03-28T12:00Z") == ["2060-03-28T03:00+02:00"]
    found = fires("30 * * * *", "Europe/Berlin", "2060-10-31T00:00Z", "2060-10-31T02:00Z")
    assert found == ["2060-10-31T02:30+02:00", "2060-10-31T02:30+01:00"]


def test_leap_days_come_every_four_years_and_not_in_2100() -> None:
    found = islice(Timing.of("0 0 29 2 *", "UTC").fires(ms("2089-01-01T00:00Z")), 4)
    assert [shown(moment, "UTC")[:10] for moment in found] == ["2092-02-29", "2096-02-29", "2104-02-29", "2108-02-29"]


def test_a_month_that_lacks_the_day_is_left_out() -> None:
    found = fires("0 0 31 * *", "UTC", "2026-01-15T00:00Z", "2026-09-01T00:00Z")
    assert [one[5:10] for one in found] == ["01-31", "03-31", "05-31", "07-31", "08-31"]


def test_a_day_of_the_month_or_a_day_of_the_week_is_enough() -> None:
    found = fires("0 0 13 * fri", "UTC", "2026-11-01T00:00Z", "2026-12-01T00:00Z")
    assert [one[8:10] for one in found] == ["06", "13", "20", "27"]
    found = fires("0 0 1 * mon", "UTC", "2026-10-31T00:00Z", "2026-11-12T00:00Z")
    assert [one[8:10] for one in found] == ["01", "02", "09"]


def test_the_next_fire_is_after_the_given_moment_and_never_at_it() -> None:
    timing, due = Timing.of("0 5 * * *", "UTC"), ms("2026-11-23T05:00Z")
    assert timing.next_fire(due - 1) == due
    assert timing.next_fire(due) == due + 24 * 60 * MINUTE_MS
    assert timing.next_fire(due + 1) == due + 24 * 60 * MINUTE_MS


@given(
    st.sampled_from(["* * * * *", "*/7 * * * *", "30 2 * * *", "0 0-23 * * *", "*/20 1,2 * * sun", "0 0 29 2 *"]),
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu"]),
    st.integers(ms("2024-01-01T00:00Z"), ms("2030-01-01T00:00Z")),
)
def test_what_is_shown_is_what_fires(cron: str, zone: str, after: int) -> None:
    timing = Timing.of(cron, zone)
    shown_ahead = list(islice(timing.fires(after), 12))
    one_by_one = [after]
    while len(one_by_one) < 13:
        one_by_one.append(timing.next_fire(one_by_one[-1]) or 0)
    assert one_by_one[1:] == shown_ahead
    assert shown_ahead == sorted(set(shown_ahead))
    assert all(moment % MINUTE_MS == 0 for moment in shown_ahead)


def test_the_end_of_the_calendar_is_the_end_and_not_an_error() -> None:
    timing = Timing.of("0 0 29 2 *", "Pacific/Kiritimati")
    assert timing.next_fire(ms("8999-12-31T00:00Z")) is None
    assert timing.next_fire(10**18) is None
    assert list(timing.fires(ms("8990-01-01T00:00Z"))) == [ms("8992-02-28T10:00Z"), ms("8996-02-28T10:00Z")]


def test_no_moment_is_too_early_to_ask_from() -> None:
    assert Timing.of("0 0 1 1 *", "UTC").next_fire(-1) == 0
    assert Timing.of("0 0 1 1 *", "UTC").next_fire(-(10**18)) == ms("1901-01-01T00:00Z")


def test_a_timing_tells_what_its_zones_clock_shows() -> None:
    timing = Timing.of("@daily", "Europe/Berlin")
    shown_twice = [timing.local_time(ms(text)) for text in ("2026-10-25T00:30Z", "2026-10-25T01:30Z")]
    assert [one.isoformat() for one in shown_twice] == ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]


def test_the_timing_of_the_same_two_is_made_once() -> None:
    assert Timing.of("1 2 * * *", "Europe/Oslo") is Timing.of("1 2 * * *", "Europe/Oslo")
    assert Timing.of("1 2 * * *", "Europe/Oslo") != Timing.of("1 2 * * *", "Europe/Rome")


def test_two_iterators_of_one_timing_do_not_disturb_each_other() -> None:
    timing, start = Timing.of("* * * * *", "UTC"), ms("2026-01-01T00:00Z")
    one, other = timing.fires(start), timing.fires(start + 90 * MINUTE_MS)
    pairs = [(next(one), next(other)) for _ in range(200)]
    assert pairs == [(start + n * MINUTE_MS, start + (90 + n) * MINUTE_MS) for n in range(1, 201)]


def test_every_zone_of_the_database_can_be_fired_in() -> None:
    assert len(ZONE_NAMES) > 500
    for name in ZONE_NAMES:
        moments = list(islice(Timing.of("0 12 * * *", name).fires(ms("2026-01-01T00:00Z")), 2))
        assert timedelta(hours=20) < timedelta(milliseconds=moments[1] - moments[0]) < timedelta(hours=28)


def test_a_step_is_cheap() -> None:
    def seconds() -> float:
        moments = Timing.of("* * * * *", "Europe/Berlin").fires(ms("2026-01-01T00:00Z"))
        began = time.process_time()
        assert sum(1 for _ in islice(moments, 1_000)) == 1_000
        return time.process_time() - began

    assert min(seconds() for _ in range(5)) < 0.25

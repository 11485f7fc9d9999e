"""Whatever ticks do, schedules fire as if one had come every minute: 10,000 random cases, and a whole year.

The expected fires are those of an oracle that reads a clock minute by minute (tests/unit/test_cron_oracle.py) and, of
the year, of rules written down here by hand: neither shares anything with the code that fires.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

import pytest

from tests.simulation.ticks import Outcome, Ticking, keys
from tests.support.tasks import a_schedule
from tests.support.zones import zone_info
from tests.unit.test_cron_oracle import Case, a_case, fires_by_clock, ms
from workerflow.domain.schedule import CatchUp

CASES: Final = 10_000
CHUNKS: Final = 10
PERFECT_EACH: Final = 10
"""In one of ten cases the ticks do come every minute, too, and agree with the oracle."""
ALL = CatchUp("all")


def ticking(case: Case) -> Ticking:
    return Ticking([a_schedule(cron=case.expression.text, zone=case.zone, catch_up=ALL)], ms(case.after))


def assert_each_once(outcome: Outcome, expected: dict[str, list[str]]) -> None:
    assert outcome.fires == expected
    assert outcome.missed == {name: {} for name in expected}
    assert outcome.messages == sum(map(len, expected.values()))


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_whatever_ticks_do_it_is_as_if_one_had_come_every_minute(chunk: int) -> None:
    chance = Random(f"ticks {chunk}")  # noqa: S311 - the same cases in every run
    seen: Counter[str] = Counter()
    for number in range(CASES // CHUNKS):
        case = a_case(chance)
        expected = {"report": keys(fires_by_clock(case.expression, case.zone, case.after, case.until))}
        arbitrary = ticking(case)
        arbitrary.run_somehow(ms(case.until), chance)
        try:
            assert_each_once(arbitrary.outcome(), expected)
            if number % PERFECT_EACH == 0:
                perfect = ticking(case)
                perfect.run_perfectly(ms(case.until))
                assert_each_once(perfect.outcome(), expected)
        except AssertionError as wrong:
            pytest.fail(f"chunk {chunk}, case {number}, {case}: {wrong}")
        seen["fires"] += len(expected["report"])
        seen["cases"] += bool(expected["report"])
        seen["behind"] += arbitrary.wired.signals.counts["TickBehind"]
        seen["ticks"] += arbitrary.ticks
    assert seen["cases"] > CASES // CHUNKS * 0.5
    assert seen["behind"] > 0


YEAR: Final = 2028
"""A leap year."""
BEGIN = datetime(YEAR, 1, 1, tzinfo=UTC)
END = datetime(YEAR + 1, 1, 1, tzinfo=UTC)
OUTAGES: Final = 24
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def each_time_the_clock_shows(zone: str, minutes: set[int]) -> list[datetime]:
    """By the minute hand alone, however often an hour comes."""
    moments = (BEGIN + number * MINUTE for number in range(1, (END - BEGIN) // MINUTE + 1))
    return [moment for moment in moments if moment.astimezone(zone_info(zone)).minute in minutes]


def once_a_day(zone: str, hour: int, minute: int, on: Callable[[datetime], bool] = lambda _: True) -> list[datetime]:
    """The first moment of each day at which the clock shows the time, or, where it never does, is past it."""
    first = datetime(YEAR - 1, 12, 30, hour, minute)  # noqa: DTZ001 - what a wall clock shows has no offset
    days = (first + number * DAY for number in range(370))
    found = (_first_moment(zone, local) for local in days if on(local))
    return [moment for moment in found if BEGIN < moment <= END]


def _first_moment(zone: str, local: datetime) -> datetime:
    moment = local.replace(tzinfo=UTC) - timedelta(hours=15)
    while _shown(zone, moment + timedelta(hours=1)) < local:
        moment += timedelta(hours=1)
    while _shown(zone, moment) < local:
        moment += MINUTE
    return moment


def _shown(zone: str, moment: datetime) -> datetime:
    return moment.astimezone(zone_info(zone)).replace(tzinfo=None)


def _is_working_day(local: datetime) -> bool:
    return local.isoweekday() <= 5


def _is_leap_day(local: datetime) -> bool:
    return (local.month, local.day) == (2, 29)


SCHEDULES: dict[str, tuple[str, str, Callable[[str], list[datetime]]]] = {
    "quarters": ("*/15 * * * *", "Europe/Berlin", lambda zone: each_time_the_clock_shows(zone, {0, 15, 30, 45})),
    "hours": ("@hourly", "Australia/Lord_Howe", lambda zone: each_time_the_clock_shows(zone, {0})),
    "nightly": ("30 2 * * *", "Europe/Berlin", lambda zone: once_a_day(zone, 2, 30)),
    "at_midnight": ("0 0 * * *", "America/Santiago", lambda zone: once_a_day(zone, 0, 0)),
    "after_midnight": ("15 0 * * *", "Africa/Cairo", lambda zone: once_a_day(zone, 0, 15)),
    "in_the_half_hour": ("15 2 * * *", "Australia/Lord_Howe", lambda zone: once_a_day(zone, 2, 15)),
    "working_days": ("0 9 * * mon-fri", "America/Santiago", lambda zone: once_a_day(zone, 9, 0, _is_working_day)),
    "leap_day": ("59 23 29 2 *", "Africa/Cairo", lambda zone: once_a_day(zone, 23, 59, _is_leap_day)),
}


def outages(chance: Random) -> Callable[[int], bool]:
    """Some hours here and there without any tick."""
    spans = []
    for _ in range(OUTAGES):
        first_ms = ms(BEGIN) + chance.randrange(ms(END) - ms(BEGIN))
        spans.append((first_ms, first_ms + chance.randint(1, 8) * 3_600_000))
    return lambda minute_ms: any(first <= minute_ms < last for first, last in spans)


@pytest.mark.slow
def test_in_a_year_of_ticks_no_fire_is_lost_or_doubled() -> None:
    chance = Random("a year")  # noqa: S311 - the same year in every run
    world = Ticking(
        [a_schedule(name, cron=cron, zone=zone, catch_up=ALL) for name, (cron, zone, _) in SCHEDULES.items()], ms(BEGIN)
    )
    world.run_somehow(ms(END), chance, outages(chance))
    expected = {name: keys(map(ms, moments(zone))) for name, (_, zone, moments) in SCHEDULES.items()}
    assert len({zone for _, zone, _ in SCHEDULES.values()}) == 4
    assert {name: len(found) for name, found in expected.items()} == {
        "quarters": 366 * 24 * 4,
        "hours": 366 * 24 - 1,  # both changes of half an hour put an hour and a half between two full hours
        "nightly": 366,
        "at_midnight": 366,
        "after_midnight": 366,
        "in_the_half_hour": 366,
        "working_days": 260,
        "leap_day": 1,
    }
    assert_each_once(world.outcome(), expected)
    assert world.wired.signals.counts["TickBehind"] > 100

"""Random expressions in random zones and windows, against a clock that is read minute by minute.

The oracle shares nothing with the code: an expression is made together with the set of values that each of its fields
means (so nothing is parsed), and a zone is only ever asked what its clock shows at an instant (so nothing is mapped
from local times, and no fold is looked at).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import takewhile
from random import Random
from typing import Final

import pytest

from tests.support.zones import zone_info
from workerflow.domain.cron import Timing, cron_faults

CASES: Final = 12_000
PARTS: Final = 12
CALENDAR_CASES: Final = 200
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LONGEST_FOLD_MINUTES = 4 * 60
ZONES = {
    "Africa/Cairo": "at midnight",
    "Africa/Casablanca": "around Ramadan",
    "America/Caracas": "30 minutes, not for a summer",
    "America/Havana": "at midnight, into the day and out of it",
    "America/New_York": "at two",
    "America/Nuuk": "on the evening before",
    "America/Santiago": "at midnight",
    "America/Sao_Paulo": "at midnight, abolished",
    "Antarctica/Casey": "of three hours",
    "Antarctica/Troll": "of two hours",
    "Asia/Gaza": "rules that change",
    "Asia/Kathmandu": "none, 5:45 ahead",
    "Asia/Pyongyang": "30 minutes, not for a summer",
    "Australia/Lord_Howe": "30 minutes",
    "Europe/Berlin": "at two",
    "Europe/Dublin": "winter time is the exception",
    "Europe/Istanbul": "abolished",
    "Pacific/Apia": "a day left out",
    "Pacific/Chatham": "at 2:45",
    "UTC": "none",
}
DAY_NAMES = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True)
class Expression:
    """A cron expression and what it means."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int] | None
    months: frozenset[int]
    weekdays: frozenset[int] | None
    real_time: bool

    def has_day(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        restricted = [
            value in values
            for value, values in ((day.day, self.days), (day.isoweekday() % 7, self.weekdays))
            if values is not None
        ]
        return any(restricted) or not restricted

    def has(self, local: datetime) -> bool:
        return local.minute in self.minutes and local.hour in self.hours and self.has_day(local.date())


# --- expressions, made together with their meaning ---


def a_field(chance: Random, low: int, high: int, near: list[int]) -> tuple[str, frozenset[int]]:
    """A list of one to three values, ranges and steps, mostly `near` some values."""
    made = [an_item(chance, low, high, near) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
    return ",".join(text for text, _ in made), frozenset[int]().union(*(values for _, values in made))


def an_item(chance: Random, low: int, high: int, near: list[int]) -> tuple[str, set[int]]:
    value = chance.choice(near) if chance.random() < 0.7 else chance.randint(low, high)
    form = chance.random()
    if form < 0.5 or value == high:
        return f"{value:0{chance.choice((1, 2))}}", {value}
    last = min(high, value + chance.randint(1, 6))
    if form < 0.75:
        return f"{value}-{last}", set(range(value, last + 1))
    step = chance.randint(1, last - value)
    return f"{value}-{last}/{step}", set(range(value, last + 1, step))


def starred(chance: Random, low: int, high: int) -> tuple[str, frozenset[int]]:
    step = chance.choice((1, 1, 2, 3, 4, 5, 6))
    return ("*" if step == 1 else f"*/{step}"), frozenset(range(low, high + 1, step))


def named(text: str, names: tuple[str, ...], low: int, chance: Random) -> str:
    """Some of a field's single values by their names."""
    items = text.split(",")
    return ",".join(
        names[int(item) - low].upper() if item.isdecimal() and chance.random() < 0.5 else item for item in items
    )


def an_expression(chance: Random, around: list[datetime]) -> Expression:
    """An expression that names times near those of the local times `around`."""
    minute = a_field(chance, 0, 59, [0, 15, 30, 45, 59, *(one.minute for one in around)])
    minute = starred(chance, 0, 59) if chance.random() < 0.1 else minute
    hour = a_field(chance, 0, 23, [one.hour for one in around])
    hour = starred(chance, 0, 23) if chance.random() < 0.4 else hour
    day: tuple[str, frozenset[int] | None] = ("*", None)
    if chance.random() < 0.2:
        day = a_field(chance, 1, 28, [min(one.day, 28) for one in around])
    month = ("*", frozenset(range(1, 13)))
    if chance.random() < 0.2:
        text, months = a_field(chance, 1, 12, [one.month for one in around])
        month = (named(text, MONTH_NAMES, 1, chance), months)
    weekday: tuple[str, frozenset[int] | None] = ("*", None)
    if chance.random() < 0.2:
        text, weekdays = a_field(chance, 0, 6, [one.isoweekday() % 7 for one in around])
        weekday = (named(text, DAY_NAMES, 0, chance), weekdays)
    text = chance.choice((" ", "  ", "\t")).join((minute[0], hour[0], day[0], month[0], weekday[0]))
    return Expression(text, minute[1], hour[1], day[1], month[1], weekday[1], "*" in hour[0])


# --- clocks ---


@cache
def changes(zone: str) -> tuple[datetime, ...]:
    """The instants, to the minute, at which a zone's offset changed or will, from 2006 to 2032."""
    found = []
    day, end = datetime(2006, 1, 1, tzinfo=UTC), datetime(2033, 1, 1, tzinfo=UTC)
    while day < end:
        following = day + timedelta(days=1)
        if offset(zone, day) != offset(zone, following):
            changed = (one for one in minutes(day, following) if offset(zone, one) != offset(zone, day))
            found.append(next(changed))
        day = following
    return tuple(found)


def offset(zone: str, moment: datetime) -> timedelta | None:
    return moment.astimezone(zone_info(zone)).utcoffset()


def minutes(after: datetime, until: datetime) -> Iterator[datetime]:
    """The whole minutes after `after`, itself a whole one, up to `until`."""
    while (after := after + MINUTE) <= until:
        yield after


def ms(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def clock(zone: str, moment: datetime) -> datetime:
    """What the wall clock shows, without saying which occurrence it is."""
    return moment.astimezone(zone_info(zone)).replace(tzinfo=None, fold=0)


def fires_by_clock(expression: Expression, zone: str, after: datetime, until: datetime) -> list[int]:
    """All fires after `after` up to `until`: read the clock every minute.

    In real time: whenever it shows a time of the expression. On the wall: whenever it shows, or has passed over, a time
    of the expression that it had not come to before.
    """
    first = after.replace(second=0, microsecond=0)
    reached = max(clock(zone, first - n * MINUTE) for n in range(LONGEST_FOLD_MINUTES))
    found = []
    for moment in minutes(first, until):
        shown = clock(zone, moment)
        times = [shown] if expression.real_time else minutes(reached, shown)
        if any(expression.has(one) for one in times):
            found.append(ms(moment))
        reached = max(reached, shown)
    return found


# --- cases ---


@dataclass(frozen=True)
class Case:
    expression: Expression
    zone: str
    after: datetime
    until: datetime


def a_case(chance: Random) -> Case:
    """A window of some hours, mostly around a change of the zone's offset."""
    zone = chance.choice(sorted(ZONES))
    moment = datetime(2006, 1, 1, tzinfo=UTC) + chance.randint(0, 26 * 365 * 24 * 60) * MINUTE
    if changes(zone) and chance.random() < 0.9:
        moment = chance.choice(changes(zone))
    hours = chance.choice((2, 4, 4, 8, 30))
    after = moment - timedelta(minutes=chance.randint(0, hours * 60), milliseconds=chance.choice((0, 0, 1, 59_999)))
    near = [clock(zone, moment + timedelta(minutes=chance.randint(-100, 100))) for _ in range(3)]
    return Case(an_expression(chance, near), zone, after, after + timedelta(hours=hours))


def fires_by_code(text: str, zone: str, after: datetime, until: datetime) -> list[int]:
    return list(takewhile(lambda moment: moment <= ms(until), Timing.of(text, zone).fires(ms(after))))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_the_code_and_the_clock_agree_on_every_fire(part: int) -> None:
    chance = Random(f"cron {part}")  # noqa: S311 - the same cases in every run
    fired = changed = 0
    for _ in range(CASES // PARTS):
        case = a_case(chance)
        assert cron_faults(case.expression.text) == [], case
        found = fires_by_code(case.expression.text, case.zone, case.after, case.until)
        assert found == fires_by_clock(case.expression, case.zone, case.after, case.until), case
        fired += bool(found)
        changed += any(case.after < moment <= case.until for moment in changes(case.zone))
    assert fired > CASES // PARTS * 0.5
    assert changed > CASES // PARTS * 0.6


# --- the calendar ---


def days_by_calendar(expression: Expression, first: date, days: int) -> Iterator[datetime]:
    for day in (first + timedelta(days=n) for n in range(days)):
        if expression.has_day(day):
            for hour in sorted(expression.hours):
                for minute in sorted(expression.minutes):
                    yield datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def a_date_expression(chance: Random) -> Expression:
    """One or two times on days that are restricted in every way, the ends of months and leap days before all."""
    hour, minute = chance.randint(0, 23), chance.randint(0, 59)
    days, months, weekdays = chance.choice(((1, 1, 0), (1, 0, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1), (0, 0, 1)))
    day = a_field(chance, 1, 31, [1, 28, 29, 30, 31]) if days else ("*", None)
    month = a_field(chance, 1, 12, [1, 2, 2, 3, 4, 12]) if months else ("*", frozenset(range(1, 13)))
    weekday = a_field(chance, 0, 6, [0, 1, 5, 6]) if weekdays else ("*", None)
    text = f"{minute} {hour} {day[0]} {month[0]} {weekday[0]}"
    return Expression(text, frozenset({minute}), frozenset({hour}), day[1], month[1], weekday[1], real_time=False)


@pytest.mark.slow
def test_the_code_and_the_calendar_agree_on_every_day_of_nine_years() -> None:
    chance = Random("calendar")  # noqa: S311 - the same cases in every run
    impossible = 0
    for _ in range(CALENDAR_CASES):
        expression = a_date_expression(chance)
        first = datetime(chance.choice((1999, 2023, 2027, 2095)), 1, 1, tzinfo=UTC)
        expected = [ms(moment) for moment in days_by_calendar(expression, first.date(), 3_287)]
        if faults := cron_faults(expression.text):
            assert all("never comes in" in fault for fault in faults), expression
            assert expression.weekdays is not None or not expected
            impossible += 1
        else:
            until = first + timedelta(days=3_287) - MINUTE
            assert fires_by_code(expression.text, "UTC", first - MINUTE, until) == expected, expression
    assert 0 < impossible < CALENDAR_CASES // 4

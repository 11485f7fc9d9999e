"""What a cron expression says, in words: for people who read schedules and do not write them.

Only the usual shapes have words. Any other expression gets none, which is better than a sentence that is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

from workerflow.domain.cron_expression import parse_cron

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_MOST_TIMES = 4
"""Times of a day that a sentence lists; with more of them the expression itself is easier to read."""
_MOST_DAYS = 4
_RANGE = 3
"""From so many values in a row on, they are told as a range."""


def cron_words(cron: str) -> str:
    """`0 6 * * 1-5` as `at 06:00, Monday to Friday`; empty for what has no short words, or is no cron expression."""
    try:
        minute, hour, day, month, weekday = parse_cron(cron).plain.split(" ")
    except ValueError:
        return ""
    times, days, months = _times(minute, hour), _days(day, weekday), _months(month)
    if times is None or days is None or months is None:
        return ""
    every_day = "every day " if times.startswith("at ") and not days else ""
    return ", ".join(part for part in (every_day + times, days, months) if part)


def _times(minute: str, hour: str) -> str | None:
    minutes, hours = _numbers(minute), _numbers(hour)
    if not hours:
        return _within_hours(minutes)
    if len(minutes) != 1:
        return None
    step = _step(hours, 24)
    if step:
        return f"every {step} hours" + (f" at :{minutes[0]:02d}" if minutes[0] else "")
    if len(hours) > _MOST_TIMES:
        return None
    return f"at {_listed([f'{one:02d}:{minutes[0]:02d}' for one in hours])}"


def _within_hours(minutes: Sequence[int]) -> str | None:
    if not minutes:
        return "every minute"
    step = _step(minutes, 60)
    if step:
        return f"every {step} minutes"
    if len(minutes) > _MOST_TIMES:
        return None
    return f"every hour at {_listed([f':{one:02d}' for one in minutes])}"


def _days(day: str, weekday: str) -> str | None:
    days, weekdays = _numbers(day), _numbers(weekday)
    if days and weekdays:
        return None
    if weekdays:
        return _named([_DAYS[one] for one in weekdays], weekdays)
    if len(days) > _MOST_DAYS:
        return None
    return f"on day {_listed([str(one) for one in days])} of the month" if days else ""


def _months(month: str) -> str | None:
    months = _numbers(month)
    if not months:
        return ""
    named = _named([_MONTHS[one - 1] for one in months], months)
    return f"in {named}" if named and " to " not in named else named


def _named(names: Sequence[str], numbers: Sequence[int]) -> str | None:
    in_a_row = numbers[-1] - numbers[0] == len(numbers) - 1
    if in_a_row and len(numbers) >= _RANGE:
        return f"{names[0]} to {names[-1]}"
    return _listed(names) if len(names) <= _MOST_DAYS else None


def _numbers(field: str) -> list[int]:
    """A plain field's values in ascending order; none for `*`."""
    return [] if field == "*" else [int(one) for one in field.split(",")]


def _step(values: Sequence[int], whole: int) -> int | None:
    """The distance of values that stand evenly over the whole hour or day, from its beginning; None if they do not."""
    step = values[1] - values[0] if len(values) > 1 else 0
    return step if step and list(values) == list(range(0, whole, step)) and whole % step == 0 else None


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"

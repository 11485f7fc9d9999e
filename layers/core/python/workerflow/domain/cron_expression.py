"""What a cron expression may be, and the values of its fields. No type is trusted: text comes from authors.

    minute  hour  day of month  month    day of week
    0-59    0-23  1-31          1-12     0-7 (0 and 7 are Sunday)
                                jan-dec  sun-sat

A field is `*`, or a list of values, ranges (`1-5`) and steps (`*/15`, `8-18/2`). It is read here and not by croniter,
so that no new version of it changes what a schedule means. What crons disagree about is refused, with a word on how to
say it plainly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

MAX_CRON_CHARACTERS = 500
"""A field that lists each of its values takes up to 169 characters."""
ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_UNSUPPORTED = (
    (re.compile(r"\?"), "takes no '?': write '*'"),
    (re.compile(r"#"), "takes no '#' (a weekday of the month by its number)"),
    (re.compile(r"^[hr](?![a-z])"), "takes no 'H' or 'R' (a value by hash or at random): write the value"),
    (re.compile(r"(^|[^a-z]|l)w(?![a-z])"), "takes no 'W' (the nearest working day)"),
    (re.compile(r"(^|[^a-z]|[a-z]{3})l(?![a-z])"), "takes no 'L' (the last day)"),
)


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the five: its values as numbers from `low` to `high`, and as names in the order of the numbers."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int | None:
        """The value that `text` names, or None if the field has no such value."""
        if text in self.names:
            return self.low + self.names.index(text)
        value = int(text) if text.isdecimal() else None
        return value if value is not None and self.low <= value <= self.high else None

    @property
    def whole(self) -> range:
        """Every value once: as a day of the week 7 is 0."""
        return range(self.low, self.low + len(self.names) if self.names else self.high + 1)

    @property
    def allowed(self) -> str:
        names = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        return f"{self.low} to {self.high}{names}"


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of month", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("day of week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat"))
_FIELDS = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)


@dataclass(frozen=True, slots=True)
class CronExpression:
    """A faultless expression.

    Attributes:
        plain: five fields, each `*` or numbers in ascending order, joined by commas.
        follows_real_time: whether the hour field has a `*`: then it fires whenever the local clock shows one of its
            times, otherwise once for each of them (module domain.cron).
    """

    plain: str
    follows_real_time: bool


@cache
def parse_cron(text: str) -> CronExpression:
    """The expression that `text` stands for. Raises ValueError with every fault."""
    if faults := cron_faults(text):
        raise ValueError("; ".join(faults))
    fields = _fields_of(text)
    return CronExpression(
        plain=" ".join(_plain(field, value) for field, value in zip(_FIELDS, fields, strict=True)),
        follows_real_time="*" in fields[_FIELDS.index(_HOUR)],
    )


def cron_faults(text: object) -> list[str]:
    """Everything that is wrong with a cron expression, in words for its author; of whatever type it is."""
    if faults := _text_faults(text):
        return faults
    fields = _fields_of(str(text))
    if len(fields) != len(_FIELDS):
        return [_count_fault(fields)]
    by_field = [list(_field_faults(field, value)) for field, value in zip(_FIELDS, fields, strict=True)]
    faults = [fault for found in by_field for fault in found]
    _, _, day, month, weekday = fields
    _, _, of_day, of_month, of_weekday = by_field
    if not of_day and not of_month:
        faults += _date_faults(day, month)
    if not of_day and not of_weekday:
        faults += _either_day_faults(day, weekday)
    return faults


def _text_faults(text: object) -> list[str]:
    if not isinstance(text, str):
        return [f"cron is text, as in '0 5 * * *', not {type(text).__name__}"]
    if len(text) > MAX_CRON_CHARACTERS:
        return [f"cron has {len(text)} characters, more than {MAX_CRON_CHARACTERS}"]
    if strange := sorted({one for one in text if not (" " <= one <= "~" or one == "\t")}):
        return [f"cron has characters other than plain ASCII: {''.join(strange)!a:.80}"]
    if not text.strip():
        return ["cron is empty: it has five fields, as in '0 5 * * *'"]
    if text.strip().startswith("@") and text.strip().lower() not in ALIASES:
        return [f"cron {text.strip()!r:.80} is none of {', '.join(ALIASES)}"]
    return []


def _fields_of(text: str) -> list[str]:
    expression = text.strip().lower()
    return ALIASES.get(expression, expression).split()


def _count_fault(fields: list[str]) -> str:
    names = ", ".join(field.name for field in _FIELDS)
    more = "; seconds and years are not supported" if len(fields) in {6, 7} else ""
    return f"cron has {len(fields)} field{'s' * (len(fields) > 1)}, not five ({names}){more}"


def _field_faults(field: _Field, text: str) -> Iterator[str]:
    items = text.split(",")
    if not all(items):
        yield f"the {field.name} {text!r:.80} has an empty place in its list"
    if "*" in items and len(items) > 1:
        yield f"the {field.name} {text!r:.80} has a '*' in a list: the other values mean nothing"
    for item in items:
        if item:
            yield from _item_faults(field, item)


def _item_faults(field: _Field, item: str) -> list[str]:
    what = f"the {field.name} {item!r:.80}"
    if unsupported := [f"{what} {words}" for form, words in _UNSUPPORTED if form.search(item)]:
        return unsupported[:1]
    base, slash, step = item.partition("/")
    first, dash, last = base.partition("-")
    bounds = [] if base == "*" else [first, last] if dash else [first]
    faults = [f"{what}: {bound!r:.80} is not {field.allowed}" for bound in bounds if field.number(bound) is None]
    wrong_step = [f"{what} {words}" for words in (_step_faults(step) if slash else [])]
    if not faults:
        faults = [f"{what} {words}" for words in _range_faults(field, bounds, stepped=bool(slash))]
    if not faults and not wrong_step and slash:
        faults = [f"{what} {words}" for words in _stepped_faults(field, bounds, int(step))]
    return faults + wrong_step


def _range_faults(field: _Field, bounds: list[str], *, stepped: bool) -> list[str]:
    if len(bounds) < 2:  # noqa: PLR2004 - both ends of a range
        return []
    low, high = _numbers(field, bounds)
    if low == high:
        return [f"is a range of one value: write '{bounds[0]}'"]
    if low > high:
        return [f"runs backwards: write {'its values as a list' if stepped else repr(_forwards(field, bounds))}"]
    return []


def _forwards(field: _Field, bounds: list[str]) -> str:
    """A range that runs backwards as two that do not: `22-4` as `22-23,0-4`."""
    names = field.names if bounds[0] in field.names else tuple(map(str, field.whole))
    ends = [(bounds[0], names[-1]), (names[0], bounds[1])]
    if field.number(bounds[0]) not in field.whole:  # Sunday as 7
        del ends[0]
    return ",".join(one if field.number(one) == field.number(other) else f"{one}-{other}" for one, other in ends)


def _step_faults(step: str) -> list[str]:
    if not step.isdecimal():
        return [f"has a step {step!r:.80} that is not a whole number"]
    return ["has a step of 0"] if int(step) == 0 else []


def _stepped_faults(field: _Field, bounds: list[str], step: int) -> list[str]:
    if len(bounds) == 1:
        return [f"has a step but no range: write {_with_range(field, bounds[0], step)}"]
    low, high = _numbers(field, bounds)
    return [f"has a step beyond its range {low}-{high}: it means '{low}' alone"] if low + step > high else []


def _with_range(field: _Field, first: str, step: int) -> str:
    """`5/15` as what it may mean: a range up to the field's end, if a step of it fits in, or one value."""
    last = field.whole[-1]
    (number, _) = _numbers(field, [first])
    return f"'{first}-{last}/{step}' or '{first}'" if number + step <= last else f"'{first}'"


def _numbers(field: _Field, bounds: list[str]) -> tuple[int, int]:
    """The first and the last value of a range; without bounds, of the field."""
    numbers = [number for bound in bounds if (number := field.number(bound)) is not None]
    return (numbers[0], numbers[-1]) if numbers else (field.whole[0], field.whole[-1])


def _values(field: _Field, text: str) -> list[int]:
    """The values of a faultless field in ascending order; Sunday is 0."""
    found: set[int] = set()
    for item in text.split(","):
        base, _, step = item.partition("/")
        low, high = _numbers(field, [] if base == "*" else base.split("-"))
        found.update(range(low, high + 1, int(step or 1)))
    return sorted({0 if field is _WEEKDAY and value == field.high else value for value in found})


def _plain(field: _Field, text: str) -> str:
    return text if text == "*" else ",".join(map(str, _values(field, text)))


def _date_faults(day: str, month: str) -> list[str]:
    """A date that no year has. With a day of the week beside it: that part of the expression would never fire."""
    if day == "*" or min(_values(_DAY, day)) <= max(_LONGEST_MONTHS[number - 1] for number in _values(_MONTH, month)):
        return []
    months = ", ".join(_MONTHS[number - 1] for number in _values(_MONTH, month))
    return [f"the day of month {day!r:.80} never comes in {months}"]


def _either_day_faults(day: str, weekday: str) -> list[str]:
    """`*/2` beside a day of the week: both must match in some crons, either in others."""
    if "*" in {day, weekday} or "*" not in day + weekday:
        return []
    both = f"the day of month {day!r:.80} beside the day of week {weekday!r:.80}"
    written = f"'{day.replace('*', '1-31')}' and '{weekday.replace('*', '0-6')}'"
    return [f"{both}: with a step over '*' crons disagree whether both must match; if either may, write {written}"]

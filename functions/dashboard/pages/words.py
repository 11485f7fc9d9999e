"""Values as the words of a page: moments, durations, numbers, sizes, ids, and texts that came from anywhere.

app.js writes relative times by the same rules, so that a page does not change when its script begins.
"""

from __future__ import annotations

import re

from markupsafe import Markup

from workerflow.domain.timestamp import timestamp

NOTHING = Markup("\N{EN DASH}")
"""Stands where there is no value."""
_TENTH, _SECOND, _MINUTE, _HOUR, _DAY = 100, 1_000, 60_000, 3_600_000, 86_400_000
_SHOW_DATE_AFTER_MS = 30 * _DAY
_SHORT_ID_HEAD, _SHORT_ID_TAIL = 6, 8
_KILO = 1024
HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control characters but tab and line feed, lone surrogates, and what has no width or turns the direction of the text
around it. The joiners U+200C and U+200D stay: Persian and emoji are written with them."""


def visible(value: object) -> object:
    r"""What a template writes for a value: the environment's `finalize`, so that no text gets past it.

    Returns:
        Markup as it is; a text with its hidden characters as escapes that anybody can see (`\x1b`, `\u202e`); a
        dash for None; anything else as it is.
    """
    if value is None:
        return NOTHING
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return HIDDEN.sub(_escaped, value)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code <= 0xFF:  # noqa: PLR2004 - two hex digits
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - four, or eight


def exact(time_ms: int) -> str:
    """A moment for people: `2026-11-24 16:00:00.000 UTC`."""
    return timestamp(time_ms).replace("T", " ").replace("Z", " UTC")


def relative(time_ms: int, now_ms: int) -> str:
    """A moment as seen from now: `3 min ago`, `in 2 h`; a date if it is more than 30 days away."""
    away = abs(time_ms - now_ms)
    if away >= _SHOW_DATE_AFTER_MS:
        return timestamp(time_ms)[:10]
    if away < _SECOND:
        return "now"
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (_SECOND, "s")):
        if away >= unit:
            words = f"{away // unit} {name}"
            return f"{words} ago" if time_ms < now_ms else f"in {words}"
    raise AssertionError(away)


def moment(time_ms: int | None, now_ms: int) -> Markup:
    """A `<time>` that tells the relative time, with the exact one at hand; a dash for None."""
    if time_ms is None:
        return NOTHING
    stamp = timestamp(time_ms)
    shown = Markup('<time datetime="{}" title="{}">{}</time>')
    return shown.format(stamp, exact(time_ms), relative(time_ms, now_ms))


def duration(length_ms: float | None) -> str:
    """A length of time with two units at most: `843 ms`, `4.2 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`.

    What is rounded up to the next unit is told in that unit: never `1000 ms`, never `60.0 s`.
    """
    if length_ms is None:
        return NOTHING
    if (whole := round(length_ms)) < _SECOND:
        return f"{whole} ms"
    if (tenths := (whole + _TENTH // 2) // _TENTH) * _TENTH < _MINUTE:
        return f"{tenths / 10:.1f} s"
    whole = max(int(length_ms), _MINUTE)
    for unit, name, below, below_name in (
        (_DAY, "d", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
        (_MINUTE, "min", _SECOND, "s"),
    ):
        if whole >= unit:
            rest = whole % unit // below
            return f"{whole // unit} {name} {rest} {below_name}" if rest else f"{whole // unit} {name}"
    raise AssertionError(length_ms)


def number(value: float | None) -> str:
    """A whole number with its thousands apart: `10,000`."""
    return NOTHING if value is None else f"{value:,.0f}"


def percent(share: float | None) -> str:
    """A share of one: `99.9 %`. Only what is whole is called 100 or 0."""
    if share is None:
        return NOTHING
    if share in {0.0, 1.0}:
        return f"{share:.0%}".replace("%", " %")
    return f"{min(max(share * 100, 0.1), 99.9):.1f} %"


def size(count: int | None) -> str:
    """A number of bytes: `512 bytes`, `293 KB`, `4.0 MB`."""
    if count is None:
        return NOTHING
    if count < _KILO:
        return f"{count} byte{'' if count == 1 else 's'}"
    if count < _KILO * _KILO:
        return f"{count / _KILO:.1f} KB" if count < 10 * _KILO else f"{count // _KILO} KB"
    return f"{count / _KILO / _KILO:.1f} MB"


def short_id(text: str) -> str:
    """A long id without its middle: the ends tell two apart."""
    if len(text) <= _SHORT_ID_HEAD + _SHORT_ID_TAIL + 2:
        return text
    return f"{text[:_SHORT_ID_HEAD]}…{text[-_SHORT_ID_TAIL:]}"


def actor_name(actor: str) -> str:
    """The name of whoever did something, without the token's id: `ada (abcdefghij23)` is `ada`."""
    return actor.partition(" (")[0] or actor


def source_name(source: str) -> str:
    """The name of a source without its kind: `route:orders` is `orders`."""
    return source.partition(":")[2] or source


def spelled(code: str) -> str:
    """A code as words: `invalid_payload` is `invalid payload`."""
    return code.replace("_", " ")

"""Write what daylight saving does to schedules into docs/schedules.md: `python -m tools.schedule_table`.

The tables stand between two markers there; a test fails when they are not what the code gives.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice, pairwise, takewhile
from pathlib import Path

from workerflow.domain.cron import Timing

PAGE = Path(__file__).parents[1] / "docs" / "schedules.md"
BEGIN = "<!-- daylight saving: written by `python -m tools.schedule_table` -->\n"
END = "<!-- end of daylight saving -->\n"

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS


@dataclass(frozen=True)
class Change:
    """A change of a zone's clock on a day, and expressions whose fires around it are worth knowing."""

    zone: str
    day: str
    expressions: tuple[str, ...]
    hours: int = 2


CHANGES = (
    Change("Europe/Berlin", "2027-03-28", ("30 2 * * *", "*/15 2 * * *", "0 2,3 * * *", "0 * * * *", "30 */2 * * *")),
    Change("Europe/Berlin", "2027-10-31", ("30 2 * * *", "*/15 2 * * *", "0 2,3 * * *", "0 * * * *", "30 */2 * * *")),
    Change("Australia/Lord_Howe", "2027-10-02", ("15 2 * * *", "45 2 * * *", "15,45 * * * *")),
    Change("Australia/Lord_Howe", "2027-04-03", ("15 1 * * *", "45 1 * * *", "15,45 * * * *")),
    Change("America/Santiago", "2027-09-05", ("0 0 * * *", "30 0 * * *", "30 * * * *")),
    Change("America/Santiago", "2027-04-04", ("30 23 * * *", "0 0 * * *", "30 * * * *")),
    Change("Africa/Cairo", "2027-04-29", ("0 0 * * *", "30 0 * * *", "30 * * * *")),
    Change("Africa/Cairo", "2027-10-28", ("30 23 * * *", "0 0 * * *", "30 * * * *")),
    Change("Pacific/Apia", "2011-12-30", ("30 12 * * *", "0 */6 * * *"), hours=13),
)
DATES = (("0 0 29 2 *", "2027-01-01"), ("0 0 29 2 *", "2095-01-01"), ("0 0 31 * *", "2027-01-01"))
DATES_SHOWN = 4


def tables() -> str:
    """Both tables, as they stand on the page."""
    return "\n".join([*_changes_table(), "", *_dates_table(), ""])


def written(page: str) -> str:
    """The page with the tables put between its markers."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{PAGE.name} lacks the markers {BEGIN.strip()} and {END.strip()}")
    return f"{head}{begin}\n{tables()}\n{end}{tail}"


def _changes_table() -> Iterator[str]:
    yield "| zone and change | expression | bound to | fires around the change, by the zone's clock |"
    yield "|---|---|---|---|"
    for change in CHANGES:
        moment = _moment_of(change)
        for cron in change.expressions:
            bound = "real time" if "*" in cron.split()[1] else "wall clock"
            yield f"| {_told(change, moment)} | `{cron}` | {bound} | {_fires_around(change, moment, cron)} |"


def _dates_table() -> Iterator[str]:
    yield "| expression | from | next fires, in UTC |"
    yield "|---|---|---|"
    for cron, day in DATES:
        fires = islice(Timing.of(cron, "UTC").fires(_midnight(day) - 1), DATES_SHOWN)
        found = ", ".join(f"{datetime.fromtimestamp(fire / 1000, UTC):%Y-%m-%d}" for fire in fires)
        yield f"| `{cron}` | {day} | {found} |"


def _midnight(day: str) -> int:
    return int(datetime.fromisoformat(f"{day}T00:00Z").timestamp()) * 1000


def _moment_of(change: Change) -> int:
    """The first instant after the change, which comes within the day in UTC or 12 hours after it."""
    timing = Timing.of("* * * * *", change.zone)
    minutes = range(_midnight(change.day), _midnight(change.day) + DAY_MS * 3 // 2, MINUTE_MS)
    return next(
        after
        for before, after in pairwise(minutes)
        if timing.local_time(before).utcoffset() != timing.local_time(after).utcoffset()
    )


def _told(change: Change, moment: int) -> str:
    timing = Timing.of("* * * * *", change.zone)
    before = timing.local_time(moment - MINUTE_MS) + timedelta(minutes=1)  # what the clock would have shown
    after = timing.local_time(moment)
    day = "" if before.date() == after.date() else f"{after:%Y-%m-%d} "
    return f"{change.zone} {before:%Y-%m-%d %H:%M} → {day}{after:%H:%M}"


def _fires_around(change: Change, moment: int, cron: str) -> str:
    timing = Timing.of(cron, change.zone)
    span = change.hours * 60 * MINUTE_MS
    fires = takewhile(lambda fire: fire < moment + span, timing.fires(moment - span))
    by_day = groupby((timing.local_time(fire) for fire in fires), lambda fire: fire.date())
    days = (f"{day:%-d %b}: {', '.join(f'{fire:%H:%M%:z}' for fire in found)}" for day, found in by_day)
    return "; ".join(days) or "none"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
    sys.stdout.write(f"wrote the tables of {PAGE}\n")

"""docs/schedules.md is true: what daylight saving does to schedules is what the code gives."""

from __future__ import annotations

from itertools import takewhile

import pytest

from tools.schedule_table import BEGIN, END, PAGE, tables, written
from workerflow.domain.cron import Timing

DAY_OF_25_HOURS = (1_824_933_600_000, 1_825_023_600_000)
"""2027-10-31 in Europe/Berlin, from midnight to midnight."""
DAY_OF_23_HOURS = (1_806_188_400_000, 1_806_271_200_000)
"""2027-03-28 in Europe/Berlin, from midnight to midnight."""


def test_the_tables_of_daylight_saving_are_what_the_code_gives() -> None:
    page = PAGE.read_text()
    assert page.partition(BEGIN)[2].partition(END)[0].strip() == tables().strip(), (
        "run `python -m tools.schedule_table` and look at what has changed"
    )
    assert written(page) == page


def test_a_page_without_the_markers_is_left_alone() -> None:
    with pytest.raises(SystemExit, match="lacks the markers"):
        written("# Schedules\n")


@pytest.mark.parametrize(
    ("cron", "day", "told"),
    [
        ("0 0-23 * * *", DAY_OF_25_HOURS, "24 times on a day of 25 hours"),
        ("0 * * * *", DAY_OF_25_HOURS, "`0 * * * *` fires 25 times on that day"),
        ("0 * * * *", DAY_OF_23_HOURS, "23 times on a day of 23 hours"),
    ],
)
def test_the_page_counts_the_fires_of_the_days_of_change(cron: str, day: tuple[int, int], told: str) -> None:
    begin, end = day
    fires = takewhile(lambda moment: moment < end, Timing.of(cron, "Europe/Berlin").fires(begin - 1))
    assert str(sum(1 for _ in fires)) in told.split()
    assert told in PAGE.read_text()

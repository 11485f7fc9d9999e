from __future__ import annotations

import pytest

from functions.dashboard.pages.cron_words import cron_words


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("0 * * * *", "every hour at :00"),
        ("20,50 * * * *", "every hour at :20 and :50"),
        ("@hourly", "every hour at :00"),
        ("40 3 * * *", "every day at 03:40"),
        ("0 6,18 * * *", "every day at 06:00 and 18:00"),
        ("0 */2 * * *", "every 2 hours"),
        ("5 */6 * * *", "every 6 hours at :05"),
        ("30 8 * * 1-5", "at 08:30, Monday to Friday"),
        ("30 8 * * sat,sun", "at 08:30, Sunday and Saturday"),
        ("0 0 1 * *", "at 00:00, on day 1 of the month"),
        ("@yearly", "at 00:00, on day 1 of the month, in January"),
        ("*/10 * * * 1-5", "every 10 minutes, Monday to Friday"),
        ("0 9 * 6-8 *", "every day at 09:00, June to August"),
    ],
)
def test_usual_expressions_have_words(cron: str, words: str) -> None:
    assert cron_words(cron) == words


@pytest.mark.parametrize(
    "cron",
    [
        "*/7 * * * *",  # 0, 7, ... 56, and then 0 again: not every seven minutes
        "*/15 8-18 * * *",
        "0 1,2,3,5,8,13 * * *",
        "0 0 1,5,9,13,17 * *",
        "no cron",
        "",
    ],
)
def test_what_has_no_short_words_gets_none(cron: str) -> None:
    assert not cron_words(cron)

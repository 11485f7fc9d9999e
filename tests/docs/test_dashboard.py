"""docs/dashboard.md is true: its views, keys and numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from functions.dashboard.pages import PAGES
from functions.dashboard.pages.bodies import MAX_TEXT_CHARS as MAX_PLAIN_CHARS
from functions.dashboard.pages.json_tree import MAX_NODES, MAX_TEXT_CHARS
from functions.dashboard.pages.navigation import VIEWS
from functions.dashboard.pages.runs import PAGE as RUNS_ON_A_PAGE
from functions.dashboard.pages.troubles import MISSED_RECENTLY_MS, OLD_QUEUE_SECONDS
from workerflow.services.newest_first import ENTRIES_READ

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/dashboard.md").read_text()
SENTENCES = " ".join(TEXT.split())
SCRIPT = (ROOT / "functions/dashboard/assets/app.js").read_text()
ASKED_IN_AN_HOUR = 3600 // 5
NOT_VIEWS = {"/sign-in", "/assets/{name}"}


def milliseconds(name: str) -> int:
    return int(re.findall(rf"const {name} = (\d+);", SCRIPT)[0])


@pytest.mark.parametrize(
    "sentence",
    [
        f"first attempt for {OLD_QUEUE_SECONDS} s or longer",
        f"reads at most {ENTRIES_READ} entries of its index",
        f"ask again every {milliseconds('REFRESH_MS') // 1000} s",
        f"only the overview goes on, every {milliseconds('WATCH_MS') // 1000} s",
        f"A page of {RUNS_ON_A_PAGE} runs costs 30 read units at most",
        f"asks {ASKED_IN_AN_HOUR} times: {ASKED_IN_AN_HOUR * 30:,} read units",
        f"the first {MAX_NODES:,} values are shown, of a long text the first {MAX_TEXT_CHARS:,} characters",
        f"no JSON the first {MAX_PLAIN_CHARS // 1024} KB",
    ],
)
def test_a_number_is_the_codes(sentence: str) -> None:
    assert sentence in SENTENCES


def test_a_day_is_a_day() -> None:
    assert MISSED_RECENTLY_MS == 24 * 3600 * 1000


def test_every_view_is_told_and_no_other() -> None:
    told = set(re.findall(r"^\| [^|]+ \| `(/[^`]*)` \|", TEXT, re.MULTILINE))
    pages = {one.template for one in PAGES if one.method == "GET"} - NOT_VIEWS
    parts = {one for one in pages if one.endswith(("/payload", "/output", "/replay", "/{jobId}"))}
    assert told == pages - parts


def test_every_key_that_leads_to_a_view_is_told() -> None:
    told = re.findall(r"^\| `g` `(\w)` \| (.+) \|$", TEXT, re.MULTILINE)
    assert told == [(view.key, view.name) for view in VIEWS]


def test_every_other_key_is_told() -> None:
    handled = re.findall(
        r'^    "?([^\s":]+)"?: \(\) =>', SCRIPT.partition("const KEYS = {")[2].partition("};")[0], re.MULTILINE
    )
    told = re.findall(r"`(.)`", "".join(re.findall(r"^\| (`[^|]+) \|", TEXT, re.MULTILINE)))
    assert set(handled) == set(told) - {view.key for view in VIEWS} - {"g"} | {"r"}

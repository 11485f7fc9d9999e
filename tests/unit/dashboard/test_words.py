"""Values in words, by examples and for every text there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from functions.dashboard.pages.words import (
    HIDDEN,
    duration,
    moment,
    number,
    percent,
    relative,
    short_id,
    size,
    source_name,
    visible,
)

NOW_MS = 1_790_000_000_000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\x00b", r"a\x00b"),
        ("abc\u202egpj.exe", r"abc\u202egpj.exe"),
        ("\u2066in\u2069", r"\u2066in\u2069"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
    ],
)
def test_what_does_not_show_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text", ["two\nlines\tand a tab", "مرحبا", "👩\u200d👩\u200d👧", "\u0645\u06cc\u200c\u062e", "<b>"]
)
def test_what_shows_is_left_alone(text: str) -> None:
    assert visible(text) == text


@given(st.text())
def test_no_hidden_character_is_ever_left(text: str) -> None:
    assert not HIDDEN.search(str(visible(text)))


def test_nothing_is_a_dash_and_markup_passes() -> None:
    assert visible(None) == "\N{EN DASH}"
    assert visible(Markup("<b>")) == Markup("<b>")
    assert visible(7) == 7


@pytest.mark.parametrize(
    ("away_ms", "words"),
    [
        (0, "now"),
        (-999, "now"),
        (-1_000, "1 s ago"),
        (-59_999, "59 s ago"),
        (-60_000, "1 min ago"),
        (61_000, "in 1 min"),
        (-3_600_000, "1 h ago"),
        (-86_400_000 * 2, "2 d ago"),
        (-86_400_000 * 30, "2026-08-22"),
    ],
)
def test_a_moment_is_told_as_seen_from_now(away_ms: int, words: str) -> None:
    assert relative(NOW_MS + away_ms, NOW_MS) == words


def test_the_exact_moment_is_at_hand() -> None:
    assert moment(NOW_MS - 1000, NOW_MS) == Markup(
        '<time datetime="2026-09-21T14:13:19.000Z" title="2026-09-21 14:13:19.000 UTC">1 s ago</time>'
    )
    assert moment(None, NOW_MS) == "\N{EN DASH}"


@pytest.mark.parametrize(
    ("length_ms", "words"),
    [
        (0, "0 ms"),
        (843.4, "843 ms"),
        (999.4, "999 ms"),
        (999.6, "1.0 s"),
        (1_000, "1.0 s"),
        (4_210, "4.2 s"),
        (59_949, "59.9 s"),
        (59_950, "1 min"),
        (59_999.9, "1 min"),
        (60_000, "1 min"),
        (61_999, "1 min 1 s"),
        (3_599_999.9, "59 min 59 s"),
        (86_399_999, "23 h 59 min"),
        (192_000, "3 min 12 s"),
        (7_500_000, "2 h 5 min"),
        (90_000_000, "1 d 1 h"),
        (None, "\N{EN DASH}"),
    ],
)
def test_a_duration_has_two_units_at_most(length_ms: float | None, words: str) -> None:
    assert duration(length_ms) == words


@pytest.mark.parametrize(
    ("share", "words"), [(1.0, "100 %"), (0.0, "0 %"), (0.99999, "99.9 %"), (0.00001, "0.1 %"), (0.875, "87.5 %")]
)
def test_only_what_is_whole_is_called_whole(share: float, words: str) -> None:
    assert percent(share) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (1, "1 byte"), (1023, "1023 bytes"), (1536, "1.5 KB"), (341_000, "333 KB"), (4 << 20, "4.0 MB")],
)
def test_sizes_are_short(count: int, words: str) -> None:
    assert size(count) == words


def test_numbers_ids_and_sources_are_short() -> None:
    assert number(10_000) == "10,000"
    assert short_id("01a207975c69c5c8b744ca3b865045edcdf794666d95") == "01a207…94666d95"
    assert short_id("short") == "short"
    assert source_name("route:orders") == "orders"

"""What holds for every page: for every eye, at every width, whatever is on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.browser.hostile import MARK, seed_hostile
from tests.browser.visits import UNSEEN, WIDTHS, Served, Visit
from tests.integration.dashboard_world import DashboardWorld

PAGES = (
    "/",
    "/?window=7d",
    "/runs",
    "/runs?status=failed",
    "/runs?status=skipped",
    "/runs/{failed}",
    "/runs/{answered}",
    "/runs/{running}",
    "/runs/{waiting}",
    "/runs/{replayed}/lineage",
    "/runs/{failed}/replay",
    "/letters",
    "/letters?fingerprint={fingerprint}",
    "/bulk-jobs",
    "/schedules",
    "/routes",
    "/refused-calls",
    "/audit",
    "/configuration",
    "/nothing-here",
)


@pytest.fixture(scope="module")
def names(served: Served) -> Mapping[str, str]:
    """Runs in every state, hostile texts wherever there is room for one, a tree of replays."""
    return seed(served.world)


def seed(world: DashboardWorld) -> Mapping[str, str]:
    failed, answered = seed_hostile(world)
    seeds = world.seeds
    seeds.succeeded(seeds.queued("schedule:report"))
    seeds.cancelled()
    waiting, running = seeds.waiting().trace_id, seeds.running().trace_id
    replayed = seeds.failed(seeds.queued(age_seconds=3000)).trace_id
    token = world.token()
    answer = world.post(f"/api/runs/{replayed}/replay", {"reason": f"<script>{MARK}</script>"}, token=token)
    assert answer.status == 200, answer.text
    world.post("/api/routes/order_created/state", {"state": "paused", "reason": f"<b>{MARK}"}, token=token)
    fingerprint = world.get("/api/letters", token=token).document["letters"][0]["fingerprint"]
    return {
        "failed": failed,
        "answered": answered,
        "waiting": waiting,
        "running": running,
        "replayed": replayed,
        "fingerprint": fingerprint,
    }


@pytest.fixture(scope="module", params=WIDTHS, ids=lambda width: f"{width}px")
def tab(served: Served, names: Mapping[str, str], request: pytest.FixtureRequest) -> Iterator[Visit]:
    """One tab for all pages, which is quicker than one for each."""
    del names
    begun = served.visit(width=request.param)
    begun.expected = "status of 404"
    yield begun
    begun.close()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_everybody_and_runs_nothing_but_its_own(tab: Visit, names: Mapping[str, str], path: str) -> None:
    page = tab.go(path.format(**names))
    assert tab.overflow() == []
    assert page.evaluate("window.shifted") < UNSEEN
    assert tab.serious_findings() == []
    if tab.width == max(WIDTHS):
        page.emulate_media(color_scheme="dark")
        assert tab.serious_findings() == []
        page.emulate_media(color_scheme="light")
    assert page.evaluate("window.hacked") is None
    assert page.locator("main script, main img, main iframe, main object, main svg[onload]").count() == 0
    assert page.locator("[href^='javascript:'], [action^='javascript:'], [style], style").count() == 0
    tab.require_no_faults()


def test_a_hostile_text_is_read_as_it_was_written(tab: Visit, names: Mapping[str, str]) -> None:
    page = tab.go(f"/runs/{names['failed']}")
    text = page.locator("main").inner_text()
    assert f"<script>{MARK}</script>" in text
    assert "{{7*7}}" in text
    assert "&lt;b&gt;" in text
    assert r"\x1b[31mred\x1b[0m" in text
    assert r"\u202egnp.exe\u202c" in text
    assert "\u0645\u0631\u062d\u0628\u0627" in text
    assert "\U0001f469\u200d\U0001f467" in text


def test_what_was_edited_is_still_no_markup(tab: Visit, names: Mapping[str, str]) -> None:
    page = tab.go(f"/runs/{names['failed']}/replay")
    assert MARK in page.locator("textarea").input_value()
    assert page.evaluate("window.hacked") is None

"""Finding a run: by filters that stand in the address, by keys, page after page, down to where it comes from."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.visits import Served, Visit


@pytest.fixture(scope="module")
def many(served: Served) -> list[str]:
    """More runs than a page has; trace ids, the newest last."""
    seeds = served.world.seeds
    runs = [seeds.queued(age_seconds=1000 - number).trace_id for number in range(52)]
    return [*runs, seeds.failed(seeds.queued("route:order_created", age_seconds=5)).trace_id]


def test_a_filter_applies_at_once_and_stands_in_the_address(many: list[str], visit: Visit) -> None:
    page = visit.go("/runs")
    page.get_by_label("Status").select_option("failed")
    expect(page).to_have_url(re.compile(r"/runs\?status=failed$"))
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Source").select_option("route:order_created")
    expect(page).to_have_url(re.compile(r"status=failed&source=route%3Aorder_created$"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"/runs\?status=failed$"))
    page.get_by_role("link", name="Clear").click()
    expect(page.locator("tbody tr")).to_have_count(50)
    expect(page.locator(f"#run-{many[-1]}")).to_be_visible()


def test_the_rest_of_a_long_list_is_added_to_it(many: list[str], visit: Visit) -> None:
    page = visit.go("/runs")
    page.get_by_role("link", name="Load more").click()
    expect(page.locator("tbody tr")).to_have_count(len(many))
    expect(page.locator(f"#run-{many[0]}")).to_be_visible()
    expect(page.get_by_role("link", name="Load more")).to_have_count(0)
    page.keyboard.press("r")
    expect(page.locator(".live-word")).to_have_text("Live")
    expect(page.locator("tbody tr")).to_have_count(len(many))


def test_a_run_is_opened_and_its_lineage_and_copied(served: Served, many: list[str], visit: Visit) -> None:
    page = visit.go("/runs?status=failed")
    page.locator(f"#run-{many[-1]} .row-link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("order_created")
    page.get_by_role("button", name="Copy the trace id").first.click()
    expect(page.locator("#said")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == many[-1]
    page.get_by_role("link", name="Whole tree").click()
    expect(page.locator(".node.is-this")).to_contain_text("this run")
    del served


def test_the_keyboard_is_enough(many: list[str], served: Served) -> None:
    visit = served.visit()
    page = visit.go("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page).to_have_url(re.compile("/runs$"))
    page.keyboard.press("/")
    expect(page.get_by_label("Status")).to_be_focused()
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile("/runs$"))
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator(f"#run-{many[-1]} .row-link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/runs/{many[-1]}$"))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.get_by_label("Shortcuts are on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("o")
    expect(page).to_have_url(re.compile(f"/runs/{many[-1]}$"))
    visit.end()


def test_the_chart_leads_to_the_runs_of_a_moment(many: list[str], served: Served) -> None:
    del many
    visit = served.visit()
    page = visit.go("/")
    page.locator(".bar-group").last.click()
    expect(page).to_have_url(re.compile(r"/runs\?from=.+&until=.+"))
    expect(page.locator("tbody tr").first).to_be_visible()
    visit.end()

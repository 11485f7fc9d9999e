"""In and out, as a person does it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.visits import WIDTHS, Served, Visit


@pytest.fixture(params=WIDTHS, ids=lambda width: f"{width}px")
def stranger(served: Served, request: pytest.FixtureRequest) -> Iterator[Visit]:
    begun = served.stranger(width=request.param)
    begun.expected = "status of 401"
    yield begun
    begun.end()


def test_a_token_lets_in_and_signing_out_ends_it(served: Served, stranger: Visit) -> None:
    page = stranger.go("/runs?status=failed")
    expect(page).to_have_url(re.compile(r"/sign-in\?to="))
    page.get_by_label("Token").fill(served.world.token("read", name="ada lovelace"))
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/runs\?status=failed$"))
    page.locator("summary", has_text="ada lovelace").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in$"))
    page.goto(f"{stranger.address}/runs")
    expect(page).to_have_url(re.compile(r"/sign-in\?to=%2Fruns$"))


def test_a_wrong_token_is_told_where_it_was_typed(stranger: Visit) -> None:
    stranger.sign_in("wfd_nonsense")
    alert = stranger.page.get_by_role("alert")
    expect(alert).to_contain_text("does not let you in")
    expect(stranger.page.get_by_text("make token ENV=local")).to_be_visible()
    assert stranger.serious_findings() == []
    assert stranger.overflow() == []


def test_no_script_is_needed_to_sign_in_look_filter_and_sign_out(served: Served) -> None:
    run = served.world.seeds.failed()
    visit = served.stranger(script=False)
    visit.sign_in(served.world.token("read"))
    page = visit.go("/runs")
    page.get_by_label("Status").select_option("failed")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile(r"status=failed"))
    page.locator(f"#run-{run.trace_id} .row-link").click()
    expect(page.get_by_role("heading", name="Payload")).to_be_visible()
    page.locator(".account summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in$"))
    visit.end()


def test_shortcuts_of_pages_for_those_who_are_signed_in_do_nothing_for_others(served: Served) -> None:
    visit = served.stranger()
    visit.expected = "status of 404"
    page = visit.go("/nothing")
    for key in ("?", "/", "j", "p", "g", "o"):
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile("/nothing$"))
    visit.end()

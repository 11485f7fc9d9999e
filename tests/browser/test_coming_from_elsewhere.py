"""A link in a chat, a mail or an alarm leads to what it says, for whoever is signed in."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.visits import Served, Visit

CHAT = "http://chat.test/"


@pytest.fixture(params=[True, False], ids=["signed in", "stranger"])
def coming(served: Served, request: pytest.FixtureRequest) -> Iterator[tuple[Visit, bool]]:
    visit = served.visit() if request.param else served.stranger()
    link = f'<a href="{served.address}/runs?status=failed">look</a>'
    visit.page.route(CHAT, lambda route: route.fulfill(content_type="text/html", body=link))
    yield visit, request.param
    visit.end()


def test_a_link_from_another_site_leads_there(coming: tuple[Visit, bool]) -> None:
    visit, is_signed_in = coming
    visit.page.goto(CHAT)
    visit.page.get_by_text("look").click()
    expect(visit.page).to_have_url(re.compile(r"/runs\?status=failed$" if is_signed_in else r"/sign-in\?to="))
    if is_signed_in:
        expect(visit.page.get_by_role("heading", level=1)).to_have_text("Runs")
        visit.page.go_back()
        expect(visit.page).to_have_url(CHAT)


def test_links_that_are_opened_at_the_same_time_lead_there_all(served: Served) -> None:
    visit = served.visit()
    paths = ["/runs?status=failed", "/runs?status=queued", "/"]
    links = "".join(f'<a href="{served.address}{path}" target="_blank">{path}</a> ' for path in paths)
    visit.page.route(CHAT, lambda route: route.fulfill(content_type="text/html", body=links))
    visit.page.goto(CHAT)
    tabs = {}
    for path in paths:
        with visit.page.context.expect_page() as opened:
            visit.page.get_by_text(path, exact=True).click(modifiers=["Control"])
        tabs[path] = opened.value
    for path, tab in tabs.items():
        expect(tab).to_have_url(served.address + path)
        expect(tab.get_by_role("heading", level=1)).to_have_text("Overview" if path == "/" else "Runs")
    visit.end()

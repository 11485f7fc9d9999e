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

"""The dashboard's pages in a real browser, at the address that `make up` prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.visits import Visit
from tests.e2e.calls import Api
from tests.support.chromium import chromium
from tools.local import LocalStack

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def visit(browser: Browser, stack: LocalStack) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    visit = Visit(context.new_page(), f"http://{stack.dashboard_host}")
    yield visit
    visit.end()


def test_the_printed_token_lets_in_and_the_demos_run_is_shown(visit: Visit, stack: LocalStack, api: Api) -> None:
    run = api.call_with("webhook_echo", "shown-in-a-browser", b'{"hello": "browser"}')
    api.ended(run.trace_id)

    visit.sign_in(stack.dashboard_token)
    page = visit.page
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    visit.go("/runs?source=route:webhook_echo")
    page.locator(f"#run-{run.trace_id} .row-link").click()
    expect(page).to_have_url(re.compile(f"/runs/{run.trace_id}"))
    expect(page.locator("main")).to_contain_text("browser")
    page.locator(".account summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in$"))
    visit.go("/runs")
    expect(page).to_have_url(re.compile("/sign-in$"))


def test_the_cookie_is_kept_from_scripts_and_other_sites(visit: Visit, stack: LocalStack) -> None:
    """Over plain HTTP on loopback it has another name, and is not `Secure`; on AWS it is `__Host-workerflow`."""
    visit.sign_in(stack.dashboard_token)
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Overview")

    [cookie] = visit.page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (
        "workerflow-local",
        True,
        "Strict",
        "/",
    )
    assert visit.page.evaluate("document.cookie") == ""

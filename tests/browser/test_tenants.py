"""Changing the tenant, for whoever may see all of them."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.visits import WIDTHS, Served


def test_a_tenant_is_chosen_once_and_stays_chosen(served: Served) -> None:
    served.world.declare("acme", "a-name-that-is-as-long-as-a-tenants-name-may-well-be")
    theirs = served.world.seeds.queued(tenant="acme").trace_id
    for width in WIDTHS:
        visit = served.visit(width=width)
        page = visit.go("/runs?status=queued")
        page.get_by_label("Tenant").select_option("acme")
        expect(page).to_have_url(re.compile(r"/runs\?tenant=acme$"))
        page.locator(f"#run-{theirs} .row-link").click()
        expect(page).to_have_url(re.compile(rf"/runs/{theirs}\?tenant=acme$"))
        assert visit.overflow() == []
        assert visit.serious_findings() == []
        page.get_by_role("link", name="Audit").click()
        expect(page).to_have_url(re.compile(r"/audit\?tenant=acme$"))
        visit.end()


def test_a_token_of_one_tenant_offers_no_choice(served: Served) -> None:
    served.world.declare("acme")
    visit = served.visit(tenant="acme", scope="read")
    page = visit.go("/")
    expect(page.get_by_label("Tenant")).to_have_count(0)
    expect(page.get_by_text("acme", exact=True)).to_be_visible()
    visit.end()

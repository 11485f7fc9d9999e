"""Watching runs: the list and a run keep themselves up to date, and leave the reader where he is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from functions.dashboard.pages import bulk_jobs
from tests.browser.visits import UNSEEN, Served, Visit
from workerflow.domain.bulk import BulkAction, BulkJob, BulkState, LetterFilter
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import AttemptResult, RunState
from workerflow.ports.stores import Written

OUTPUT = HandlerOutput.from_return({"ok": True}, mode="async").encode()


def succeed(served: Served, trace_id: str) -> None:
    """End a running run, as its worker would."""
    run = served.world.aws.runs.get("default", trace_id)
    assert run is not None
    with served.world.lock:
        served.world.seeds._end(run, AttemptResult.SUCCEEDED, state=RunState.SUCCEEDED, output=OUTPUT)


@pytest.fixture
def timed(served: Served) -> Iterator[Visit]:
    """A tab whose clock the test moves."""
    begun = served.visit()
    begun.page.clock.install()
    yield begun
    begun.end()


def test_a_list_changes_in_place_and_announces_what_is_new(served: Served, timed: Visit) -> None:
    running = served.world.seeds.running().trace_id
    page = timed.go("/runs")
    row = page.locator(f"#run-{running}")
    expect(row).to_contain_text("running")
    before = row.bounding_box()
    succeed(served, running)
    with served.world.lock:
        new = served.world.seeds.queued(age_seconds=1).trace_id
    page.clock.run_for(6_000)
    expect(row).to_contain_text("succeeded")
    hint = page.get_by_role("link", name="1 new")
    expect(hint).to_be_visible()
    expect(page.locator(f"#run-{new}")).to_have_count(0)
    assert row.bounding_box() == before
    assert page.evaluate("window.shifted") < UNSEEN
    hint.click()
    expect(page.locator(f"#run-{new}")).to_be_visible()


def a_bulk_job(served: Served, number: int, state: BulkState, *, succeeded: int = 0, version: int = 1) -> str:
    """A version of a job; a larger number is a younger one."""
    now_ms = served.world.now_ms()
    job = BulkJob(
        tenant="default",
        job_id=f"{number:028x}",
        action=BulkAction.REPLAY,
        filter=LetterFilter(until_ms=now_ms),
        reason=f"number {number}",
        actor="ada (abcdefghij23)",
        state=state,
        created_at_ms=now_ms,
        matched=9,
        is_exact=True,
        version=version,
        nonce=f"{number:08x}{version:08x}",
        updated_at_ms=now_ms,
        succeeded=succeeded,
        started_at_ms=now_ms,
    )
    with served.world.lock:
        assert served.world.aws.bulk.write_job(job) == Written()
    return job.job_id


def test_jobs_that_were_loaded_stay_while_one_is_at_work(
    served: Served, timed: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_jobs, "PAGE", 2)
    for number in (1, 2, 3):
        a_bulk_job(served, number, BulkState.DONE, succeeded=9)
    at_work = a_bulk_job(served, 4, BulkState.RUNNING, succeeded=1)
    page = timed.go("/bulk-jobs")
    page.get_by_role("link", name="Load more").click()
    expect(page.locator("#jobs tr")).to_have_count(4)
    page.locator("#jobs tr a").last.focus()
    a_bulk_job(served, 4, BulkState.RUNNING, succeeded=5, version=2)
    page.clock.run_for(6_000)
    expect(page.locator(f"#job-{at_work}")).to_contain_text("5 of 9")
    expect(page.locator("#jobs tr")).to_have_count(4)
    expect(page.locator("#jobs tr a").last).to_be_focused()
    a_bulk_job(served, 5, BulkState.RUNNING, succeeded=3)
    page.clock.run_for(6_000)
    page.get_by_role("link", name="1 new").click()
    expect(page.locator("#jobs tr").first).to_contain_text("number 5")
    page.locator("#jobs tr a").first.click()
    expect(page).to_have_title(re.compile("^running 33 % · Replay 9 dead letters"))


def test_what_no_longer_fits_the_filter_fades_in_its_place(served: Served, timed: Visit) -> None:
    running = served.world.seeds.running().trace_id
    page = timed.go("/runs?status=running")
    succeed(served, running)
    page.clock.run_for(6_000)
    expect(page.locator(f"#run-{running}")).to_have_class("is-gone")


def test_an_empty_list_shows_the_first_run_by_itself(served: Served, timed: Visit) -> None:
    page = timed.go("/runs?status=cancelled")
    expect(page.get_by_text("No run fits these filters")).to_be_visible()
    with served.world.lock:
        cancelled = served.world.seeds.cancelled().trace_id
    page.clock.run_for(6_000)
    expect(page.locator(f"#run-{cancelled}")).to_be_visible()


def test_nothing_is_asked_for_while_nobody_looks_or_a_dialog_is_open(timed: Visit) -> None:
    page = timed.go("/runs")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/assets/" not in request.url else None)
    page.keyboard.press("?")
    page.clock.run_for(12_000)
    assert asked == []
    page.keyboard.press("Escape")
    page.clock.run_for(6_000)
    expect(page.locator(".live-word")).to_have_text("Live")
    assert len(asked) == 1
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true})")
    page.clock.run_for(20_000)
    assert len(asked) == 1


def test_an_overview_that_nobody_looks_at_still_keeps_its_title_true(served: Served, timed: Visit) -> None:
    page = timed.go("/")
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true})")
    before = page.title()
    with served.world.lock:
        served.world.seeds.failed()
    page.clock.run_for(62_000)
    expect(page).to_have_title(re.compile(r"^\(1\) Overview"))
    assert before != page.title()


def test_what_is_focused_stays_so_while_troubles_come_and_go(served: Served, timed: Visit) -> None:
    world, token = served.world, served.world.token()
    with world.lock:
        world.seeds.failed()
    order = {"state": "paused", "reason": "it is late"}
    assert world.post("/api/routes/order_created/state", order, token=token).status == 200
    page = timed.go("/")
    page.get_by_text("As a table").click()
    held = page.locator("[id='trouble-route:order_created'] a")
    held.focus()
    with world.lock:
        world.seeds.queued(age_seconds=4000)
    page.clock.run_for(6_000)
    expect(page.locator("#trouble-queue")).to_be_visible()
    expect(held).to_be_focused()
    expect(page.locator("#chart details")).to_have_attribute("open", "")
    for letter in world.get("/api/letters?limit=100", token=token).document["letters"]:
        assert world.post(f"/api/letters/{letter['traceId']}/resolve", {"note": "done"}, token=token).status == 200
    page.clock.run_for(6_000)
    expect(page.locator("#trouble-letters")).to_have_count(0)
    expect(held).to_be_focused()


def test_refreshing_can_be_paused(timed: Visit) -> None:
    page = timed.go("/runs")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/assets/" not in request.url else None)
    page.get_by_role("button", name="Live").click()
    expect(page.get_by_role("button", name="Paused")).to_have_attribute("aria-pressed", "false")
    page.clock.run_for(15_000)
    assert asked == []


def test_times_tick_in_the_servers_words(timed: Visit, served: Served) -> None:
    trace_id = served.world.seeds.queued(age_seconds=30).trace_id
    page = timed.go("/runs?status=queued")
    time = page.locator(f"#run-{trace_id} time")
    expect(time).to_have_text(re.compile(r"^3\d s ago$"))
    page.get_by_role("button", name="Live").click()
    page.clock.run_for(60_000)
    expect(time).to_have_text("1 min ago")
    expect(time).to_have_attribute("title", re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC$"))


def test_a_run_is_followed_to_its_end_and_what_the_reader_opened_stays_open(served: Served, timed: Visit) -> None:
    running = served.world.seeds.running().trace_id
    page = timed.go(f"/runs/{running}")
    page.locator(".account summary").click()
    fold = page.locator(".json details").first
    fold.locator("summary").first.click()
    expect(fold).not_to_have_attribute("open", "")
    succeed(served, running)
    page.clock.run_for(6_000)
    expect(page.locator("#state")).to_contain_text("succeeded")
    expect(page.get_by_role("heading", name="Output")).to_be_visible()
    expect(page.locator("#said")).to_have_text(re.compile("^succeeded"))
    expect(page.get_by_role("button", name="Live")).to_have_count(0)
    expect(page).to_have_title(re.compile("^succeeded"))
    expect(fold).not_to_have_attribute("open", "")


def test_a_session_that_has_ended_leads_to_the_sign_in_and_back(served: Served) -> None:
    visit = served.stranger()
    visit.expected = "status of 401"
    visit.page.clock.install()
    token = served.world.token("read")
    visit.sign_in(token)
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Overview")
    visit.go("/runs?status=failed")
    with served.world.lock:
        served.world.revoke(token)
    visit.page.clock.run_for(6_000)
    expect(visit.page).to_have_url(re.compile(r"/sign-in\?to=%2Fruns%3Fstatus%3Dfailed$"))
    visit.page.get_by_label("Token").fill(served.world.token("read"))
    visit.page.get_by_role("button", name="Sign in").click()
    expect(visit.page).to_have_url(re.compile(r"/runs\?status=failed$"))
    visit.end()

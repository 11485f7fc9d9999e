"""Operating by hand: replay, cancel, retry, resolve, pause, run now, many letters at once; on a desk, on a phone."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from functions.dashboard import wiring
from tests.browser.visits import WIDTHS, Served, Visit
from workerflow.domain.failure import Failure
from workerflow.services.act_on_letter import ActOnLetter
from workerflow.services.resend import TickBudget
from workerflow.services.work_bulk import WorkBulk


def order(page: Page, opener: str, text: str | None = None, *, within: Locator | None = None) -> Locator:
    """Open the dialog of an order, and enter its reason; the dialog."""
    (within or page.locator("main")).get_by_role("button", name=opener, exact=True).click()
    dialog = page.locator("dialog[open]")
    if text is not None:
        dialog.get_by_role("textbox").fill(text)
    return dialog


def send(dialog: Locator) -> None:
    dialog.locator("button.is-main").click()


def a_failed_run(served: Served, message: str = "no answer in 3 s") -> str:
    with served.world.lock:
        failure = Failure("retryable", "requests.Timeout", message, frame=f"{message}:run")
        return served.world.seeds.failed(failure=failure).trace_id


def work_in_bulk(served: Served, letters: int) -> None:
    """What a tick does that has time for so many letters."""
    wired = wiring.dashboard()
    work = WorkBulk(
        jobs=wired.bulk,
        replays=wired.replays,
        act=ActOnLetter(replay=wired.replay_task, resolve=wired.resolve_letter),
        clock=wired.clock,
        ids=wired.ids,
        signals=wired.telemetry,
    )
    with served.world.lock:
        work(TickBudget(stop_at_ms=served.world.now_ms() + 20_000, resends_left=letters))


def require_sound(visit: Visit) -> None:
    """Nothing reaches out of the window, and axe finds nothing: light on the desk, dark on the phone."""
    size = visit.page.viewport_size
    is_phone = size is not None and size["width"] == WIDTHS[1]
    visit.page.emulate_media(color_scheme="dark" if is_phone else "light")
    assert visit.overflow() == []
    assert visit.serious_findings() == []


# One run.


def test_a_run_is_replayed_with_an_edited_payload(served: Served, visit: Visit) -> None:
    visit.expected = "status of 400"
    page = visit.go(f"/runs/{a_failed_run(served)}")
    page.get_by_role("link", name="Edit and replay").click()
    payload = page.get_by_label("Payload, JSON")
    assert json.loads(payload.input_value()) == {"n": 1}
    payload.fill('{"n": 2,\n </textarea>')
    page.get_by_label("Reason").fill("the sender sent one too few")
    page.get_by_role("button", name="Replay the run").click()
    expect(page.get_by_role("alert")).to_contain_text("at line 2, column")
    expect(payload).to_have_value('{"n": 2,\n </textarea>')
    expect(page.get_by_label("Reason")).to_have_value("the sender sent one too few")
    require_sound(visit)
    payload.fill('{"n": 2}')
    page.get_by_role("button", name="Replay the run").click()
    told = page.get_by_role("status").filter(has_text="Replayed")
    expect(told).to_contain_text("with the edited payload")
    require_sound(visit)
    told.get_by_role("link").click()
    expect(page.locator(".json")).to_contain_text("2")
    expect(page.locator("main")).to_contain_text("payload edited")


def test_a_payload_that_is_too_large_for_a_form_is_not_sent_and_is_kept(served: Served, visit: Visit) -> None:
    page = visit.go(f"/runs/{a_failed_run(served)}/replay")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method))
    payload = page.get_by_label("Payload, JSON")
    fill = "(area, count) => { area.value = JSON.stringify({n: 1, text: 'é'.repeat(count)}); }"
    payload.evaluate(fill, 800_000)  # 1.6 MB, and 4.8 MB as a form
    page.get_by_label("Reason").fill("it has umlauts")
    page.get_by_role("button", name="Replay the run").click()
    expect(page.get_by_role("alert")).to_contain_text("too large for a form")
    expect(page.get_by_role("alert")).to_contain_text("POST /api/runs/")
    expect(page.locator("[data-too-large]")).to_be_focused()
    require_sound(visit)
    assert "POST" not in asked
    assert payload.evaluate("(area) => area.value.length") > 800_000
    payload.evaluate(fill, 700_000)
    page.get_by_role("button", name="Replay the run").click()
    expect(page.get_by_role("status").filter(has_text="Replayed")).to_be_visible()


def test_a_run_that_waits_is_tried_now_then_cancelled(served: Served, visit: Visit) -> None:
    with served.world.lock:
        run = served.world.seeds.waiting().trace_id
    page = visit.go(f"/runs/{run}")
    dialog = order(page, "Retry now", "the provider is back")
    require_sound(visit)
    send(dialog)
    expect(page.get_by_role("status").filter(has_text="Queued")).to_be_visible()
    send(order(page, "Cancel", "nobody needs it"))
    expect(page.get_by_role("status").filter(has_text="Cancelled")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_have_count(0)


def test_a_letter_is_resolved_with_a_note(served: Served, visit: Visit) -> None:
    page = visit.go(f"/runs/{a_failed_run(served)}")
    send(order(page, "Resolve", "settled by hand"))
    expect(page.get_by_role("status").filter(has_text="Resolved")).to_be_visible()
    expect(page.locator("#state")).to_contain_text("resolved")
    expect(page.locator("main").get_by_role("button", name="Resolve", exact=True)).to_have_count(0)


def test_a_dialog_is_left_without_doing_anything(served: Served, visit: Visit) -> None:
    run = a_failed_run(served)
    page = visit.go(f"/runs/{run}")
    dialog = order(page, "Resolve")
    expect(dialog.get_by_role("textbox")).to_be_focused()
    send(dialog)
    expect(dialog).to_be_visible()  # the browser asks for the note
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator("#state")).to_contain_text("open")


# Sources.


def test_a_route_is_paused_and_resumed(visit: Visit) -> None:
    page = visit.go("/routes")
    card = page.locator("#order_created")
    dialog = order(page, "Pause", "the shop is closed", within=card)
    require_sound(visit)
    send(dialog)
    expect(page.get_by_role("status").filter(has_text="Paused")).to_be_visible()
    expect(card).to_contain_text("the shop is closed")
    send(order(page, "Resume", "open again", within=card))
    expect(page.get_by_role("status").filter(has_text="is enabled now")).to_be_visible()


def test_a_schedule_is_run_now(visit: Visit) -> None:
    page = visit.go("/schedules")
    send(order(page, "Run now", "the report is missing", within=page.locator("#report")))
    told = page.get_by_role("status").filter(has_text="Started")
    expect(told).to_contain_text("report runs once")
    told.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("report")


def test_orders_need_no_script(served: Served) -> None:
    visit = served.stranger(script=False)
    visit.sign_in(served.world.token())
    page = visit.go("/routes")
    card = page.locator("#payload_hash")
    send(order(page, "Pause", "by hand", within=card))
    expect(card).to_contain_text("by hand")
    visit.end()


# Many letters.


def test_letters_are_replayed_in_bulk_and_the_job_is_aborted(served: Served, visit: Visit) -> None:
    message = f"bulk at {visit.page.viewport_size}"
    for _ in range(5):
        a_failed_run(served, message)
    visit.page.clock.install()
    page = visit.go("/letters")
    page.get_by_role("link", name=message).click()
    expect(page.locator("#letters tr")).to_have_count(5)
    dialog = order(page, "Replay all", "the provider is back")
    require_sound(visit)
    send(dialog)
    expect(page.get_by_role("heading", name="Replay 5 dead letters?")).to_be_visible()
    require_sound(visit)
    page.get_by_role("button", name="Replay 5 dead letters").click()
    bar = page.get_by_role("progressbar")
    expect(bar).to_have_js_property("value", 0)
    work_in_bulk(served, 2)
    page.clock.run_for(6_000)
    expect(bar).to_have_js_property("value", 2)
    expect(page.locator("#job")).to_contain_text(re.compile(r"Replayed\s*2"))
    require_sound(visit)
    dialog = order(page, "Abort")
    expect(dialog).to_contain_text("3 dead letters are left alone.")
    expect(dialog).to_contain_text("What is done stays done.")
    send(dialog)
    expect(page.get_by_role("status").filter(has_text="2 of 5 letters were done before")).to_be_visible()
    work_in_bulk(served, 100)
    page.get_by_role("link", name="Dead letters").first.click()
    page.get_by_role("link", name=message).click()
    expect(page.locator("#letters tr")).to_have_count(3)
    page.get_by_role("link", name="Bulk jobs").first.click()
    expect(page.locator("#jobs tr").first).to_contain_text("aborted")
    require_sound(visit)


# Refused calls.


def test_the_line_that_differs_is_marked(served: Served, visit: Visit) -> None:
    with served.world.lock:
        served.world.seeds.refused_call()
    page = visit.go("/refused-calls")
    lines = page.get_by_label(re.compile("Paste the lines that your side signed"))
    lines.fill("workerflow-v1\nPOST\n/api/other")
    expect(page.locator("tr.differs")).to_have_count(1)
    expect(page.locator("tr.differs")).to_contain_text("/api/other")
    expect(page.locator("[data-verdict]")).to_have_text("1 of 3 lines differ.")
    require_sound(visit)
    lines.fill("workerflow-v1\nPOST\n/api/webhook_echo\n")
    expect(page.locator("tr.differs")).to_have_count(0)
    expect(page.locator("[data-verdict]")).to_have_text("No line differs: the secret is another one.")


@pytest.mark.parametrize("signed_in_again", ["in another tab", "when asked to"])
def test_what_was_typed_outlives_the_session(served: Served, signed_in_again: str) -> None:
    visit = served.stranger()
    visit.expected = "status of 403"
    visit.sign_in(served.world.token("write"))
    page = visit.go(f"/runs/{a_failed_run(served)}/replay")
    page.get_by_label("Payload").fill('{"id": 2}')
    page.get_by_label("Reason").fill("mended")
    page.context.clear_cookies()
    if signed_in_again == "in another tab":
        Visit(page.context.new_page(), visit.address).sign_in(served.world.token("write"))
        expect(page.context.pages[1].get_by_role("heading", level=1)).to_have_text("Overview")
        page.get_by_role("button", name="Replay the run").click()
        expect(page.get_by_text("back button")).to_be_visible()
    else:
        page.get_by_role("button", name="Replay the run").click()
        page.get_by_label("Token").fill(served.world.token("write"))
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
        page.go_back()
    page.go_back()
    expect(page.get_by_label("Payload")).to_have_value('{"id": 2}')
    expect(page.get_by_label("Reason")).to_have_value("mended")
    page.get_by_role("button", name="Replay the run").click()
    expect(page.get_by_text("Replayed", exact=True)).to_be_visible()
    visit.end()

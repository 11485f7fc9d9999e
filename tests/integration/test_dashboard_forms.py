"""Orders by the forms of pages: carried out once, told on the page that they lead back to, refused with what to do."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from functions.dashboard import wiring
from functions.dashboard.pages import PAGES
from functions.dashboard.pages.operating import EVENT_BYTES, REPLAY_FORM_BYTES
from tests.integration.dashboard_world import Answer, Browser, DashboardWorld, dashboard_world, form_body
from tests.support.forms import Form, form_of, forms_of
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.run import Run
from workerflow.domain.stored import StoredBytes


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DashboardWorld]:
    """One for all: each test makes the runs that it is about."""
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        dashboard_world(monkeypatch, tmp_path_factory.mktemp("dashboard")) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def writer(world: DashboardWorld) -> Browser:
    return world.browser(world.token())


def shown(answer: Answer, status: int = 200) -> str:
    """A page's text without its markup, white space made one."""
    assert answer.status == status, answer.text
    body = answer.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def followed(browser: Browser, answer: Answer) -> str:
    """The text of the page that an order led to."""
    assert answer.status == 303, answer.text
    return shown(browser.open(answer.headers["location"]))


def form_on(browser: Browser, page: str, action: str) -> Form:
    answer = browser.open(page)
    assert answer.status == 200, answer.text
    return form_of(answer.text, action)


def sent(browser: Browser, page: str, action: str, **entered: str) -> Answer:
    """Open a page, fill in one of its forms, send it."""
    form = form_on(browser, page, action)
    return browser.submit(form.action, form.filled(**entered))


def a_failed_run(world: DashboardWorld, body: bytes = b'{"id": 1}', source: str = "route:order_created") -> Run:
    return world.seeds.failed(world.seeds.queued(source, payload=StoredBytes.inlined(body)))


def read(world: DashboardWorld, path: str) -> Any:
    answer = world.get(path, token=world.token("read"))
    assert answer.status == 200
    return answer.document


def child_of(world: DashboardWorld, run: Run) -> str:
    found = read(world, f"/api/letters?state=all&source={run.source}")["letters"]
    [letter] = [one for one in found if one["traceId"] == run.trace_id]
    assert letter["state"] == "replayed"
    lineage = read(world, f"/api/runs/{run.trace_id}/lineage")
    [child] = lineage["root"]["children"]
    return str(child["traceId"])


def events_about(world: DashboardWorld, target: str) -> list[str]:
    return [one["action"] for one in read(world, "/api/audit?limit=100")["events"] if one["target"] == target]


# One run.


def test_a_replay_leads_back_and_tells_its_child(world: DashboardWorld, writer: Browser) -> None:
    run = a_failed_run(world)
    page, action = f"/runs/{run.trace_id}", f"/runs/{run.trace_id}/replay"
    told = followed(writer, sent(writer, page, action, reason="the provider is back", newEffects="true"))
    child = child_of(world, run)
    assert "Replayed The new run is" in told
    assert f"{child[:6]}…{child[-8:]}" in told
    assert "with new effect keys" in told
    assert all(form.action != action for form in forms_of(writer.open(page).text)), "it is replayed once"


def test_whoever_was_slower_is_told_that_his_replay_was_not_made(world: DashboardWorld, writer: Browser) -> None:
    run = a_failed_run(world)
    page, action = f"/runs/{run.trace_id}", f"/runs/{run.trace_id}/replay"
    slower = form_on(writer, action, action)
    sent(writer, page, action, reason="the provider is back")
    told = followed(writer, writer.submit(action, slower.filled(reason="mended", payload='{"id": 2}')))
    assert "It was replayed before" in told
    assert "Nothing was made of what you sent." in told
    assert "edited" not in told.partition("Nothing was made")[0].partition("It was replayed before")[2]


def test_a_form_that_is_sent_twice_is_one_order(world: DashboardWorld, writer: Browser) -> None:
    run = a_failed_run(world)
    form = form_on(writer, f"/runs/{run.trace_id}", f"/runs/{run.trace_id}/replay")
    first, second = (writer.submit(form.action, form.filled(reason="again")) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    assert events_about(world, run.trace_id) == ["run.replayed"]


def test_a_payload_is_edited_and_kept_while_it_is_wrong(world: DashboardWorld, writer: Browser) -> None:
    run = a_failed_run(world)
    page = f"/runs/{run.trace_id}/replay"
    form = form_on(writer, page, page)
    assert json.loads(form.fields["payload"]) == {"id": 1}
    no_json = writer.submit(page, form.filled(payload='{"id": 1,', reason="mended"))
    assert "at line 1, column" in shown(no_json, 400)
    again = form_of(no_json.text, page)
    assert (again.fields["payload"], again.fields["reason"]) == ('{"id": 1,', "mended")
    assert again.fields["key"] == form.fields["key"]
    no_order = writer.submit(page, again.filled(payload='{"id": "one"}'))
    assert "/id" in shown(no_order, 422)
    told = followed(writer, writer.submit(page, form_of(no_order.text, page).filled(payload='{"id": 2}')))
    assert "with the edited payload" in told
    child = child_of(world, run)
    assert world.get(f"/api/runs/{child}/payload", token=world.token("read")).body == b'{"id": 2}'


def test_a_payload_that_nobody_changed_is_replayed_byte_for_byte(world: DashboardWorld, writer: Browser) -> None:
    body = '{"id":1.50e1,  "text":"\u202eevil\u200b\U000e0001", "id ":12345678901234567890}'.encode()
    run = a_failed_run(world, body, "route:webhook_echo")
    page = f"/runs/{run.trace_id}/replay"
    form = form_on(writer, page, page)
    assert json.loads(form.fields["payload"]) == json.loads(body)
    assert r"\u202eevil\u200b\udb40\udc01" in form.fields["payload"]
    assert "1.50e1" in form.fields["payload"]
    assert "edited" not in followed(writer, writer.submit(page, form.filled(reason="as it was")))
    child = child_of(world, run)
    assert world.get(f"/api/runs/{child}/payload", token=world.token("read")).body == body


def test_the_largest_form_fits_into_an_event_and_a_larger_one_is_refused(
    world: DashboardWorld, writer: Browser
) -> None:
    path = f"/runs/{a_failed_run(world).trace_id}/replay"
    form = form_on(writer, path, path).fields
    quotes, rest = divmod(REPLAY_FORM_BYTES - len(form_body({**form, "payload": ""})), len("%22"))
    largest = {**form, "payload": '"' * quotes + "x" * rest}
    headers = {"content-type": "application/x-www-form-urlencoded", "x-padding": "x" * 32_000}
    event = world.event("POST", path, form_body(largest), headers)
    assert len(form_body(largest)) == REPLAY_FORM_BYTES
    assert EVENT_BYTES - 64_000 < len(json.dumps(event)) < EVENT_BYTES
    told = shown(writer.submit(path, largest), 400)  # it was read: its payload is no JSON
    assert "not JSON" in told
    answer = writer.submit(path, {**largest, "payload": largest["payload"] + "x"})
    assert answer.status == 413
    assert "body_too_large" in answer.text


def test_a_payload_whose_form_would_be_too_large_is_not_offered_for_editing(
    world: DashboardWorld, writer: Browser
) -> None:
    """Each DEL is edited as an escape, and sent as eight bytes."""
    body = b'{"id": 1, "text": "%s"}' % (b"\x7f" * 1_000_000)
    world.aws.blobs.put("default/del", body)
    task = world.seeds.queued("route:order_created", payload=StoredBytes.pointed(body, "default/del"))
    run = world.seeds.failed(task)
    page = writer.open(f"/runs/{run.trace_id}/replay")
    assert "As a form it is too large; the API takes an edited one. It is replayed as it is." in shown(page)
    assert "<textarea" not in page.text


def test_a_payload_that_is_no_json_cannot_be_edited_and_can_be_replayed(world: DashboardWorld, writer: Browser) -> None:
    run = a_failed_run(world, b"\xff\xfe", "schedule:report")
    page = f"/runs/{run.trace_id}/replay"
    answer = writer.open(page)
    assert "It is no JSON. It is replayed as it is." in shown(answer)
    told = followed(writer, writer.submit(page, form_of(answer.text, page).filled(reason="all the same")))
    assert "Replayed" in told


def test_a_run_that_waits_is_tried_now_or_cancelled(world: DashboardWorld, writer: Browser) -> None:
    run = world.seeds.waiting()
    page = f"/runs/{run.trace_id}"
    assert "Queued The next attempt begins" in followed(writer, sent(writer, page, f"{page}/retry", reason="now"))
    assert "Cancelled The run ended" in followed(writer, sent(writer, page, f"{page}/cancel", reason="no need"))
    assert read(world, f"/api{page}")["state"] == "cancelled"


def test_a_handler_at_work_is_asked_to_stop(world: DashboardWorld, writer: Browser) -> None:
    page = f"/runs/{world.seeds.running().trace_id}"
    assert "Asked to stop" in followed(writer, sent(writer, page, f"{page}/cancel", reason="too slow"))
    assert forms_of(writer.open(page).text) == []


def test_a_letter_is_resolved_with_a_note(world: DashboardWorld, writer: Browser) -> None:
    run = a_failed_run(world)
    page, action = f"/runs/{run.trace_id}", f"/letters/{run.trace_id}/resolve"
    assert "Resolved" in followed(writer, sent(writer, page, action, note="settled by hand"))
    assert events_about(world, run.trace_id) == ["letter.resolved"]
    assert [form.action for form in forms_of(writer.open(page).text)] == [f"{page}/replay"]


# Refusals.


def test_what_cannot_be_done_is_told_on_the_form_with_what_to_do(world: DashboardWorld, writer: Browser) -> None:
    run = world.seeds.waiting()
    page = f"/runs/{run.trace_id}"
    form = form_on(writer, page, f"{page}/retry")
    writer.submit(f"{page}/cancel", form.filled(reason="meanwhile", key="another-key"))
    refused = writer.submit(form.action, form.filled(reason="try <now>"))
    told = shown(refused, 409)
    assert "The run is not waiting" in told
    assert "Go back to the run and look at it again." in told
    again = form_of(refused.text, f"{page}/retry")
    assert (again.fields["reason"], again.fields["key"]) == ("try <now>", form.fields["key"])


@pytest.mark.parametrize("reason", ["", "   ", "x" * 1001])
def test_a_reason_is_asked_for(world: DashboardWorld, writer: Browser, reason: str) -> None:
    page = f"/runs/{world.seeds.waiting().trace_id}"
    assert "/reason" in shown(sent(writer, page, f"{page}/cancel", reason=reason), 400)


def test_a_key_that_stands_for_another_order_is_exchanged(world: DashboardWorld, writer: Browser) -> None:
    page = f"/runs/{world.seeds.waiting().trace_id}"
    form = form_on(writer, page, f"{page}/cancel")
    assert writer.submit(form.action, form.filled(reason="one")).status == 303
    refused = writer.submit(form.action, form.filled(reason="other"))
    assert refused.status == 422
    assert form_of(refused.text, f"{page}/cancel").fields["key"] != form.fields["key"]


def test_an_answer_that_was_lost_leaves_the_form_with_its_key(writer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    form = form_of_switch(writer, "/routes", "webhook_echo", "paused")

    def unavailable(*_: object) -> None:
        raise StoreUnavailableError("no answer")

    monkeypatch.setitem(vars(wiring.dashboard()), "set_switch", unavailable)
    refused = writer.submit(form.action, form.filled(reason="maintenance"))
    assert "It is not known whether this was done" in shown(refused, 503)
    assert refused.headers["retry-after"]
    again = form_of(refused.text, "/routes/webhook_echo/state")
    assert (again.fields["key"], again.fields["state"]) == (form.fields["key"], "paused")


@pytest.mark.parametrize(
    ("fields", "headers", "status"),
    [
        ({"csrf": ""}, {}, 403),
        ({"csrf": "0" * 64}, {}, 403),
        ({"key": ""}, {}, 400),
        ({"key": "two words"}, {}, 400),
        ({}, {"sec-fetch-site": "cross-site"}, 403),
        ({}, {"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_a_form_that_is_not_ours_changes_nothing(
    world: DashboardWorld, writer: Browser, fields: dict[str, str], headers: dict[str, str], status: int
) -> None:
    run = world.seeds.waiting()
    form = form_on(writer, f"/runs/{run.trace_id}", f"/runs/{run.trace_id}/cancel")
    answer = writer.submit(form.action, form.filled(reason="r", **fields), headers)
    assert answer.status == status
    assert events_about(world, run.trace_id) == []


def test_whoever_may_only_read_sees_no_form_and_is_refused(world: DashboardWorld, writer: Browser) -> None:
    run, reader = a_failed_run(world), world.browser(world.token("read"))
    job = counted(writer, "/letters", "replay")
    for page in ("/letters", "/schedules", "/routes", f"/runs/{run.trace_id}", "/bulk-jobs", job):
        answer = reader.open(page)
        assert answer.status == 200
        assert forms_of(answer.text) == []
    form = form_on(writer, f"/runs/{run.trace_id}", f"/runs/{run.trace_id}/replay")
    assert reader.submit(form.action, form.filled(reason="r")).status == 403
    assert reader.open(f"/runs/{run.trace_id}/replay").status == 403


def test_every_order_of_the_api_has_a_form() -> None:
    from functions.dashboard.endpoints import WRITES  # noqa: PLC0415

    forms = {one.template for one in PAGES if one.is_write}
    assert {one.template.removeprefix("/api") for one in WRITES} == forms


# What was done is told to whoever did it.


def test_nobody_else_is_told_what_an_order_did(world: DashboardWorld, writer: Browser) -> None:
    run = a_failed_run(world)
    page = f"/runs/{run.trace_id}"
    there = sent(writer, page, f"{page}/replay", reason="r").headers["location"]
    assert "Replayed The new run" in shown(writer.open(there))
    assert "Replayed The new run" not in shown(world.browser(world.token()).open(there))
    assert "Replayed The new run" not in shown(writer.open(f"{page}?done=made-up"))
    assert shown(writer.open(f"{page}?done=two+words"))


def test_an_order_stays_with_its_tenant(world: DashboardWorld) -> None:
    world.declare("acme")
    browser = world.browser(world.token())
    run = world.seeds.failed(world.seeds.queued(tenant="acme"))
    page = f"/runs/{run.trace_id}?tenant=acme"
    answer = sent(browser, page, f"/runs/{run.trace_id}/replay", reason="r")
    assert answer.headers["location"].endswith("&tenant=acme")
    assert "Replayed The new run" in followed(browser, answer)


# Sources.


def test_a_route_is_paused_and_resumed(writer: Browser) -> None:
    form = form_of_switch(writer, "/routes", "order_created", "paused")
    told = followed(writer, writer.submit(form.action, form.filled(reason="the shop is closed")))
    assert "order_created is paused now; it was enabled." in told
    assert "the shop is closed" in told
    form = form_of_switch(writer, "/routes", "order_created", "enabled")
    assert "is enabled now" in followed(writer, writer.submit(form.action, form.filled(reason="open again")))


def test_a_schedule_that_is_paused_tells_by_whom(writer: Browser) -> None:
    form = form_of_switch(writer, "/schedules", "nightly", "paused")
    told = followed(writer, writer.submit(form.action, form.filled(reason="the night is short")))
    assert re.search(r"Paused \S+ by ada \([a-z2-7]{12}\) : the night is short", told)
    form = form_of_switch(writer, "/schedules", "nightly", "enabled")
    assert "is enabled now" in followed(writer, writer.submit(form.action, form.filled(reason="enough slept")))


def form_of_switch(browser: Browser, page: str, name: str, state: str) -> Form:
    found = [form for form in forms_of(browser.open(page).text) if form.fields.get("state") == state]
    [form] = [form for form in found if form.action == f"{page}/{name}/state"]
    return form


def test_a_schedule_is_run_now_and_its_run_is_linked(world: DashboardWorld, writer: Browser) -> None:
    answer = sent(writer, "/schedules", "/schedules/report/run", reason="the report is missing")
    page = writer.open(answer.headers["location"]).text
    [event] = [one for one in read(world, "/api/audit?limit=100")["events"] if one["action"] == "schedule.run"]
    assert f'href="/runs/{event["details"]["run"]}"' in page


def test_what_the_manifest_disables_no_switch_enables(writer: Browser) -> None:
    page = writer.open("/routes").text
    assert "replaced by webhook_echo" in page
    assert all("switched_off" not in form.action for form in forms_of(page))


def test_whoever_set_a_switch_is_not_said_to_have_done_what_the_manifest_did(
    world: DashboardWorld, writer: Browser
) -> None:
    order = {"state": "disabled", "reason": "a second thought"}
    assert world.post("/api/routes/switched_off/state", order, token=world.token()).status == 200
    told = shown(writer.open("/routes"))
    assert "Disabled: replaced by webhook_echo" in told
    assert "a second thought" not in told


# Bulk.


def counted(browser: Browser, page: str, action: str) -> str:
    """Where the job is that a page's letters were counted for."""
    [form] = [one for one in forms_of(browser.open(page).text) if one.fields["action"] == action]
    answer = browser.submit(form.action, form.filled(reason="mended"))
    assert answer.status == 303, answer.text
    return answer.headers["location"]


def test_letters_are_counted_before_anything_is_done_to_them(world: DashboardWorld, writer: Browser) -> None:
    for _ in range(3):
        a_failed_run(world, source="route:payload_hash")
    filtered = "/letters?source=route%3Apayload_hash"
    job = counted(writer, filtered, "replay")
    asked = shown(writer.open(job))
    assert "Replay 3 dead letters?" in asked
    assert "of route payload_hash" in asked
    assert len(read(world, "/api/letters?source=route:payload_hash")["letters"]) == 3
    begun = followed(writer, sent(writer, job, f"{job}/start"))
    assert "Started" in begun
    assert "0 of 3" in begun
    aborted = followed(writer, sent(writer, job, f"{job}/abort"))
    assert "aborted" in aborted
    assert "Replay 3" in shown(writer.open("/bulk-jobs"))
    assert forms_of(writer.open(job).text) == []


def test_a_job_that_has_ended_is_not_started(world: DashboardWorld, writer: Browser) -> None:
    a_failed_run(world)
    job = counted(writer, "/letters", "resolve")
    start, abort = form_on(writer, job, f"{job}/start"), form_on(writer, job, f"{job}/abort")
    assert "Discarded" in followed(writer, writer.submit(abort.action, abort.fields))
    told = shown(writer.submit(start.action, start.fields), 409)
    assert "count anew" in told
    assert "Look at the job again" in told


@pytest.mark.parametrize("changed", [{"class": "odd"}, {"source": "odd"}, {"from": "odd"}, {"action": "odd"}])
def test_a_filter_that_is_none_counts_nothing(world: DashboardWorld, writer: Browser, changed: dict[str, str]) -> None:
    a_failed_run(world)
    [form] = [one for one in forms_of(writer.open("/letters").text) if one.fields["action"] == "resolve"]
    answer = writer.submit(form.action, form.filled(reason="r", **changed))
    assert f"/{next(iter(changed))}" in shown(answer, 400)


def test_a_job_that_is_not_there_is_not_found(writer: Browser) -> None:
    assert writer.open(f"/bulk-jobs/{'0' * 28}").status == 404
    assert writer.open("/bulk-jobs/odd").status == 404

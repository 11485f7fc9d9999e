"""The dashboard's door: what is looked at in which order, and what every answer carries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from functions.dashboard.pages import problem
from tests.integration.dashboard_server import serving
from tests.integration.dashboard_world import DashboardWorld, dashboard_world
from tests.support.faults import Fault
from tests.support.forms import forms_of


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[DashboardWorld]:
    with dashboard_world(monkeypatch, tmp_path) as made:
        yield made


def test_health_needs_no_token(world: DashboardWorld) -> None:
    answer = world.send(world.event("GET", "/api/health"))
    assert (answer.status, answer.document) == (200, {"status": "ok", "environment": "dev"})


def test_a_token_tells_who_it_is(world: DashboardWorld) -> None:
    answer = world.get("/api/session", token=world.token("read", "default", name="ada"))
    assert answer.status == 200, answer.text
    assert {name: answer.document[name] for name in ("name", "scope", "tenant")} == {
        "name": "ada",
        "scope": "read",
        "tenant": "default",
    }


def test_a_request_with_several_faults_is_told_the_first(world: DashboardWorld) -> None:
    world.declare("acme")
    run = world.seeds.failed().trace_id
    token, reader, other = world.token("write"), world.token("read"), world.token("write", "acme")
    path, body = f"/api/runs/{run}/replay", {"reason": "x"}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("path_not_found", {"path": "/api/nothing"}),
        ("method_not_allowed", {"path": path}),
        ("header_repeated", {"method": "POST"}),
        ("token_missing", {"key": ""}),
        ("token_malformed", {"authorization": "Basic x"}),
        ("token_invalid", {"authorization": f"Bearer {token[:-4]}AAAA"}),
        ("scope_insufficient", {"authorization": f"Bearer {reader}"}),
        ("parameter_invalid", {"authorization": f"Bearer {other}"}),
        ("tenant_malformed", {"query": "tenant=A&why=1"}),
        ("tenant_forbidden", {"query": "tenant=default&why=1"}),
        ("tenant_not_found", {"authorization": f"Bearer {token}", "query": "tenant=nobody&why=1"}),
        ("parameter_invalid", {"query": "tenant=acme&why=1"}),
        ("key_malformed", {"query": "tenant=acme"}),
        ("body_too_large", {"key": "k", "body": b"{" * 5_000_000}),
        ("body_not_json", {"body": b"{"}),
        ("body_invalid", {"body": b"{}"}),
        ("run_not_found", {"body": json.dumps(body).encode()}),
    ]
    request: dict[str, Any] = {"method": "GET", "query": "tenant=%", "key": "a,b", "authorization": None, "body": b""}
    for code, change in steps:
        request |= change
        headers = {"idempotency-key": request["key"], "authorization": request["authorization"]}
        sent = {name: value for name, value in headers.items() if value is not None}
        event = world.event(request["method"], request["path"], request["body"], sent, query=request["query"])
        assert world.send(event).code == code
    assert world.post(path, body, token=token).status == 200


def test_it_is_served_over_http_for_browsers_and_other_clients(world: DashboardWorld) -> None:
    token = world.token("read")
    with (
        serving(world) as address,
        closing(HTTPConnection(address.removeprefix("http://"), timeout=5)) as connection,
    ):
        connection.request("GET", "/api/session", headers={"Authorization": f"Bearer {token}"})
        assert json.load(connection.getresponse())["scope"] == "read"


def nonsense(_request: object) -> tuple[int, dict[str, str], bytes]:
    """What no table of ours holds."""
    return 200, {}, b'{"Item": {"pk": {"S": "what no code of ours wrote"}}}'


@pytest.mark.parametrize(
    ("path", "content_type"), [("/api/session", "application/problem+json"), ("/", "text/html; charset=utf-8")]
)
def test_what_nobody_foresaw_is_a_500_that_tells_nothing(
    world: DashboardWorld, capsys: pytest.CaptureFixture[str], path: str, content_type: str
) -> None:
    token = world.token("read")
    browser = world.browser(token)
    world.aws.line.stand_in("dynamodb.GetItem", nonsense)
    answer = world.get(path, token=token) if path.startswith("/api") else browser.open(path)
    assert (answer.status, answer.headers["content-type"]) == (500, content_type)
    assert "what no code of ours wrote" not in answer.text
    assert "c6af9ac6-7b61-11e6-9a41-93e8deadbeef" in answer.text
    logged = capsys.readouterr().out
    assert "UncaughtError" in logged
    assert token.split("_")[2] not in logged


def test_a_page_about_a_fault_that_is_faulty_itself_is_plain_text(
    world: DashboardWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(problem, "problem_page", broken)
    answer = world.browser().open("/nothing")
    assert (answer.status, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8")
    assert answer.text.startswith("There is nothing at this path. Request c6af9ac6")


def test_somebody_who_is_not_signed_in_is_led_there(world: DashboardWorld) -> None:
    answer = world.browser().open("/runs?status=failed")
    assert (answer.status, answer.headers["location"]) == (303, "/sign-in?to=%2Fruns%3Fstatus%3Dfailed")


@pytest.mark.parametrize(
    ("open_page", "wanted"),
    [
        ("https://a1b2.lambda-url.us-east-1.on.aws/runs?status=failed", "%2Fruns%3Fstatus%3Dfailed"),
        ("https://evil.test//evil.test/x", "%2F"),
        ("https://[evil", "%2F"),
        ("javascript:alert(1)", "%2F"),
        ("", "%2F"),
    ],
)
def test_a_page_that_refreshes_itself_is_led_there_whole_and_back(
    world: DashboardWorld, open_page: str, wanted: str
) -> None:
    part = world.browser().open("/runs?cursor=x", headers={"hx-request": "true", "hx-current-url": open_page})
    assert (part.status, part.headers["hx-redirect"]) == (401, f"/sign-in?to={wanted}")


LINK = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_a_page_of_somebody_elses_is_shown_nothing_of_a_session(world: DashboardWorld, site: str) -> None:
    browser = world.browser(world.token("read"))
    assert browser.open("/runs", headers={"sec-fetch-site": "same-origin"}).status == 200
    answer = browser.open("/runs", headers={"sec-fetch-site": site, "sec-fetch-mode": "no-cors"})
    assert (answer.status, answer.headers["location"]) == (303, "/sign-in?to=%2Fruns")
    framed = browser.open("/runs", headers={"sec-fetch-site": site} | LINK | {"sec-fetch-dest": "iframe"})
    assert (framed.status, framed.headers["location"]) == (303, "/sign-in?to=%2Fruns")


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
@pytest.mark.parametrize("path", ["/", "/runs?status=failed&source=route%3Aecho"])
def test_whoever_follows_a_link_from_elsewhere_is_led_on_by_a_page_of_ours(
    world: DashboardWorld, site: str, path: str
) -> None:
    browser = world.browser(world.token("read"))
    answer = browser.open(path, headers={"sec-fetch-site": site} | LINK)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert "ada" not in answer.text
    assert not answer.cookies
    [on] = re.findall(r'http-equiv="refresh" content="0; url=([^"]+)"', answer.text)
    led = browser.open(on, headers={"sec-fetch-site": "same-origin"} | LINK)
    assert (led.status, led.headers["location"]) == (303, path)
    assert browser.open(path, headers={"sec-fetch-site": "same-origin"} | LINK).status == 200
    for_ever = browser.open(on, headers={"sec-fetch-site": site} | LINK)  # a browser that knows no better
    assert for_ever.status == 200
    assert 'name="token"' in for_ever.text
    assert 'name="token"' in world.browser().open(on, headers={"sec-fetch-site": "same-origin"} | LINK).text


def test_nothing_of_a_link_becomes_markup(world: DashboardWorld) -> None:
    link = "/runs?x=\"><script>alert(1)</script>'&amp;{0}"
    answer = world.browser().open(link, headers={"sec-fetch-site": "cross-site"} | LINK)
    assert answer.status == 200
    [on] = set(re.findall(r'(?:url=|href=")([^"]*)"', answer.text))
    assert re.fullmatch(r"/sign-in\?to=[A-Za-z0-9_.~%-]+", on)
    assert "alert" in on


def test_a_request_leaves_one_line_of_facts_that_are_ours(
    world: DashboardWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    token = world.token("read", "default")
    capsys.readouterr()
    world.get("/api/runs?source=route:canary", token=token)
    (line,) = [json.loads(one) for one in capsys.readouterr().out.splitlines()]
    told = {name: line[name] for name in ("message", "endpoint", "status", "tenant", "token_id")}
    assert told == {
        "message": "answered",
        "endpoint": "listRuns",
        "status": 200,
        "tenant": "default",
        "token_id": token.split("_")[1],
    }
    assert "canary" not in json.dumps(line)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was logged since this was asked last."""
    return [json.loads(one) for one in capsys.readouterr().out.splitlines()]


def test_whoever_tries_tokens_out_is_logged_with_his_address(
    world: DashboardWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = world.token("read")[:-4] + "AAAA"
    lines(capsys)
    world.get("/api/session", token=wrong)
    (line,) = lines(capsys)
    assert (line["code"], line["address"]) == ("token_invalid", world.source_ip)
    for _ in range(11):
        world.browser().submit("/sign-in", {"token": wrong})
    refused = [line for line in lines(capsys) if line["message"] == "a form was refused"]
    assert [line["code"] for line in refused] == ["token_invalid"] * 10 + ["too_many_sign_ins"]
    assert {line["address"] for line in refused} == {world.source_ip}
    assert not [line for line in refused if wrong.split("_")[2][:16] in json.dumps(line)]


def test_an_order_whose_store_is_away_is_a_fault_in_the_log(
    world: DashboardWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = world.browser(world.token("write"))
    form = next(one for one in forms_of(browser.open("/routes").text) if one.action == "/routes/webhook_echo/state")
    lines(capsys)
    with world.aws.line.breaking(Fault.THROTTLED, "dynamodb.TransactWriteItems"):
        answer = browser.submit(form.action, form.filled(reason="why"))
    assert answer.status == 503
    told = next(line for line in lines(capsys) if line["level"] == "ERROR")
    assert (told["code"], told["error_class"]) == (
        "store_unavailable",
        "workerflow.domain.errors.StoreUnavailableError",
    )
    assert told["stack"]


def test_who_came_and_went_stands_in_the_audit_trail(world: DashboardWorld) -> None:
    token = world.token("read")
    browser = world.browser(token)
    page = browser.open("/audit").text
    assert "signed in" in page
    assert browser.submit("/sign-out", {"csrf": page.partition('name="csrf" value="')[2][:43]}).status == 303
    events = world.get("/api/audit", token=token).document["events"]
    told = [(one["action"], one["actor"], one["address"]) for one in events[:2]]
    who = f"ada ({token.split('_')[1]})"
    assert told == [("session.ended", who, world.source_ip), ("session.created", who, world.source_ip)]
    assert events[0]["target"] == events[1]["target"]

"""Whatever is thrown at the API is answered with a problem that says what is wrong, and changes nothing.

That each answer is one that the OpenAPI document tells of is checked by the world itself, in `send`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.dashboard.endpoint import Endpoint
from functions.dashboard.endpoints import API, WRITES
from tests.integration.dashboard_world import DashboardWorld, dashboard_world
from tests.support.faults import Fault
from workerflow.tables import AUDIT_EVENTS, TABLES

ALREADY_DECODED = ("\x00", "ü", "\U0001f600", "\u202e", "a b", "%", "'", '"', "<script>", "\n", "\\")
PARTS = (
    *ALREADY_DECODED,
    "%00",
    "%2e%2e",
    "%2F",
    "%zz",
    "%C3%28",
    "..",
    ".",
    "",
    "x" * 65,
    "x" * 100_000,
    "%252e%252e",
    ";",
    "{traceId}",
)
QUERIES = (
    *(f"tenant={one}" for one in ALREADY_DECODED),
    "tenant=default&tenant=default",
    "tenant=",
    "tenant=%2e%2e%2fdefault",
    "tenant=default%00",
    "tenant=" + "a" * 64,
    "%zz=1",
    "%",
    "tenant=%",
    "tenant=%f",
    "tenant=%C3%28",
    "tenant=%ED%A0%80",
    "=",
    "=1",
    "constructor=1",
    "__proto__=1",
    "a" * 1_000_000,
    "&" * 10_000,
    "a=1&" * 200,
)
BODIES = (
    b"",
    b"\xff",
    b"\xef\xbb\xbf{}",
    b"null",
    b"[]",
    b'"x"',
    b"{",
    b"{}{}",
    b"NaN",
    b'{"reason": NaN}',
    b'{"reason":"a","reason":"b"}',
    b'{"reason":"\\ud800"}',
    b'{"reason": 1e999}',
    b'{"reason": ' + b"9" * 5000 + b"}",
    b"[" * 60_000,
    b'{"a":' * 10_000,
    b'{"__proto__": {}, "constructor": 1}',
    b"reason=x",
    b"\x00" * 1000,
    b" " * 10_000_000,
)
PATHS = (
    "/api",
    "/api/",
    "//api/runs",
    "/api//runs",
    "/api/runs/",
    "/API/runs",
    "/api/run\u017f",
    "/api/runs%2f",
    "/api/./runs",
    "/api/../runs",
    "",
    "*",
    "/api/" + "a/" * 50_000,
)
NO_REQUESTS: tuple[object, ...] = (
    None,
    {},
    [],
    {"rawPath": "/api/health"},
    {"requestContext": {"http": {}}},
    {"requestContext": {"http": {"method": "GET"}}, "rawPath": 1},
)
NAMED = dict.fromkeys(("traceId", "jobId", "name"), "x")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DashboardWorld]:
    with (
        pytest.MonkeyPatch.context() as patch,
        dashboard_world(patch, tmp_path_factory.mktemp("dashboard")) as made,
    ):
        made.seeds.failed()
        yield made


@pytest.fixture(scope="module")
def token(world: DashboardWorld) -> str:
    return world.token("write")


def changed_by(world: DashboardWorld, before: dict[str, Any]) -> list[str]:
    """Tables in which something else stands than before."""
    return [name for name, items in everything(world).items() if items != before[name]]


def everything(world: DashboardWorld) -> dict[str, Any]:
    return {table.name: world.aws.items(table) for table in TABLES}


def send(world: DashboardWorld, token: str, endpoint: Endpoint, path: str = "", **options: Any) -> tuple[int, str]:
    """A request that is good but for what `options` say; status, and code of the problem if it is one."""
    headers = {"authorization": f"Bearer {token}", "idempotency-key": "k", "content-type": "application/json"}
    sent = headers | options.pop("headers", {})
    path = path or endpoint.template.format(**NAMED)
    body = options.pop("body", b"")
    answer = world.send(world.event(endpoint.method, path, body, sent, **options))
    assert answer.status < 500, answer.text[:300]
    return answer.status, "" if answer.status == 200 else answer.code


@pytest.mark.parametrize("endpoint", [one for one in API if "{" in one.template], ids=lambda one: one.name)
def test_a_name_in_a_path_has_one_spelling(world: DashboardWorld, token: str, endpoint: Endpoint) -> None:
    before = everything(world)
    body = b'{"reason":"x","state":"paused"}' if endpoint.is_write else b""
    for part in PARTS:
        status, code = send(world, token, endpoint, endpoint.template.format(**dict.fromkeys(NAMED, part)), body=body)
        assert status in {400, 404}, (part[:50], status, code)
    assert changed_by(world, before) == []


@pytest.mark.parametrize("path", PATHS)
def test_no_other_spelling_of_a_path_is_ours(world: DashboardWorld, token: str, path: str) -> None:
    headers = {"authorization": f"Bearer {token}"}
    assert world.send(world.event("GET", path, headers=headers)).status == 404


@pytest.mark.parametrize("endpoint", API, ids=lambda one: one.name)
def test_a_query_is_read_strictly(world: DashboardWorld, token: str, endpoint: Endpoint) -> None:
    before = everything(world)
    for query in QUERIES:
        status, code = send(world, token, endpoint, query=query)
        assert code in {"parameter_invalid", "tenant_malformed", "tenant_not_found"}, (query[:50], status, code)
    assert changed_by(world, before) == []


@pytest.mark.parametrize("endpoint", WRITES, ids=lambda one: one.name)
def test_a_body_is_read_strictly(world: DashboardWorld, token: str, endpoint: Endpoint) -> None:
    before = everything(world)
    for body in BODIES:
        status, code = send(world, token, endpoint, body=body)
        assert code.startswith("body_"), (body[:50], status, code)
    assert changed_by(world, before) == []


@pytest.mark.parametrize("endpoint", [one for one in API if one.scope], ids=lambda one: one.name)
def test_credentials_are_read_strictly(world: DashboardWorld, token: str, endpoint: Endpoint) -> None:
    before = everything(world)
    wrong = (
        "",
        "Bearer",
        "Bearer ",
        token,
        f"Basic {token}",
        f"Bearer {token} ",
        f"Bearer {token},Bearer {token}",
        f"Bearer {token[:-1]}",
        f"Bearer {token}\x00",
        f"Bearer {token.upper()}",
        "Bearer wfd__",
        "Bearer " + "a" * 100_000,
        "Bearer ü",
    )
    for value in wrong:
        status, _ = send(world, token, endpoint, headers={"authorization": value})
        assert status in {400, 401}, value[:80]
    assert changed_by(world, before) == []


@pytest.mark.parametrize(
    "method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY", "get", "", "G\x00"]
)
def test_another_method_is_refused_and_nothing_is_said_to_other_origins(world: DashboardWorld, method: str) -> None:
    headers = {"origin": "https://example.org", "access-control-request-method": "POST"}
    for endpoint in API:
        path = endpoint.template.format(**NAMED)
        answer = world.send(world.event(method, path, headers=headers))
        assert (answer.status, answer.code) == (405, "method_not_allowed")
        assert answer.headers["allow"] in {"GET, HEAD", "POST", "GET, HEAD, POST"}
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("event", NO_REQUESTS, ids=repr)
def test_what_is_no_request_is_answered_all_the_same(world: DashboardWorld, event: object) -> None:
    answer = (
        world.send(event) if not isinstance(event, dict) else world.send({**event, "rawPath": event.get("rawPath", "")})
    )
    assert (answer.status, answer.code) == (400, "request_malformed")


def test_a_cookie_opens_nothing_of_the_api(world: DashboardWorld, token: str) -> None:
    browser = world.browser(token)
    cookies = tuple(f"{name}={value}" for name, value in browser.jar.items())
    assert cookies
    answer = world.send(world.event("GET", "/api/session", cookies=cookies))
    assert answer.code == "token_missing"


def test_texts_for_people_are_kept_as_they_are(world: DashboardWorld, token: str) -> None:
    text = "<script>alert(1)</script>\u202e\x1b[31m\x00 \U0001f600 שלום javascript:x"
    body = json.dumps({"reason": text}).encode()
    schedule = next(one for one in WRITES if one.name == "runSchedule")
    assert (
        send(world, token, schedule, "/api/schedules/report/run", body=body, headers={"idempotency-key": "s"})[0] == 200
    )
    event = world.get("/api/audit", token=token).document["events"][0]
    assert event["reason"] == text


def test_somebody_who_guesses_is_made_to_wait(world: DashboardWorld, token: str) -> None:
    world.source_ip = "198.51.100.66"
    try:
        wrong = f"Bearer {token[:-4]}AAAA"
        codes = [send(world, token, API[2], headers={"authorization": wrong})[1] for _ in range(40)]
        assert set(codes) == {"token_invalid", "too_many_failures"}
        answer = world.get("/api/session", token=token)
        assert (answer.code, int(answer.headers["retry-after"]) > 0) == ("too_many_failures", True)
    finally:
        world.source_ip = "203.0.113.7"
    assert world.get("/api/session", token=token).status == 200


def test_a_store_that_does_not_answer_is_told_as_unknown(world: DashboardWorld, token: str) -> None:
    with world.aws.line.breaking(Fault.THROTTLED):
        answer = world.get("/api/runs", token=token)
    assert (answer.code, answer.headers["retry-after"]) == ("store_unavailable", "2")


def test_nothing_of_all_this_stands_in_the_audit_trail(world: DashboardWorld) -> None:
    actions = {item["action"] for item in world.aws.items(AUDIT_EVENTS)}
    assert actions <= {"token.created", "session.created", "schedule.run"}

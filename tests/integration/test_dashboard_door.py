"""The dashboard's door: what is looked at in which order, and what every answer carries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.integration.dashboard_server import serving
from tests.integration.dashboard_world import DashboardWorld, dashboard_world


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

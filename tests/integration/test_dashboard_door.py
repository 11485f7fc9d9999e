"""The dashboard's door: what is looked at in which order, and what every answer carries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

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


def test_it_is_served_over_http_for_browsers_and_other_clients(world: DashboardWorld) -> None:
    token = world.token("read")
    with serving(world) as address:
        with closing(HTTPConnection(address.removeprefix("http://"), timeout=5)) as connection:
            connection.request("GET", "/api/session", headers={"Authorization": f"Bearer {token}"})
            assert json.load(connection.getresponse())["scope"] == "read"

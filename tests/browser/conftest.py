"""One browser for all tests of a process, one served dashboard for each module.

Chromium is Debian's. Tests that take `visit` get a signed-in tab at both widths; a test that needs another one asks
`served` for it. Whatever the browser complains about fails the test: errors, exceptions, a violated policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.visits import PATIENCE_MS, WIDTHS, Served, Visit
from tests.integration.dashboard_server import serving
from tests.integration.dashboard_world import dashboard_world
from tests.support.chromium import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder starts a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A dashboard with its own tables; what a test puts there, the module's other tests see."""
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        dashboard_world(monkeypatch, tmp_path_factory.mktemp("dashboard"), environment="local") as world,
        serving(world) as address,
    ):
        yield Served(world, address, browser)


@pytest.fixture(params=WIDTHS, ids=lambda width: f"{width}px")
def visit(served: Served, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A tab of somebody who may write, at both widths."""
    begun = served.visit(width=request.param)
    yield begun
    begun.end()

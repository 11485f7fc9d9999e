"""One browser for all tests of a process, one served dashboard for each module.

Chromium is Debian's. Tests that take `visit` get a signed-in tab at both widths; a test that needs another one asks
`served` for it. Whatever the browser complains about fails the test: errors, exceptions, a violated policy.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.visits import WIDTHS, Served, Visit
from tests.integration.dashboard_server import serving
from tests.integration.dashboard_world import dashboard_world

# As root there is no sandbox; the rest keeps it from doing anything that no test asked for.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder starts a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium")
    assert found, "Chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield started
        started.close()


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

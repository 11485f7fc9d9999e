"""A browser's visit to a served dashboard: what went wrong on the way is collected, and fails the test.

visit.go("/runs")           visit.page is Playwright's page
visit.serious_findings()    what axe thinks of it
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tests.integration.dashboard_world import DashboardWorld

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Error, Page, StorageState

AXE = (Path(__file__).resolve().parents[2] / "node_modules/axe-core/axe.min.js").read_text()
WIDTHS = (1440, 390)
HEIGHTS = {1440: 900, 390: 844}
PATIENCE_MS = 30_000
"""How long a test waits for what must come: no page takes a second, but a busy machine may be ten times as slow."""
UNSEEN = 0.01
"""A layout shift that nobody notices: a tenth of what counts as good. Source: web.dev, "Cumulative Layout Shift"."""
Scheme = Literal["light", "dark"]
_WATCH = """
  addEventListener("securitypolicyviolation", (event) => {
    console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`);
  });
  window.shifted = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
  }).observe({type: "layout-shift", buffered: true});
"""


@dataclass
class Served:
    """A world with its dashboard served, and whoever is signed in there."""

    world: DashboardWorld
    address: str
    browser: Browser
    states: dict[str, StorageState] = field(default_factory=dict)

    def visit(
        self, *, width: int = 1440, scheme: Scheme = "light", scope: str = "write", tenant: str | None = None
    ) -> Visit:
        """A visit by somebody who is signed in."""
        who = f"{scope} {tenant}"
        if who not in self.states:
            self.states[who] = self._signed_in(scope, tenant)
        return self._begin(width, scheme, self.states[who])

    def stranger(self, *, width: int = 1440, scheme: Scheme = "light", script: bool = True) -> Visit:
        """A visit by somebody who is not, with or without JavaScript."""
        return self._begin(width, scheme, None, script=script)

    def _signed_in(self, scope: str, tenant: str | None) -> StorageState:
        visit = self.stranger()
        visit.sign_in(self.world.token(scope, tenant))
        state = visit.page.context.storage_state()
        visit.close()
        return state

    def _begin(self, width: int, scheme: Scheme, state: StorageState | None, *, script: bool = True) -> Visit:
        context = self.browser.new_context(
            viewport={"width": width, "height": HEIGHTS[width]},
            color_scheme=scheme,
            reduced_motion="reduce",
            storage_state=state,
            java_script_enabled=script,
        )
        context.set_default_timeout(PATIENCE_MS)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.address)
        context.add_init_script(_WATCH)
        return Visit(context.new_page(), self.address)


@dataclass
class Visit:
    """One tab.

    Attributes:
        faults: console errors, uncaught exceptions, violations of the content security policy.
        expected: what the console may say, as a regular expression: a page of a refusal is one.
    """

    page: Page
    address: str
    faults: list[str] = field(default_factory=list)
    expected: str | None = None

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", self._catch)

    @property
    def width(self) -> int:
        """Of the window."""
        size = self.page.viewport_size
        assert size
        return size["width"]

    def go(self, path: str) -> Page:
        """Open a page."""
        self.page.goto(self.address + path)
        return self.page

    def sign_in(self, token: str) -> None:
        """Sign in by the form."""
        self.go("/sign-in")
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_role("button", name="Sign in").click()

    def end(self) -> None:
        """End the visit; whatever went wrong fails the test."""
        self.close()
        self.require_no_faults()

    def require_no_faults(self) -> None:
        """Fail if anything went wrong until now."""
        assert [one for one in self.faults if not (self.expected and re.search(self.expected, one))] == []

    def close(self) -> None:
        """Close the tab."""
        self.page.context.close()

    def serious_findings(self) -> list[str]:
        """What axe finds that is serious or critical, with where it is."""
        self.page.evaluate(AXE)
        found: dict[str, Any] = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found["violations"]
            if one["impact"] in {"serious", "critical"}
            for node in one["nodes"]
        ]

    def overflow(self) -> list[str]:
        """What reaches beyond the right edge of the window, if the page scrolls sideways."""
        script = """() => {
          const root = document.documentElement;
          if (root.scrollWidth <= root.clientWidth) return [];
          return [...document.querySelectorAll("body *")]
            .filter((one) => one.getBoundingClientRect().right > root.clientWidth + 1)
            .map((one) => `${one.tagName}.${one.className}`);
        }"""
        found: list[str] = self.page.evaluate(script)
        return found

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"{message.type}: {message.text}")

    def _catch(self, error: Error) -> None:
        self.faults.append(f"uncaught: {error}")

"""Prints, at the end of a run, how many histories were played; also when they ran in several processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Add up what the tests recorded as `histories`."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    counts = [
        value for report in reports for name, value in getattr(report, "user_properties", ()) if name == "histories"
    ]
    if counts:
        terminalreporter.write_line(f"fault injection: {sum(counts)} histories in {len(counts)} flows")

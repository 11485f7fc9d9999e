"""Prints, at the end of a run, how many histories were played; also when they ran in several processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Known when `tests/faults` is named on the command line."""
    parser.addoption("--every-call", action="store_true", help="fail also those calls that differ in nothing")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Add up what the tests recorded as `histories`."""
    reports = [one for some in terminalreporter.stats.values() for one in some if getattr(one, "when", "") == "call"]
    counts = [
        value for report in reports for name, value in getattr(report, "user_properties", ()) if name == "histories"
    ]
    if counts:
        terminalreporter.write_line(f"fault injection: {sum(counts)} histories in {len(counts)} flows")

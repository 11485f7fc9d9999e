"""An option of the fault tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Known when `tests/faults` is named on the command line."""
    parser.addoption("--every-call", action="store_true", help="also those calls and faults that differ in nothing")

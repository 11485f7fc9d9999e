"""A fresh world for every test of a service."""

from __future__ import annotations

import pytest

from tests.unit.services.wired import Wired


@pytest.fixture
def wired() -> Wired:
    return Wired()

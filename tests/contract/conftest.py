"""Every contract test runs twice: on the fakes, and on the adapters with moto."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.worlds import Ports, in_memory, on_aws


@pytest.fixture(params=[in_memory, on_aws], ids=["in_memory", "on_aws"])
def world(request: pytest.FixtureRequest) -> Iterator[Ports]:
    with request.param() as ports:
        yield ports

"""The stack of each environment, synthesized in a bare app from empty assets."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("JSII_NODE", str(ROOT / "node_modules/.bin/node"))  # read when aws_cdk is first imported

from tests.infra.templates import Resources, synthesize  # noqa: E402 - see above


@pytest.fixture(scope="session")
def stack_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Resources]:
    """The template of an environment, made once."""
    folder = tmp_path_factory.mktemp("assets")
    return cache(lambda name: synthesize(name, folder))


@pytest.fixture
def dev(stack_of: Callable[[str], Resources]) -> Resources:
    return stack_of("dev")


@pytest.fixture
def prod(stack_of: Callable[[str], Resources]) -> Resources:
    return stack_of("prod")


@pytest.fixture
def local(stack_of: Callable[[str], Resources]) -> Resources:
    return stack_of("local")


@pytest.fixture(params=["dev", "prod", "local"])
def every(request: pytest.FixtureRequest, stack_of: Callable[[str], Resources]) -> Resources:
    """Each environment in turn."""
    name: Any = request.param
    return stack_of(name)

"""On Lambda the collector rests during INIT and works afterwards; elsewhere nothing is touched."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from workerflow.runtime import cold_start

FUNCTIONS = Path(__file__).parents[2] / "functions"


@pytest.fixture
def collector() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.usefixtures("collector")
def test_on_lambda_the_collector_rests_until_the_wiring_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "workerflow-dev-ingress")
    seen: list[bool] = []
    cold_start.begin()
    cold_start.complete(lambda: seen.append(gc.isenabled()))
    assert seen == [False]
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


@pytest.mark.usefixtures("collector")
def test_elsewhere_nothing_is_wired_and_the_collector_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    seen: list[bool] = []
    cold_start.begin()
    assert gc.isenabled()
    cold_start.complete(lambda: seen.append(True))
    assert seen == []
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize("name", sorted(folder.parent.name for folder in FUNCTIONS.glob("*/handler.py")))
def test_a_function_that_begins_also_completes(name: str) -> None:
    begins = (FUNCTIONS / name / "__init__.py").read_text().rstrip().splitlines()[-1]
    completes = (FUNCTIONS / name / "handler.py").read_text().rstrip().splitlines()[-1]
    assert begins.startswith("cold_start.begin()")
    assert completes == f"cold_start.complete({name})"

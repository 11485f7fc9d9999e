"""What the built-in schedules cost where nothing happens, as docs/built-in-schedules.md tells it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.workflow.builtin import _wiring
from tests.integration.functions_world import FunctionsWorld, functions_world
from tests.integration.test_built_in_schedules import NAMES, SCHEDULES, fire, now_ms
from tests.support.billing import Meter
from workerflow.domain.manifest import Manifest
from workerflow.domain.rollup import Span

UNITS = {
    "heartbeat_hourly": 4,
    "retry_dead_letters_hourly": 4,
    "digest_daily": 4,
    "cleanup_daily": 5,
    "config_snapshot_daily": 4,
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FunctionsWorld]:
    with functions_world(monkeypatch, tmp_path) as found:
        (tmp_path / "manifest.json").write_text(Manifest.build([], SCHEDULES).to_json())
        _wiring.built_ins.cache_clear()
        yield found
        _wiring.built_ins.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize("name", UNITS)
def test_an_idle_run_costs_a_task_and_little_else(world: FunctionsWorld, name: str) -> None:
    meter = Meter(world.aws)
    fire(world, name)
    assert meter.units == UNITS[name], meter.report()


@pytest.mark.slow
def test_a_rollup_costs_some_units_for_each_source_that_was_active(world: FunctionsWorld) -> None:
    for name in NAMES:
        fire(world, name)
    hour = Span.HOUR.start_of(now_ms())
    for due_at_ms in (hour + Span.HOUR.ms, hour + Span.HOUR.ms + Span.QUARTER.ms):
        meter = Meter(world.aws)
        fire(world, "usage_rollup_15m", due_at_ms=due_at_ms)
    assert meter.units <= 27, meter.report()

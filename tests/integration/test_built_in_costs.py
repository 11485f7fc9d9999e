"""What the built-in schedules cost where nothing happens, as docs/built-in-schedules.md tells it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.workflow.builtin import _wiring
from tests.fakes.surroundings import START_MS, FakeClock
from tests.integration.functions_world import FunctionsWorld, functions_world
from tests.integration.test_built_in_schedules import SCHEDULES, fire
from tests.support.aws import AwsWorld, aws_world
from tests.support.billing import Meter
from tests.support.runs import a_run
from tests.support.tasks import an_acceptance
from workerflow.domain.manifest import Manifest
from workerflow.domain.rollup import Span
from workerflow.domain.run import RunState
from workerflow.ports.stores import Written
from workerflow.services.roll_up import RollUp

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
def test_a_rollup_costs_some_units_for_each_source_that_was_active() -> None:
    """Within an hour of a tenant that has nothing but its built-in schedules: a rollup each quarter, a retry at 20."""
    with aws_world() as aws:
        clock = FakeClock(START_MS // Span.DAY.ms * Span.DAY.ms)
        roll_up = RollUp(acceptances=aws.acceptances, runs=aws.runs, rollups=aws.rollups, clock=clock)
        meter = Meter(aws)
        before = meter.units
        for quarter in (1, 2, 3):
            due_at_ms = START_MS // Span.DAY.ms * Span.DAY.ms + quarter * Span.QUARTER.ms
            _end_well(aws, "schedule:usage_rollup_15m", due_at_ms - Span.QUARTER.ms)
            if quarter == 2:
                _end_well(aws, "schedule:retry_dead_letters_hourly", due_at_ms - 600_000)
            clock.ms = due_at_ms + 1_000
            before = meter.units
            roll_up("default", due_at_ms=due_at_ms, until_ms=clock.ms + 60_000)
        assert meter.units - before == 11, meter.report()


def _end_well(aws: AwsWorld, source: str, accepted_at_ms: int) -> None:
    task = an_acceptance(str(accepted_at_ms), source=source, accepted_at_ms=accepted_at_ms)
    run = a_run(task)
    assert aws.acceptances.put(task, now_ms=accepted_at_ms) == Written()
    assert aws.runs.write(run) == Written()
    assert aws.runs.write(run.change(nonce="2", now_ms=accepted_at_ms, state=RunState.SUCCEEDED)) == Written()

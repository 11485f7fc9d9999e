"""Print what a minute's tick costs: with few and with many schedules, and when very many are due at once.

    python -m tools.bench.schedules

The real `scheduler` with the real adapters, on moto, in process; no account is needed. CPU time is that of our code and
the SDK: what the emulator takes to look through its tables is taken off. The wall clock's seconds have it in them.
Every answer is checked: who was due, was accepted, sent, and moved on. Fails if a limit is not kept.
tests/integration/test_tick_cost.py holds the calls fixed.
"""

from __future__ import annotations

import os
import statistics
import sys

from tests.support.aws import AwsWorld
from tests.support.ticks import AT_NIGHT, IN_TWO_MINUTES, TickCost, measure_tick, scheduled_world
from tests.support.world import moto_world

FEW, MANY = 10, 10_000
DUE = 1_000
TICKS = 15
MOST_TIMES_AS_MUCH = 3.0
MOST_SECONDS = 10.0


def main() -> int:
    """Measure, print, and judge."""
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with moto_world() as aws:
        few, many = (_idle_ticks(aws, number) for number in (FEW, MANY))
        due = _due_tick(aws)
    times_as_much = _cpu_ms(many) / _cpu_ms(few)
    print(f"a warm tick, none of the schedules due: CPU ms, median of {TICKS}, and calls")
    for number, ticks in ((FEW, few), (MANY, many)):
        print(f"  {number:6,} schedules {_cpu_ms(ticks):7.1f} {sum(ticks[0].calls.values()):5}")
    print(f"  ratio {times_as_much:.2f}, at most {MOST_TIMES_AS_MUCH}")
    print(f"{DUE:,} schedules due in one tick, each accepted and sent once, each cursor moved")
    print(f"  {due.seconds:.1f} s with the emulator's time, at most {MOST_SECONDS:.0f}")
    print(f"  {due.cpu_seconds:.1f} s of CPU without it, {sum(due.calls.values()):,} calls")
    return int(times_as_much > MOST_TIMES_AS_MUCH or due.seconds > MOST_SECONDS)


def _idle_ticks(aws: AwsWorld, number: int) -> list[TickCost]:
    world = scheduled_world(aws, number, AT_NIGHT)
    ticks = [measure_tick(world) for _ in range(TICKS)]
    for tick in ticks:
        tick.require(accepted=0, moved=number)
    return ticks


def _due_tick(aws: AwsWorld) -> TickCost:
    world = scheduled_world(aws, DUE, IN_TWO_MINUTES)
    tick = measure_tick(world)
    tick.require(accepted=DUE, moved=DUE)
    return tick


def _cpu_ms(ticks: list[TickCost]) -> float:
    return statistics.median(tick.cpu_seconds for tick in ticks) * 1000


if __name__ == "__main__":
    sys.exit(main())

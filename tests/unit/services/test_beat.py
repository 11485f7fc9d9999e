"""A heartbeat is a task that ends well."""

from __future__ import annotations

from tests.unit.services.wired import Wired
from workerflow.services.beat import Beat


def test_a_beat_is_counted_and_tells_how_late_it_is(wired: Wired) -> None:
    beat = Beat(clock=wired.clock, signals=wired.signals)
    told = beat(due_at_ms=wired.clock.ms - 1_500)
    assert told == {
        "dueAt": "2025-10-09T08:53:18.500Z",
        "beatAt": "2025-10-09T08:53:20.000Z",
        "lateSeconds": 1.5,
    }
    assert wired.signals.counts["Heartbeat"] == 1


def test_a_clock_that_is_behind_makes_no_beat_early(wired: Wired) -> None:
    assert Beat(clock=wired.clock, signals=wired.signals)(due_at_ms=wired.clock.ms + 5)["lateSeconds"] == 0

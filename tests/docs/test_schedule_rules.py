"""docs/schedules.md is true: its numbers, its reasons and its metrics are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workerflow.domain.firing import COUNTED_FIRES, LATE_AFTER_SECONDS
from workerflow.domain.schedule import MAX_CATCH_UP_FIRES, MAX_CATCH_UP_WINDOW_SECONDS, CatchUp
from workerflow.domain.schedule_cursor import Missed
from workerflow.services.enablement import CACHE_SECONDS
from workerflow.services.sweep import GRACE_S
from workerflow.services.tick import MAX_AHEAD_SECONDS, PART_RESENDS, PART_SECONDS

ROOT = Path(__file__).parents[2]
PAGE = " ".join((ROOT / "docs" / "schedules.md").read_text().split())
SERVICES = ROOT / "layers" / "core" / "python" / "workerflow" / "services"


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("no more than five minutes before the tick", LATE_AFTER_SECONDS / 300),
        ("the sweeper sends it after five minutes", GRACE_S / 300),
        (f"more than {MAX_AHEAD_SECONDS} seconds ahead", 1),
        ("The window is 24 hours unless", CatchUp().window_seconds / (24 * 3600)),
        ("at most 7 days", MAX_CATCH_UP_WINDOW_SECONDS / (7 * 24 * 3600)),
        (f"`max_fires` is at most {MAX_CATCH_UP_FIRES}", 1),
        (f"up to {COUNTED_FIRES:,} fires (a week of every minute)", COUNTED_FIRES / (7 * 24 * 60)),
        ("It holds within ten seconds", CACHE_SECONDS / 10),
        (f"at most {PART_RESENDS:,} fires and takes at most {PART_SECONDS['schedules']} seconds", 1),
    ],
)
def test_its_numbers_are_those_of_the_code(told: str, seconds: float) -> None:
    assert told in PAGE
    assert seconds == 1


def test_every_reason_of_a_miss_has_its_line() -> None:
    assert [reason for reason in Missed if f"| `{reason.value}` |" not in PAGE] == []


def test_every_metric_of_schedules_has_its_line() -> None:
    files = ("fire_schedule", "fire_schedules", "reconcile_schedules", "tick_schedules", "tick")
    source = "".join((SERVICES / f"{name}.py").read_text() for name in files)
    found = set(re.findall(r'count\(\s*"((?:Schedule|Fire|Tick)\w+)"', source)) - {"TickCompleted", "TickPartFailed"}
    assert found == set(re.findall(r"\| `((?:Schedule|Fire|Tick)\w+)` \|", PAGE))


def test_the_default_policy_is_marked() -> None:
    assert f"`{CatchUp().policy}` (default)" in PAGE

"""What a schedule may be, beside what every source may be."""

from __future__ import annotations

from typing import get_args

from workerflow.domain.schedule import (
    Overlap,
    Schedule,
)
from workerflow.domain.source_rules import choice_faults, source_faults


def schedule_faults(schedule: Schedule) -> list[str]:
    """Everything that is wrong with one schedule by itself, in words for its author."""
    return [
        *source_faults(schedule),
        *choice_faults("overlap", schedule.overlap, get_args(Overlap)),
    ]

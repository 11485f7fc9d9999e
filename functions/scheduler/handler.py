"""`scheduler`: the minute tick. Fires schedules; finds what never started, what is due, what the queue gave up on."""

from __future__ import annotations

from typing import Any

from functions.scheduler.wiring import scheduler
from workerflow.domain.timestamp import parse_timestamp
from workerflow.runtime import cold_start


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one tick. Late, twice, or two at a time are harmless: every write is conditional.

    Args:
        event: `scheduledTime` is the moment that the tick was scheduled for, RFC 3339; one that cannot be read (the
            emulator does not fill it in) is no moment, and the clock is not held against it.

    Returns:
        `failedParts`: names of the parts that could not do their work; the next tick takes them up. `refused`: this
        machine's clock is ahead, nothing was done.
    """
    wired = scheduler()
    try:
        scheduled_at_ms = parse_timestamp(event.get("scheduledTime"))
        report = wired.tick(scheduled_at_ms)
        if report.refused:
            wired.telemetry.warning("a tick was refused: the clock is ahead", scheduled_at_ms=scheduled_at_ms)
        wired.telemetry.info("tick", failed_parts=list(report.failed_parts))
        return {"failedParts": list(report.failed_parts), "refused": report.refused}
    finally:
        wired.telemetry.flush()


cold_start.complete(scheduler)

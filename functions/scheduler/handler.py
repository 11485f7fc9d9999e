"""`scheduler`: the minute tick. Finds what never started, what is due, and what the queue gave up on."""

from __future__ import annotations

from typing import Any

from functions.scheduler.wiring import scheduler
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.runtime import cold_start


def lambda_handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one tick. Late, twice, or two at a time are harmless: every write is conditional.

    Returns:
        `failedParts`: names of the parts that could not do their work; the next tick takes them up.
    """
    wired = scheduler()
    try:
        report = wired.tick([DEFAULT_TENANT])
        wired.telemetry.info("tick", failed_parts=list(report.failed_parts))
        return {"failedParts": list(report.failed_parts)}
    finally:
        wired.telemetry.flush()


cold_start.complete(scheduler)

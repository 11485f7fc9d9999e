"""Runs as rows of a table: what an operator wants to know of each at a glance."""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.identity import TraceId
from workerflow.domain.run import Run, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run.

    Attributes:
        took_ms: how long its last attempt took, or has taken until now; None before the first.
        remark: what is to be known beside its state: the error, or why it waits.
        next_at_ms: when it goes on, if that is known.
        fault: why its row cannot be read.
    """

    trace_id: str
    state: RunState
    source: str
    accepted_at_ms: int
    attempts: int
    took_ms: float | None
    remark: str
    next_at_ms: int | None
    fault: str = ""

    @classmethod
    def of(cls, run: Run, now_ms: int, fault: str = "") -> RunRow:
        """The row of a run as it stands."""
        return cls(
            trace_id=run.trace_id,
            state=run.state,
            source=run.source,
            accepted_at_ms=TraceId(run.trace_id).accepted_at_ms,
            attempts=run.attempt,
            took_ms=took_ms(run, now_ms),
            remark=remark_of(run),
            next_at_ms=next_at_ms(run),
            fault=fault,
        )


def took_ms(run: Run, now_ms: int) -> float | None:
    """How long the last attempt took, or has taken until now."""
    if run.state is RunState.RUNNING:
        return max(0, now_ms - (run.claimed_at_ms or now_ms))
    if not run.history:
        return None
    return run.history[-1].ended_at_ms - run.history[-1].started_at_ms


def remark_of(run: Run) -> str:
    """What is to be known beside the state."""
    if run.state is RunState.PARKED and run.paused:
        return "its source is paused"
    if run.state is RunState.PARKED and run.capped:
        return "as many of the tenant's tasks are in flight as may be"
    return (run.error or "") if run.state is not RunState.SUCCEEDED else ""


def next_at_ms(run: Run) -> int | None:
    """When a run that waits goes on; None if it does not wait, or for something else than a time."""
    waits = run.state in {RunState.WAITING, RunState.PARKED} and not (run.paused or run.capped)
    return (run.not_before_ms or run.due_at_ms) if waits else None

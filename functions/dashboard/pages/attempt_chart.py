"""The attempts of a run on one time line, from its acceptance to its end, or to now: geometry for SVG.

accepted |----- waits -----[==1==]----- waits -----[=2=]| ended
accepted |----- waits -----[==1==]----- waits ----------| now
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from workerflow.services.read_run_detail import AttemptView

WIDTH = 1_000
"""Of the drawing, in its own units; browsers stretch it to the place that there is."""
_LEAST_WIDTH = 6.0
"""An attempt of milliseconds in a line of hours is still seen."""


@dataclass(frozen=True, slots=True)
class AttemptBar:
    """One attempt as it is drawn.

    Attributes:
        x, width: of its bar; None where its times are not known.
        wait_x, wait_width: of the wait before it.
        rest_width: of the wait after it; only after the last one, where the run has not ended with it.
        took_ms: None where it is not known.
        outcome: `running`, a result's code, or `unknown`.
    """

    attempt: AttemptView
    x: float | None
    width: float
    wait_x: float
    wait_width: float
    took_ms: int | None
    outcome: str
    rest_width: float = 0


@dataclass(frozen=True, slots=True)
class AttemptChart:
    """All attempts of a run, and what the line's whole length stands for."""

    bars: Sequence[AttemptBar]
    length_ms: int

    @classmethod
    def of(cls, attempts: Sequence[AttemptView], *, accepted_at_ms: int, until_ms: int) -> AttemptChart:
        """Lay out attempts on the line.

        Args:
            attempts: in their order.
            accepted_at_ms: where the line begins.
            until_ms: when the run ended, or now.
        """
        ends = [_end_of(one, until_ms) for one in attempts]
        end_ms = max([accepted_at_ms + 1, until_ms, *(end for end in ends if end is not None)])
        scale = WIDTH / (end_ms - accepted_at_ms)
        bars: list[AttemptBar] = []
        before = 0.0
        for one, end in zip(attempts, ends, strict=True):
            bars.append(bar := _bar(one, end, accepted_at_ms, scale, before))
            before = bar.x + bar.width if bar.x is not None else before
        if bars and bars[-1].x is not None:
            bars[-1] = replace(bars[-1], rest_width=round(WIDTH - before, 1))
        return cls(bars, end_ms - accepted_at_ms)


def _end_of(attempt: AttemptView, until_ms: int) -> int | None:
    return until_ms if attempt.is_running else attempt.ended_at_ms


def _bar(one: AttemptView, end_ms: int | None, from_ms: int, scale: float, before: float) -> AttemptBar:
    outcome = "running" if one.is_running else one.result.value if one.result else "unknown"
    if one.started_at_ms is None or end_ms is None:
        return AttemptBar(one, None, 0, 0, 0, None, outcome)
    width = min(max(_LEAST_WIDTH, (end_ms - one.started_at_ms) * scale), WIDTH)  # clocks may disagree
    x = min(max(0.0, (one.started_at_ms - from_ms) * scale), WIDTH - width)
    took_ms = max(0, end_ms - one.started_at_ms)
    return AttemptBar(
        one, round(x, 1), round(width, 1), round(before, 1), round(max(0, x - before), 1), took_ms, outcome
    )

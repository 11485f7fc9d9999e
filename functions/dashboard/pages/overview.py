"""The overview: what is wrong right now, then how it went, then what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.dashboard.pages.parameters import WINDOW_NAMES, WINDOWS, window_of
from functions.dashboard.pages.rendering import page
from functions.dashboard.pages.sample import sample_script
from functions.dashboard.pages.timeline_chart import TimelineChart
from functions.dashboard.pages.troubles import troubles_of
from workerflow.domain.bulk import LetterFilter
from workerflow.domain.run import RunState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard
    from workerflow.runtime.http import Response

NEWEST_OPEN = 50
"""Open letters that are looked at to say what fails lately."""
_SHOWN = 8


def show(dashboard: Dashboard, call: Call) -> Response:
    """The overview of a window, the last day unless another is asked for."""
    window = window_of(call.query, "24h") or "24h"
    now_ms = dashboard.clock.now_ms()
    from_ms = now_ms - WINDOWS[window]
    summary = dashboard.read_summary(call.tenant, from_ms, now_ms)
    chart = TimelineChart.of(dashboard.read_timeline(call.tenant, from_ms, now_ms))
    letters = dashboard.list_letters(call.tenant, LetterFilter(), open_only=True, limit=NEWEST_OPEN).letters
    schedules = dashboard.read_schedules(call.tenant, next_fires=0)
    troubles = troubles_of(summary, letters, schedules, now_ms)
    is_new = chart.is_empty and not letters
    return page(
        dashboard,
        call,
        "overview.html",
        summary=summary,
        chart=chart,
        letters=letters[:_SHOWN],
        troubles=troubles,
        trouble=sum(one.tone != "hold" for one in troubles),
        window=window,
        windows=WINDOW_NAMES,
        figures=_figures(summary.counts),
        sample=sample_script(dashboard, call.tenant) if is_new else "",
        is_new=is_new,
    )


def _figures(counts: Mapping[RunState, int]) -> dict[str, int]:
    """Counts as they are shown: the states that say something by themselves, the others together."""
    own = (RunState.SUCCEEDED, RunState.FAILED, RunState.RUNNING)
    figures = {state.value: counts.get(state, 0) for state in own}
    waits = (RunState.QUEUED, RunState.WAITING, RunState.PARKED)
    figures["waiting"] = sum(counts.get(state, 0) for state in waits)
    figures["other"] = sum(count for state, count in counts.items() if state not in {*own, *waits})
    return figures

"""The list of runs, newest first: filters in its address, a page that keeps itself up to date."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from functions.dashboard.api.parameters import task_filter_of
from functions.dashboard.cursors import scope_of
from functions.dashboard.pages.parameters import WINDOW_NAMES, WINDOWS, sources_of, window_of
from functions.dashboard.pages.rendering import page
from functions.dashboard.pages.run_rows import RunRow
from functions.dashboard.pages.sample import sample_script
from workerflow.domain.run import RunState

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard
    from workerflow.runtime.http import Response
    from workerflow.services.list_tasks import TaskFilter

PAGE = 50
_FILTERS = ("status", "source", "kind", "window", "from", "until")
_LIST = "showRuns"


def show(dashboard: Dashboard, call: Call) -> Response:
    """The runs that fit the filters of the address."""
    now_ms = dashboard.clock.now_ms()
    wanted = _filter_of(call, now_ms)
    scope = scope_of(_LIST, call.tenant, call.query)
    before = dashboard.cursors.open(call.query.get("cursor"), scope)
    found = dashboard.list_tasks(call.tenant, wanted, before=before, limit=PAGE)
    is_filtered = any(name in call.query for name in _FILTERS)
    return page(
        dashboard,
        call,
        "runs.html",
        rows=[RunRow.of(run, now_ms, found.unreadable.get(run.trace_id, "")) for run in found.runs],
        next_cursor=dashboard.cursors.seal(found.next_before, scope),
        searched_back_to_ms=found.searched_back_to_ms,
        is_filtered=is_filtered,
        is_first=before is None,
        wanted=wanted,
        window=call.query.get("window", ""),
        states=[state.value for state in RunState],
        sources=sources_of(dashboard, call.tenant, wanted.source),
        windows=WINDOW_NAMES,
        sample=sample_script(dashboard, call.tenant) if not (found.runs or is_filtered or before) else "",
    )


def _filter_of(call: Call, now_ms: int) -> TaskFilter:
    """As the API reads it; a window moves with the time, so that its address means the same tomorrow."""
    wanted, window = task_filter_of(call), window_of(call.query)
    if window is None:
        return wanted
    return replace(wanted, from_ms=max(wanted.from_ms or 0, now_ms - WINDOWS[window]))

"""The whole tree of replays that a run belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.dashboard.pages.rendering import page
from workerflow.domain.refusals import RunNotFoundError

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard
    from workerflow.runtime.http import Response


def show(dashboard: Dashboard, call: Call) -> Response:
    """The tree, the run that was asked for marked in it."""
    trace_id = call.path["traceId"]
    tree = dashboard.read_lineage(call.tenant, trace_id)
    if tree is None:
        raise RunNotFoundError
    return page(dashboard, call, "lineage.html", tree=tree, trace_id=trace_id)

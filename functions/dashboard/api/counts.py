"""Counts of a window: a summary, and a timeline."""

from __future__ import annotations

from functions.dashboard.api import rules
from functions.dashboard.api.count_documents import summary_document, timeline_document
from functions.dashboard.api.parameters import value_of, window_of
from functions.dashboard.call import Call
from functions.dashboard.services import Dashboard
from workerflow.runtime.http import Response


def read_summary(dashboard: Dashboard, call: Call) -> Response:
    """How a window went, and how things stand."""
    from_ms, until_ms = window_of(dashboard, call)
    return Response.document(200, summary_document(dashboard.read_summary(call.tenant, from_ms, until_ms)))


def read_timeline(dashboard: Dashboard, call: Call) -> Response:
    """The counts of a window, bucket by bucket."""
    from_ms, until_ms = window_of(dashboard, call)
    source = value_of(call, "source", rules.SOURCE)
    found = dashboard.read_timeline(call.tenant, from_ms, until_ms, source=source)
    return Response.document(200, timeline_document(found))

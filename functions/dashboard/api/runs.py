"""Runs: a list, one with all that hangs on it, its bytes, its lineage."""

from __future__ import annotations

from functions.dashboard.api.documents import page, time_or_none
from functions.dashboard.api.parameters import cursor_at, limit_of, position_of, task_filter_of
from functions.dashboard.api.run_documents import detail_document, lineage_document, run_document
from functions.dashboard.call import Call
from functions.dashboard.services import Dashboard
from workerflow.domain.dashboard_refusals import OutputNotFoundError, PayloadNotFoundError
from workerflow.domain.refusals import RunNotFoundError
from workerflow.runtime.http import Response
from workerflow.services.read_run_detail import RunDetail


def list_runs(dashboard: Dashboard, call: Call) -> Response:
    """A page of tasks, newest first, queued ones included."""
    wanted, limit = task_filter_of(call), limit_of(call)
    found = dashboard.list_tasks(call.tenant, wanted, before=position_of(dashboard, call), limit=limit)
    runs = [run_document(run, fault=found.unreadable.get(run.trace_id)) for run in found.runs]
    cursor = cursor_at(dashboard, call, found.next_before)
    return Response.document(200, page("runs", runs, cursor, searchedBackTo=time_or_none(found.searched_back_to_ms)))


def read_run(dashboard: Dashboard, call: Call) -> Response:
    """One run."""
    return Response.document(200, detail_document(_detail(dashboard, call)))


def read_payload(dashboard: Dashboard, call: Call) -> Response:
    """The payload, byte for byte, to keep as a file: nothing of it is shown by a browser."""
    detail = _detail(dashboard, call)
    if detail.payload is None:
        raise PayloadNotFoundError(detail.payload_fault, trace_id=detail.run.trace_id)
    return _file(detail.run.trace_id, "payload", detail.payload)


def read_output(dashboard: Dashboard, call: Call) -> Response:
    """The output's body, byte for byte, to keep as a file."""
    detail = _detail(dashboard, call)
    if detail.output is None:
        raise OutputNotFoundError(detail.output_fault, trace_id=detail.run.trace_id)
    return _file(detail.run.trace_id, "output", detail.output.body)


def read_lineage(dashboard: Dashboard, call: Call) -> Response:
    """The whole tree of replays that a run belongs to."""
    tree = dashboard.read_lineage(call.tenant, call.path["traceId"])
    if tree is None:
        raise RunNotFoundError
    return Response.document(200, lineage_document(tree))


def _detail(dashboard: Dashboard, call: Call) -> RunDetail:
    detail = dashboard.read_run_detail(call.tenant, call.path["traceId"])
    if detail is None:
        raise RunNotFoundError
    return detail


def _file(trace_id: str, what: str, body: bytes) -> Response:
    """Bytes that a caller or a handler chose: never as what they say that they are."""
    headers = {
        "content-type": "application/octet-stream",
        "content-disposition": f'attachment; filename="{trace_id}-{what}"',
    }
    return Response(200, headers, body)

"""Runs, with all that hangs on them, as documents. Payloads and outputs stand in them as long as they are small."""

from __future__ import annotations

from functions.dashboard.api.documents import Document, text_or_none, time_or_none
from functions.dashboard.api.letter_documents import letter_document
from workerflow.domain.failure import Failure
from workerflow.domain.identity import TraceId
from workerflow.domain.json_body import parse_body
from workerflow.domain.output import HandlerOutput
from workerflow.domain.refusals import RefusedError
from workerflow.domain.run import Run
from workerflow.domain.timestamp import timestamp
from workerflow.services.read_lineage import LineageNode, LineageTree
from workerflow.services.read_run_detail import AttemptView, RunDetail

INLINE_BYTES = 64 * 1024
"""A larger payload or output is told by its size; its bytes have an endpoint of their own."""


def run_document(run: Run, *, fault: str | None = None) -> Document:
    """A run as lists show it; `fault` tells why its row cannot be read."""
    return {
        "traceId": run.trace_id,
        "source": run.source,
        "kind": run.kind,
        "mode": run.mode,
        "state": run.state.value,
        "attempt": run.attempt,
        "acceptedAt": timestamp(TraceId(run.trace_id).accepted_at_ms),
        "claimedAt": time_or_none(run.claimed_at_ms),
        "updatedAt": timestamp(run.updated_at_ms),
        "finishedAt": time_or_none(run.finished_at_ms),
        "dueAt": time_or_none(run.not_before_ms),
        "deadlineAt": timestamp(run.deadline_ms),
        "paused": run.paused,
        "capped": run.capped,
        "cancelAskedAt": time_or_none(run.cancel_asked_at_ms),
        "class": run.letter_class.value if run.letter_class else None,
        "error": text_or_none(run.error),
        "fault": text_or_none(fault),
    }


def detail_document(detail: RunDetail) -> Document:
    """All that is known of a run."""
    acceptance = detail.acceptance
    return run_document(detail.run) | {
        "tenant": detail.run.tenant,
        "key": acceptance.key if acceptance else None,
        "traceparent": acceptance.traceparent if acceptance else None,
        "attempts": [_attempt_document(one) for one in detail.attempts],
        "payload": _payload_document(detail),
        "output": None if detail.output is None else _output_document(detail.output),
        "outputFault": text_or_none(detail.output_fault),
        "letter": letter_document(detail.letter) if detail.letter else None,
        "lineage": lineage_document(detail.tree),
        "faults": list(detail.faults),
    }


def lineage_document(tree: LineageTree) -> Document:
    """The tree of replays, from its root."""
    return {"size": tree.size, "root": _node_document(tree.root), "fault": text_or_none(tree.fault)}


def _node_document(node: LineageNode) -> Document:
    entry = node.entry
    return {
        "traceId": node.trace_id,
        "state": node.state.value if node.state else None,
        "generation": entry.generation if entry else None,
        "actor": entry.actor if entry else None,
        "reason": entry.reason if entry else None,
        "edited": entry.edited if entry else None,
        "at": time_or_none(entry.at_ms if entry else None),
        "children": [_node_document(child) for child in node.children],
    }


def _attempt_document(attempt: AttemptView) -> Document:
    return {
        "number": attempt.number,
        "startedAt": time_or_none(attempt.started_at_ms),
        "endedAt": time_or_none(attempt.ended_at_ms),
        "result": attempt.result.value if attempt.result else None,
        "isRunning": attempt.is_running,
        "failure": _failure_document(attempt.failure) if attempt.failure else None,
    }


def _failure_document(failure: Failure) -> Document:
    return {
        "kind": failure.kind,
        "errorClass": failure.error_class,
        "message": failure.message,
        "traceback": text_or_none(failure.traceback),
    }


def _payload_document(detail: RunDetail) -> Document:
    payload = detail.payload
    content_type = text_or_none(detail.content_type)
    told: Document = {"contentType": content_type, "bytes": None, "document": None, "isInline": False}
    if payload is None:
        return told | {"fault": text_or_none(detail.payload_fault)}
    return told | {"bytes": len(payload), "fault": None} | _inlined(payload)


def _output_document(output: HandlerOutput) -> Document:
    told: Document = {
        "kind": output.kind,
        "status": output.status,
        "headers": dict(output.headers),
        "bytes": len(output.body),
        "document": None,
        "isInline": False,
    }
    return told | _inlined(output.body) if output.kind == "document" else told


def _inlined(body: bytes) -> Document:
    """The JSON document itself, if it is one and small."""
    if len(body) > INLINE_BYTES:
        return {}
    try:
        return {"document": parse_body(body), "isInline": True}
    except RefusedError:
        return {}

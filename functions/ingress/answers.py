"""What callers are answered, for every outcome that the services know."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from workerflow.domain.output import HandlerOutput
from workerflow.domain.refusals import RefusedError, RoutePausedError
from workerflow.domain.run import LetterClass, Run
from workerflow.domain.task import Acceptance
from workerflow.domain.task_refusals import (
    InFlightError,
    PayloadRejectedError,
    SyncTimeoutError,
    TaskEndedError,
    TaskFailedError,
    TenantBusyError,
    TryAgainError,
)
from workerflow.runtime.http import Response
from workerflow.services.answer_sync import (
    Ended,
    Failed,
    Finished,
    HandedOver,
    InFlight,
    Paused,
    SyncAnswer,
    TenantBusy,
    TimedOut,
    TryAgain,
)
from workerflow.services.read_run import RunView

REPLAYED_HEADER = "x-workerflow-replayed"
PAUSED_RETRY_SECONDS = 60
IN_FLIGHT_RETRY_SECONDS = 10
"""A lease tells how long its worker may live, minutes, and not how long it will take."""
_EPOCH = datetime.fromtimestamp(0, UTC)


def taken(acceptance: Acceptance, *, duplicate: bool) -> Response:
    """202: the task is durable and goes on without its caller."""
    document = {"traceId": acceptance.trace_id, "status": "accepted", "duplicate": duplicate}
    return Response.document(202, document, {"location": f"/api/runs/{acceptance.trace_id}"})


def answered(acceptance: Acceptance, answer: SyncAnswer, *, duplicate: bool) -> Response:
    """The answer to a sync call: what the handler returned, or 202 if the task was handed over.

    Raises:
        RefusedError: every other outcome, with the task's trace id.
    """
    match answer:
        case Finished(output, stored):
            return _returned(output, stored=stored)
        case HandedOver():
            return taken(acceptance, duplicate=duplicate)
        case _:
            raise _refusal(answer, acceptance.trace_id)


def _returned(output: bytes, *, stored: bool) -> Response:
    returned = HandlerOutput.decode(output)
    marks = {REPLAYED_HEADER: "true"} if stored else {}
    return Response(returned.status, {**returned.headers, **marks}, returned.body)


type _Later = TryAgain | InFlight | TenantBusy | TimedOut | Paused


def _refusal(answer: Failed | Ended | _Later, trace_id: str) -> RefusedError:
    """The handler's own words stay in the ledger: an exception's text is not for whoever called."""
    match answer:
        case Failed(letter_class, _, stored):
            return _failed(letter_class, stored=stored, trace_id=trace_id)
        case Ended():
            detail = "it was cancelled, abandoned or skipped, and is not tried again: send another key"
            return TaskEndedError(detail, trace_id=trace_id)
        case _:
            kind, seconds = _later(answer)
            return kind("repeat the call with the same key", headers=_after(seconds), trace_id=trace_id)


def _later(answer: _Later) -> tuple[type[RefusedError], float]:
    """What may end by itself, and when to ask again."""
    match answer:
        case TryAgain(seconds, _):
            return TryAgainError, seconds
        case InFlight(seconds):
            return InFlightError, min(seconds, IN_FLIGHT_RETRY_SECONDS)
        case TenantBusy(seconds):
            return TenantBusyError, seconds
        case TimedOut():
            return SyncTimeoutError, 1
        case Paused():
            return RoutePausedError, PAUSED_RETRY_SECONDS


def _failed(letter_class: LetterClass, *, stored: bool, trace_id: str) -> RefusedError:
    kind = PayloadRejectedError if letter_class is LetterClass.INVALID_PAYLOAD else TaskFailedError
    members = {"class": letter_class.value}
    headers = {REPLAYED_HEADER: "true"} if stored else {}
    return kind(
        "repeating the call with the same key changes nothing", members=members, headers=headers, trace_id=trace_id
    )


def _after(seconds: float) -> dict[str, str]:
    return {"retry-after": str(max(1, math.ceil(seconds)))}


def run_document(view: RunView) -> dict[str, Any]:
    """A run as its caller sees it: camelCase, times in RFC 3339 UTC with milliseconds; absent facts are null."""
    run = view.run
    return {
        "traceId": run.trace_id,
        "tenant": run.tenant,
        "source": run.source,
        "kind": run.kind,
        "mode": run.mode,
        "state": run.state.value,
        "attempt": run.attempt,
        "acceptedAt": timestamp(view.accepted_at_ms),
        "updatedAt": timestamp(run.updated_at_ms),
        "finishedAt": _timestamp_or_none(run.finished_at_ms),
        "dueAt": _timestamp_or_none(run.not_before_ms),
        "deadlineAt": timestamp(run.deadline_ms),
        "attempts": _attempts(run),
        "failure": _failure(run),
        "output": _output(view.output),
    }


def _attempts(run: Run) -> list[dict[str, Any]]:
    return [
        {
            "number": attempt.number,
            "startedAt": timestamp(attempt.started_at_ms),
            "endedAt": timestamp(attempt.ended_at_ms),
            "result": attempt.result.value,
        }
        for attempt in run.history
    ]


def _failure(run: Run) -> dict[str, Any] | None:
    """Class of the letter, and of the exception without its text."""
    if run.error is None and run.letter_class is None:
        return None
    return {
        "class": run.letter_class.value if run.letter_class else None,
        "error": (run.error or "").partition(":")[0] or None,
    }


def _output(encoded: bytes | None) -> dict[str, Any] | None:
    """A document as it is; of a raw response what it was, without its body (the repeated call answers it)."""
    if encoded is None:
        return None
    output = HandlerOutput.decode(encoded)
    if output.kind == "document":
        return {"document": output.document()}
    return {"response": {"status": output.status, "headers": dict(output.headers), "bytes": len(output.body)}}


def _timestamp_or_none(time_ms: int | None) -> str | None:
    return None if time_ms is None else timestamp(time_ms)


def timestamp(time_ms: int) -> str:
    """Epoch milliseconds as RFC 3339 in UTC with milliseconds: `2026-11-24T16:00:00.000Z`."""
    return (_EPOCH + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")

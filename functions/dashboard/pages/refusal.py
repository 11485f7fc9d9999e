"""Why an order was not carried out, and what to do now, for the form that asked for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workerflow.domain.dashboard_refusals import OperationKeyReusedError
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.refusals import OutcomeUnknownError, RefusedError

_MEND = "Change the payload, then send it again."
_ADVICE: Mapping[str, str] = {
    "not_ended": "Wait until it has ended, or cancel it first.",
    "payload_gone": "Ask whoever sent it to send it again: there is nothing left to replay.",
    "disabled": "Enable it, then send this again.",
    "too_many_generations": "Find out why it fails each time; then have it sent again as a new task.",
    "not_cancellable": "It has ended by itself: there is nothing left to cancel.",
    "not_waiting": "Go back to the run and look at it again.",
    "paused": "Resume its route or schedule, and it goes on.",
    "capped": "It goes on as soon as the tenant has fewer tasks in flight.",
    "waits_for_caller": "Its caller tries again with the same key.",
    "deadline_passed": "Replay it instead: it is too late for another attempt.",
    "not_open": "Look at it again: somebody was faster.",
    "not_startable": "Look at the job again: it was started or discarded.",
    "not_abortable": "Look at the job again: it has ended by itself.",
    "operation_key_reused": "It was sent before in other words, and that stands. Send it again if you want this, too.",
    "payload_invalid": _MEND,
    "body_empty": _MEND,
    "body_not_json": _MEND,
    "body_not_utf8": _MEND,
    "body_too_deep": _MEND,
    "body_duplicate_key": _MEND,
    "body_number_out_of_range": _MEND,
    "body_invalid": "Change what is named, then send it again.",
}
_LOST = "Send it again: if it was carried out, it is not carried out twice."
_RETRY_AFTER_SECONDS = "2"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with what was entered; `pointer` says where, as JSON pointers do."""

    pointer: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A refusal as a form tells it.

    Attributes:
        code: for the log.
        advice: what to do; may be empty.
        wants_new_key: whether the form's key stands for something else already.
        fault: what the log has to tell of it, where something is broken.
    """

    status: int
    code: str
    title: str
    detail: str = ""
    advice: str = ""
    faults: Sequence[Fault] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    wants_new_key: bool = False
    fault: Exception | None = None


def told(error: RefusedError | StoreUnavailableError) -> Told:
    """A refusal, or an answer that was lost, in the words of a form."""
    if isinstance(error, StoreUnavailableError):
        return Told(
            status=503,
            code=OutcomeUnknownError.code,
            title="It is not known whether this was done",
            detail="A store did not answer in time.",
            advice=_LOST,
            headers={"retry-after": _RETRY_AFTER_SECONDS},
            fault=error,
        )
    return Told(
        status=error.status,
        code=error.code,
        title=error.title,
        detail=error.detail,
        advice=_ADVICE.get(error.code, ""),
        faults=[Fault(str(one.get("pointer", "")), str(one.get("message", ""))) for one in _errors_of(error)],
        headers=error.headers,
        wants_new_key=isinstance(error, OperationKeyReusedError),
        fault=error if error.__cause__ is not None else None,
    )


def _errors_of(error: RefusedError) -> Sequence[Mapping[str, object]]:
    found = error.members.get("errors", ())
    return [one for one in found if isinstance(one, dict)]

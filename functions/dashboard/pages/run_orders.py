"""Orders about one run: replay, with another payload if need be, cancel, retry now, resolve its letter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from functions.dashboard.api import writes
from functions.dashboard.pages.done import lead_back
from functions.dashboard.pages.json_text import editable, form_bytes, shown, submitted
from functions.dashboard.pages.operating import EDITED_BYTES, REPLAY_FORM_BYTES
from functions.dashboard.pages.order_forms import answer_order, entered_text, is_checked, show_again
from functions.dashboard.pages.orders import (
    NEW_EFFECTS,
    cancel_order,
    child_of,
    replay_order,
    resolve_order,
    retry_order,
)
from functions.dashboard.pages.refusal import Told, told
from functions.dashboard.pages.rendering import page
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.json_body import parse_body
from workerflow.domain.refusals import RefusedError, RunNotFoundError

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard
    from workerflow.runtime.http import Response
    from workerflow.services.once import CarriedOut
    from workerflow.services.read_run_detail import RunDetail

PAYLOAD = "payload"
MAX_EDITED_BYTES = 1024 * 1024
"""A larger payload is no joy in a form: it is edited through the API."""
_ROWS = (6, 28)


@dataclass(frozen=True, slots=True)
class Editor:
    """A run whose payload may be edited.

    Attributes:
        payload: as it is edited; None if it cannot be, and `fault` says why.
        child: of the replay that there is already.
    """

    trace_id: str
    source: str
    payload: str | None
    fault: str
    child: str | None

    @classmethod
    def of(cls, detail: RunDetail) -> Editor:
        """The editor of a run's payload."""
        run, raw = detail.run, detail.payload
        text = None if raw is None or len(raw) > MAX_EDITED_BYTES else editable(raw, EDITED_BYTES)
        fault = _fault(detail, text)
        return cls(run.trace_id, run.source, None if fault else text, fault, child_of(detail))

    def values(self, payload: str | None) -> dict[str, Any]:
        """What the template shows, with the payload as it was entered."""
        text = self.payload if payload is None else shown(payload)
        fewest, most = _ROWS
        rows = min(max(fewest, (text or "").count("\n") + 2), most)
        return {"editor": self, "payload": text, "rows": rows, "most_form_bytes": REPLAY_FORM_BYTES}


def edit_replay(dashboard: Dashboard, call: Call) -> Response:
    """The form on which a payload is edited and replayed."""
    editor = _editor(dashboard, call)
    return page(dashboard, call, "replay.html", refusal=None, key="", entered={}, **editor.values(None))


def replay(dashboard: Dashboard, call: Call) -> Response:
    """Replay a run: as it was, or with what the form's payload says."""
    if PAYLOAD not in call.form:
        order = replay_order(call.path["traceId"])
        return answer_order(dashboard, call, order, lambda: _replay(dashboard, call, None))
    text = submitted(call.form[PAYLOAD])
    editor = _editor(dashboard, call)
    try:
        _replay(dashboard, call, None if text == editor.payload else _json(text))
    except (RefusedError, StoreUnavailableError) as error:
        refusal: Told = told(error)
        return show_again(dashboard, call, "replay.html", refusal, entered=call.form, **editor.values(text))
    return lead_back(call, ("runs", call.path["traceId"]))


def cancel(dashboard: Dashboard, call: Call) -> Response:
    """Cancel a run."""
    return answer_order(
        dashboard,
        call,
        cancel_order(call.path["traceId"]),
        lambda: writes.cancel_run(dashboard, call, reason=entered_text(call, "reason")),
    )


def retry(dashboard: Dashboard, call: Call) -> Response:
    """Begin the next attempt of a run that waits."""
    return answer_order(
        dashboard,
        call,
        retry_order(call.path["traceId"]),
        lambda: writes.retry_run(dashboard, call, reason=entered_text(call, "reason")),
    )


def resolve(dashboard: Dashboard, call: Call) -> Response:
    """Be done with a dead letter."""
    return answer_order(
        dashboard,
        call,
        resolve_order(call.path["traceId"]),
        lambda: writes.resolve_letter(dashboard, call, note=entered_text(call, "note")),
    )


def _replay(dashboard: Dashboard, call: Call, payload: bytes | None) -> CarriedOut:
    reason, new_effects = entered_text(call, "reason"), is_checked(call, NEW_EFFECTS)
    return writes.replay_run(dashboard, call, reason=reason, payload=payload, new_effects=new_effects)


def _json(text: str) -> bytes:
    """An edited payload as bytes. Raises BodyRefusedError, which tells the line; the schema is the service's matter."""
    raw = text.encode()
    parse_body(raw)
    return raw


def _editor(dashboard: Dashboard, call: Call) -> Editor:
    detail = dashboard.read_run_detail(call.tenant, call.path["traceId"])
    if detail is None:
        raise RunNotFoundError
    return Editor.of(detail)


def _fault(detail: RunDetail, text: str | None) -> str:
    """Why a payload cannot be edited; empty if it can."""
    if detail.payload is None:
        return detail.payload_fault
    if len(detail.payload) > MAX_EDITED_BYTES:
        return "it is larger than 1 MB; the API takes an edited one"
    if text is None:
        return "it is no JSON"
    return "" if form_bytes(text) <= EDITED_BYTES else "as a form it is too large; the API takes an edited one"

"""The API's orders: a JSON object in, what was recorded of it out. One shape answers all of them."""

from __future__ import annotations

from functions.dashboard.api import rules, writes
from functions.dashboard.api.bodies import Members
from functions.dashboard.api.documents import Document
from functions.dashboard.call import Call
from functions.dashboard.services import Dashboard
from workerflow.domain.bulk import BulkAction, LetterFilter
from workerflow.domain.timestamp import timestamp
from workerflow.runtime.http import Response
from workerflow.services.once import CarriedOut


def replay_run(dashboard: Dashboard, call: Call) -> Response:
    """Replay a run; takes `{reason, payload?, newEffects?}`."""
    body = Members.of_body(call.request.body)
    reason, payload, new_effects = (
        body.required("reason", rules.TEXT),
        body.json_bytes("payload"),
        body.flag("newEffects"),
    )
    body.finish()
    return _answer(writes.replay_run(dashboard, call, reason=reason, payload=payload, new_effects=new_effects))


def cancel_run(dashboard: Dashboard, call: Call) -> Response:
    """Cancel a run that has not ended; takes `{reason}`."""
    return _answer(writes.cancel_run(dashboard, call, reason=_text(call, "reason")))


def retry_run(dashboard: Dashboard, call: Call) -> Response:
    """Begin the next attempt of a waiting run now; takes `{reason}`."""
    return _answer(writes.retry_run(dashboard, call, reason=_text(call, "reason")))


def resolve_letter(dashboard: Dashboard, call: Call) -> Response:
    """Be done with a dead letter; takes `{note}`."""
    return _answer(writes.resolve_letter(dashboard, call, note=_text(call, "note")))


def count_bulk_job(dashboard: Dashboard, call: Call) -> Response:
    """Count the open letters that fit, and change nothing; takes `{action, filter, reason, newEffects?}`."""
    body = Members.of_body(call.request.body)
    action, reason = body.required("action", rules.BULK_ACTION), body.required("reason", rules.TEXT)
    new_effects, wanted = body.flag("newEffects"), _letter_filter(body.members("filter"))
    if new_effects and action is not BulkAction.REPLAY:
        body.refuse("newEffects", "is for replays")
    body.finish()
    return _answer(
        writes.count_bulk_job(dashboard, call, action=action, wanted=wanted, reason=reason, new_effects=new_effects)
    )


def start_bulk_job(dashboard: Dashboard, call: Call) -> Response:
    """Start a bulk job that was counted; takes `{}`."""
    Members.of_body(call.request.body).finish()
    return _answer(writes.start_bulk_job(dashboard, call))


def abort_bulk_job(dashboard: Dashboard, call: Call) -> Response:
    """Abort a bulk job within one batch; takes `{}`."""
    Members.of_body(call.request.body).finish()
    return _answer(writes.abort_bulk_job(dashboard, call))


def run_schedule(dashboard: Dashboard, call: Call) -> Response:
    """Run a schedule now, beside its fires; takes `{reason}`."""
    return _answer(writes.run_schedule(dashboard, call, reason=_text(call, "reason")))


def switch_route(dashboard: Dashboard, call: Call) -> Response:
    """Pause, disable or enable a route; takes `{state, reason}`."""
    body = Members.of_body(call.request.body)
    state, reason = body.required("state", rules.ENABLEMENT), body.required("reason", rules.TEXT)
    body.finish()
    return _answer(writes.set_switch(dashboard, call, "route", state=state, reason=reason))


def switch_schedule(dashboard: Dashboard, call: Call) -> Response:
    """Pause, disable or enable a schedule; takes `{state, reason}`."""
    body = Members.of_body(call.request.body)
    state, reason = body.required("state", rules.ENABLEMENT), body.required("reason", rules.TEXT)
    body.finish()
    return _answer(writes.set_switch(dashboard, call, "schedule", state=state, reason=reason))


def _text(call: Call, name: str) -> str:
    """The one member of an order that takes nothing else."""
    body = Members.of_body(call.request.body)
    text = body.required(name, rules.TEXT)
    body.finish()
    return text


def _letter_filter(members: Members) -> LetterFilter:
    from_ms, until_ms = members.optional("from", rules.TIME), members.optional("until", rules.TIME)
    if from_ms is not None and until_ms is not None and from_ms >= until_ms:
        members.refuse("from", "is before `until`")
    wanted = LetterFilter(
        letter_class=members.optional("class", rules.LETTER_CLASS),
        source=members.optional("source", rules.SOURCE),
        fingerprint=members.optional("fingerprint", rules.FINGERPRINT),
        from_ms=from_ms or 0,
        until_ms=rules.LAST_MS if until_ms is None else until_ms,
    )
    members.finish()
    return wanted


def _answer(done: CarriedOut) -> Response:
    return Response.document(200, operation_document(done))


def operation_document(done: CarriedOut) -> Document:
    """What was done, as it was recorded; `repeated`: by an earlier order with this key."""
    operation = done.operation
    return {
        "action": operation.action,
        "target": operation.target,
        "tenant": operation.tenant,
        "at": timestamp(operation.at_ms),
        "details": dict(operation.details),
        "repeated": done.repeated,
    }

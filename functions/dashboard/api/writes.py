"""Operators' orders, carried out once for their key: for the API, and for the forms of pages.

    order --its key, all that it says--> CarryOutOnce --> the service --> recorded with its effect: the answer
                                             |               `- refused: one of the 409s, or nothing of that name
                                             |- the same order again: the first one's answer
                                             `- another order with this key: refused

Each function takes a call (who, whose, what it is about, the key) and values that were checked; what comes back was
recorded in the transaction of its effect.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Literal

from functions.dashboard.call import Call
from functions.dashboard.services import Dashboard
from workerflow.domain import dashboard_refusals as refusals
from workerflow.domain.bulk import BulkAction, LetterFilter
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import IntegrityError
from workerflow.domain.operation import OperationKey
from workerflow.domain.refusals import (
    BodyTooLargeError,
    PayloadInvalidError,
    RefusedError,
    RouteNotFoundError,
    RunNotFoundError,
)
from workerflow.services.bulk_jobs import BulkJobOrder, BulkOrder
from workerflow.services.cancel_run import CancelOrder
from workerflow.services.once import CarriedOut, OrderKeyReused, Refusal
from workerflow.services.replay_task import InvalidEdit, ReplayOrder
from workerflow.services.resolve_letter import ResolveOrder
from workerflow.services.retry_now import RetryOrder
from workerflow.services.run_schedule import RunOrder
from workerflow.services.set_switch import SwitchOrder

MAX_FAULTS_LISTED = 50

type Kind = type[RefusedError]

_REFUSED: Mapping[str, Kind] = {
    kind.code: kind
    for kind in (
        refusals.NotEndedError,
        refusals.PayloadGoneError,
        refusals.SourceDisabledError,
        refusals.TooManyGenerationsError,
        refusals.NotCancellableError,
        refusals.NotWaitingError,
        refusals.RunPausedError,
        refusals.RunCappedError,
        refusals.WaitsForCallerError,
        refusals.DeadlinePassedError,
        refusals.NotOpenError,
        refusals.NotStartableError,
        refusals.NotAbortableError,
    )
} | {"payload_too_large": BodyTooLargeError, "key_reused": refusals.OperationKeyReusedError}


def replay_run(
    dashboard: Dashboard, call: Call, *, reason: str, payload: bytes | None = None, new_effects: bool = False
) -> CarriedOut:
    """Replay a run; `payload` replaces the run's own."""
    trace_id = call.path["traceId"]
    key = _key(call, "replay", trace_id, reason, "" if payload is None else f"={payload.decode()}", str(new_effects))
    order = ReplayOrder(
        tenant=call.tenant,
        trace_id=trace_id,
        actor=call.caller.token.actor,
        reason=reason,
        edited_body=payload,
        new_effects=new_effects,
        address=call.caller.address,
        operation=key,
    )
    return _carry_out(dashboard, key, call, lambda: dashboard.replay_task(order), RunNotFoundError)


def cancel_run(dashboard: Dashboard, call: Call, *, reason: str) -> CarriedOut:
    """Cancel a run, or ask its handler to end."""
    trace_id = call.path["traceId"]
    key = _key(call, "cancel", trace_id, reason)
    order = CancelOrder(call.tenant, trace_id, call.caller.token.actor, reason, call.caller.address, key)
    return _carry_out(dashboard, key, call, lambda: dashboard.cancel_run(order), RunNotFoundError)


def retry_run(dashboard: Dashboard, call: Call, *, reason: str) -> CarriedOut:
    """Begin the next attempt of a run that waits for its time."""
    trace_id = call.path["traceId"]
    key = _key(call, "retry", trace_id, reason)
    order = RetryOrder(call.tenant, trace_id, call.caller.token.actor, reason, call.caller.address, key)
    return _carry_out(dashboard, key, call, lambda: dashboard.retry_now(order), RunNotFoundError)


def resolve_letter(dashboard: Dashboard, call: Call, *, note: str) -> CarriedOut:
    """Be done with a dead letter."""
    trace_id = call.path["traceId"]
    key = _key(call, "resolve", trace_id, note)
    order = ResolveOrder(call.tenant, trace_id, call.caller.token.actor, note, call.caller.address, key)
    not_found = refusals.LetterNotFoundError
    return _carry_out(dashboard, key, call, lambda: dashboard.resolve_letter(order), not_found)


def count_bulk_job(
    dashboard: Dashboard,
    call: Call,
    *,
    action: BulkAction,
    wanted: LetterFilter,
    reason: str,
    new_effects: bool = False,
) -> CarriedOut:
    """Count the letters that fit, and keep the count as a job that may be started."""
    said = json.dumps([wanted.letter_class, wanted.source, wanted.fingerprint, wanted.from_ms, wanted.until_ms])
    key = _key(call, "bulk", action.value, said, reason, str(new_effects))
    order = BulkOrder(
        tenant=call.tenant,
        action=action,
        filter=wanted,
        reason=reason,
        actor=call.caller.token.actor,
        new_effects=new_effects,
        address=call.caller.address,
        operation=key,
    )
    return _carry_out(dashboard, key, call, lambda: dashboard.count_bulk(order), refusals.BulkJobNotFoundError)


def start_bulk_job(dashboard: Dashboard, call: Call) -> CarriedOut:
    """Start a job that was counted."""
    return _change_job(dashboard, call, "start", dashboard.start_bulk)


def abort_bulk_job(dashboard: Dashboard, call: Call) -> CarriedOut:
    """End a job before it is done."""
    return _change_job(dashboard, call, "abort", dashboard.abort_bulk)


def run_schedule(dashboard: Dashboard, call: Call, *, reason: str) -> CarriedOut:
    """Run a schedule now, beside its fires."""
    name = call.path["name"]
    key = _key(call, "run", name, reason)
    order = RunOrder(call.tenant, name, call.key, call.caller.token.actor, reason, call.caller.address, key)
    not_found = refusals.ScheduleNotFoundError
    return _carry_out(dashboard, key, call, lambda: dashboard.run_schedule(order), not_found)


def set_switch(
    dashboard: Dashboard, call: Call, kind: Literal["route", "schedule"], *, state: Enablement, reason: str
) -> CarriedOut:
    """Pause, disable or enable a route or a schedule."""
    source = f"{kind}:{call.path['name']}"
    key = _key(call, "switch", source, state.value, reason)
    order = SwitchOrder(call.tenant, source, state, call.caller.token.actor, reason, call.caller.address, key)
    not_found = RouteNotFoundError if kind == "route" else refusals.ScheduleNotFoundError
    return _carry_out(dashboard, key, call, lambda: dashboard.set_switch(order), not_found)


def _change_job(dashboard: Dashboard, call: Call, action: str, change: Callable[[BulkJobOrder], object]) -> CarriedOut:
    job_id = call.path["jobId"]
    key = _key(call, action, job_id)
    order = BulkJobOrder(call.tenant, job_id, call.caller.token.actor, call.caller.address, key)
    return _carry_out(dashboard, key, call, lambda: change(order), refusals.BulkJobNotFoundError)


def _key(call: Call, *order: str) -> OperationKey:
    return OperationKey.of(call.caller.token.token_id, call.key, call.tenant, *order)


def _carry_out(
    dashboard: Dashboard, key: OperationKey, call: Call, do: Callable[[], object], not_found: Kind
) -> CarriedOut:
    outcome = dashboard.once(call.tenant, key, do)
    match outcome:
        case CarriedOut():
            return outcome
        case OrderKeyReused():
            raise refusals.OperationKeyReusedError("another order needs another key")
        case InvalidEdit(faults):
            listed = [{"pointer": one.pointer, "message": one.message} for one in faults[:MAX_FAULTS_LISTED]]
            raise PayloadInvalidError(listed, more=len(faults) >= MAX_FAULTS_LISTED)
        case None:
            raise not_found
        case Refusal(code="not_found"):
            raise not_found(outcome.detail)
        case Refusal(code=code) if code in _REFUSED:
            raise _REFUSED[code](outcome.detail)
        case _:
            raise IntegrityError(f"an order came to {type(outcome).__name__}, and nothing was recorded")

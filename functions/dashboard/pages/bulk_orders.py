"""Orders about bulk jobs: count, start, abort."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.dashboard.api import rules, writes
from functions.dashboard.pages.done import lead_to
from functions.dashboard.pages.order_forms import (
    answer_order,
    entered,
    entered_or_none,
    entered_text,
    is_checked,
)
from functions.dashboard.pages.orders import abort_order, bulk_order, start_order
from workerflow.domain.bulk import BulkAction, LetterFilter

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard
    from workerflow.runtime.http import Response
    from workerflow.services.once import CarriedOut

_FILTER = ("class", "source", "fingerprint", "from")


def count(dashboard: Dashboard, call: Call) -> Response:
    """Count letters; the job's page asks whether to start."""
    asked = rules.BULK_ACTION.read(call.form.get("action", "")) or BulkAction.REPLAY
    fields = {name: call.form[name] for name in _FILTER if call.form.get(name)}

    def carry_out() -> CarriedOut:
        action = entered(call, "action", rules.BULK_ACTION)
        return writes.count_bulk_job(
            dashboard,
            call,
            action=action,
            wanted=_wanted(call),
            reason=entered_text(call, "reason"),
            new_effects=action is BulkAction.REPLAY and is_checked(call, "newEffects"),
        )

    return answer_order(
        dashboard,
        call,
        bulk_order(asked, "the dead letters of this filter", fields, ("letters",)),
        carry_out,
        lead=lambda operation: lead_to(call, ("bulk-jobs", operation.details["jobId"])),
    )


def start(dashboard: Dashboard, call: Call) -> Response:
    """Start a job that was counted."""
    order = start_order(call.path["jobId"], "Start the bulk job")
    return answer_order(dashboard, call, order, lambda: writes.start_bulk_job(dashboard, call))


def abort(dashboard: Dashboard, call: Call) -> Response:
    """End a job before it is done."""
    order = abort_order(call.path["jobId"], "What was not worked on yet is left alone.", started=True)
    return answer_order(dashboard, call, order, lambda: writes.abort_bulk_job(dashboard, call))


def _wanted(call: Call) -> LetterFilter:
    return LetterFilter(
        letter_class=entered_or_none(call, "class", rules.LETTER_CLASS),
        source=entered_or_none(call, "source", rules.SOURCE),
        fingerprint=entered_or_none(call, "fingerprint", rules.FINGERPRINT),
        from_ms=entered_or_none(call, "from", rules.TIME) or 0,
        until_ms=rules.LAST_MS,
    )

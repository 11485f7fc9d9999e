"""Refused calls: why each was refused, and what should have been signed, line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.dashboard.api.parameters import value_of
from functions.dashboard.api.rules import ONLY_TRUE
from functions.dashboard.pages.rendering import page
from functions.dashboard.pages.sample import sample_script
from workerflow.domain.dashboard_refusals import TenantForbiddenError
from workerflow.domain.refused_call import KEPT_SECONDS, SLOTS

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard
    from workerflow.runtime.http import Response


def show(dashboard: Dashboard, call: Call) -> Response:
    """The last refused calls of the tenant; or those in the name of nobody, for tokens of all tenants."""
    may_see_nobodys = call.caller.token.tenant is None
    nobodys = value_of(call, "unknown", ONLY_TRUE) is not None
    if nobodys and not may_see_nobodys:
        raise TenantForbiddenError("calls in the name of no tenant are for tokens of all tenants")
    calls = dashboard.read_refused_calls(None if nobodys else call.tenant)
    reason = call.query.get("reason", "")
    return page(
        dashboard,
        call,
        "refused_calls.html",
        calls=[one for one in calls if reason in {"", one.reason}],
        reasons=[(one, one.replace("_", " ")) for one in sorted({one.reason for one in calls} | {reason} - {""})],
        reason=reason,
        nobodys=nobodys,
        may_see_nobodys=may_see_nobodys,
        slots=SLOTS,
        kept_days=KEPT_SECONDS // (24 * 3600),
        sample="" if calls else sample_script(dashboard, call.tenant),
    )

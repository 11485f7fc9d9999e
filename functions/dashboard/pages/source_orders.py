"""Orders about schedules and routes: run now, and the switches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from functions.dashboard.api import writes
from functions.dashboard.api.rules import ENABLEMENT
from functions.dashboard.pages.order_forms import answer_order, entered, entered_text
from functions.dashboard.pages.orders import run_now_order, switch_order
from workerflow.domain.enablement import Enablement

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard
    from workerflow.runtime.http import Response
    from workerflow.services.once import CarriedOut


def run_now(dashboard: Dashboard, call: Call) -> Response:
    """Run a schedule beside its fires."""
    return answer_order(
        dashboard,
        call,
        run_now_order(call.path["name"]),
        lambda: writes.run_schedule(dashboard, call, reason=entered_text(call, "reason")),
    )


def switch_route(dashboard: Dashboard, call: Call) -> Response:
    """Pause, disable or enable a route."""
    return _switch(dashboard, call, "route")


def switch_schedule(dashboard: Dashboard, call: Call) -> Response:
    """Pause, disable or enable a schedule."""
    return _switch(dashboard, call, "schedule")


def _switch(dashboard: Dashboard, call: Call, kind: Literal["route", "schedule"]) -> Response:
    asked = ENABLEMENT.read(call.form.get("state", "")) or Enablement.ENABLED

    def carry_out() -> CarriedOut:
        state, reason = entered(call, "state", ENABLEMENT), entered_text(call, "reason")
        return writes.set_switch(dashboard, call, kind, state=state, reason=reason)

    return answer_order(dashboard, call, switch_order(f"{kind}s", call.path["name"], asked), carry_out)

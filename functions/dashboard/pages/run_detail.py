"""One run: how it stands, what was tried, what went in and came out, where it comes from and what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.dashboard.pages.attempt_chart import AttemptChart
from functions.dashboard.pages.bodies import Body
from functions.dashboard.pages.done import done_on
from functions.dashboard.pages.orders import run_orders
from functions.dashboard.pages.rendering import page
from functions.dashboard.pages.run_rows import next_at_ms, remark_of
from workerflow.domain.refusals import RunNotFoundError

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard
    from workerflow.runtime.http import Response
    from workerflow.services.read_run_detail import RunDetail


def show(dashboard: Dashboard, call: Call) -> Response:
    """Everything that is known of one run."""
    detail = dashboard.read_run_detail(call.tenant, call.path["traceId"])
    if detail is None:
        raise RunNotFoundError
    until_ms = detail.run.finished_at_ms or dashboard.clock.now_ms()
    return page(
        dashboard,
        call,
        "run.html",
        detail=detail,
        chart=AttemptChart.of(detail.attempts, accepted_at_ms=detail.accepted_at_ms, until_ms=until_ms),
        payload=Body.of(detail.payload),
        output=Body.of(detail.output.body if detail.output else None),
        took_ms=until_ms - detail.accepted_at_ms,
        remark=remark_of(detail.run),
        next_at_ms=next_at_ms(detail.run),
        last_failure=last_failed(detail),
        orders=run_orders(detail),
        done=done_on(dashboard, call),
    )


def last_failed(detail: RunDetail) -> int | None:
    """The number of the last attempt that left a failure behind: the one that is shown unfolded."""
    return next((one.number for one in reversed(detail.attempts) if one.failure), None)

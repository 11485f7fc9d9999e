"""Orders that came by a form: carried out as the API would, then led back to a page that tells it.

A refusal shows the form again, with what was entered and what to do; it keeps its key, so that sending it once more
after an answer was lost is the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from functions.dashboard.api.rules import TEXT, Rule
from functions.dashboard.pages.done import lead_back
from functions.dashboard.pages.refusal import Told, told
from functions.dashboard.pages.rendering import page
from workerflow.domain.dashboard_refusals import BodyInvalidError
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.refusals import RefusedError

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.pages.orders import Order
    from functions.dashboard.services import Dashboard
    from workerflow.domain.operation import Operation
    from workerflow.runtime.http import Response
    from workerflow.services.once import CarriedOut


def answer_order(
    dashboard: Dashboard,
    call: Call,
    order: Order,
    carry_out: Callable[[], CarriedOut],
    *,
    lead: Callable[[Operation], Response] | None = None,
) -> Response:
    """Carry an order out and lead to where it is told; or show its form again and say why not.

    Args:
        dashboard: everything.
        call: with the form.
        order: as its form asked for it.
        carry_out: reads the form and does it; raises RefusedError.
        lead: to the page that tells it; to where the order came from without it.
    """
    try:
        operation = carry_out().operation
    except (RefusedError, StoreUnavailableError) as error:
        return show_again(dashboard, call, "order.html", told(error), order=order, entered=call.form)
    return lead(operation) if lead else lead_back(call, order.back)


def show_again(
    dashboard: Dashboard,
    call: Call,
    template: str,
    refusal: Told,
    **values: Any,  # noqa: ANN401 - whatever the template shows
) -> Response:
    """A form with what was entered, and why it was refused, with the refusal's status. The log is told it, too."""
    tell(dashboard, call, refusal)
    key = "" if refusal.wants_new_key else call.key
    shown = page(dashboard, call, template, status=refusal.status, refusal=refusal, key=key, **values)
    return shown.with_headers(refusal.headers)


def tell(dashboard: Dashboard, call: Call, refusal: Told) -> None:
    """Log a refusal that a form shows: the line of its request has the status alone."""
    facts = {"request_id": call.request.request_id, "code": refusal.code, "address": call.request.source_address}
    if refusal.fault is not None:
        dashboard.telemetry.failure("a form was refused because of a fault", refusal.fault, **facts)
    else:
        dashboard.telemetry.info("a form was refused", **facts)


def entered[T](call: Call, name: str, rule: Rule[T]) -> T:
    """What a form says. Raises BodyInvalidError, which names the field."""
    value = rule.read(call.form.get(name, ""))
    if value is None:
        raise BodyInvalidError([{"pointer": f"/{name}", "message": rule.words}])
    return value


def entered_or_none[T](call: Call, name: str, rule: Rule[T]) -> T | None:
    """What a form says, if it says anything. Raises BodyInvalidError."""
    return entered(call, name, rule) if call.form.get(name) else None


def entered_text(call: Call, name: str) -> str:
    """A reason, or a note. Raises BodyInvalidError."""
    return entered(call, name, TEXT)


def is_checked(call: Call, name: str) -> bool:
    """Whether a box is checked: browsers leave out those that are not."""
    return call.form.get(name) == "true"

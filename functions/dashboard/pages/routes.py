"""Routes: whether each takes calls, what became of them in the last day, and a call to paste."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from functions.dashboard.pages.done import done_on
from functions.dashboard.pages.orders import Order, switch_orders
from functions.dashboard.pages.rendering import page
from functions.dashboard.pages.sample_calls import path_of, sample_call
from functions.dashboard.pages.shell import Shell
from functions.dashboard.pages.words import number
from workerflow.domain.run import RunState
from workerflow.domain.senders import SENDERS

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard
    from workerflow.runtime.http import Response
    from workerflow.services.read_routes import RouteView

_TAKES: Mapping[str, str] = {
    "any": "a signature or a token",
    "signature": "a signature",
    "token": "a token",
}
_SAMPLE = """\
from workerflow.handlers import Context, route

@route(authentication="any")
def orders(payload, context: Context):
    ..."""


@dataclass(frozen=True, slots=True)
class Card:
    """One route as it is shown.

    Attributes:
        path: where calls of this tenant go to.
        takes: how a call proves who sends it.
        counts: runs of the last 24 hours, by state, without zeros.
        call: a script that sends one.
    """

    view: RouteView
    path: str
    takes: str
    counts: Sequence[tuple[RunState, int]]
    call: str
    orders: Sequence[Order]


def show(dashboard: Dashboard, call: Call) -> Response:
    """All routes of the tenant."""
    shell = Shell.of(dashboard)
    views = dashboard.read_routes(call.tenant)
    cards = [_card(view, shell, call.tenant) for view in views]
    return page(dashboard, call, "routes.html", cards=cards, done=done_on(dashboard, call), sample=_SAMPLE)


def _card(view: RouteView, shell: Shell, tenant: str) -> Card:
    route = view.route
    sender = SENDERS.get(route.authentication)
    return Card(
        view=view,
        path=path_of(route, tenant),
        takes=f"{sender.title}'s signature" if sender else _TAKES[route.authentication],
        counts=[(state, view.counts[state]) for state in RunState if view.counts.get(state)],
        call=sample_call(shell, route, tenant),
        orders=switch_orders("routes", route.name, view.state, _waiting(view)) if route.enabled else (),
    )


def _waiting(view: RouteView) -> str:
    """How many runs a switch means, in a sentence; empty if none is known."""
    waiting = sum(view.counts.get(state, 0) for state in (RunState.QUEUED, RunState.WAITING, RunState.PARKED))
    runs, wait = ("run", "waits") if waiting == 1 else ("runs", "wait")
    when = "Now" if view.is_exact else "About"
    return f"{when} {number(waiting)} {runs} of the last 24 hours {wait}." if waiting else ""

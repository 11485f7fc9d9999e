"""Schedules: when each fires, what fired, what was missed and why, and the switches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from functions.dashboard.pages.cron_words import cron_words
from functions.dashboard.pages.done import done_on
from functions.dashboard.pages.missed_words import MISSED_WORDS
from functions.dashboard.pages.orders import Order, run_now_order, switch_orders
from functions.dashboard.pages.rendering import page
from workerflow.domain.enablement import Enablement
from workerflow.domain.schedule_cursor import Missed
from workerflow.services.read_schedules import ScheduleView

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard
    from workerflow.runtime.http import Response

NEXT_FIRES = 5
_SAMPLE = """\
from workerflow.handlers import Context, schedule

@schedule(cron="0 6 * * *", zone="Europe/Berlin")
def every_morning(payload, context: Context):
    ..."""


@dataclass(frozen=True, slots=True)
class NextFire:
    """A fire to come; `local`: what the clock of the schedule's zone shows then."""

    due_at_ms: int
    local: str


@dataclass(frozen=True, slots=True)
class Card:
    """One schedule as it is shown.

    Attributes:
        words: its cron expression in words, or empty.
        orders: what can be done with it.
    """

    view: ScheduleView
    words: str
    next_fires: Sequence[NextFire]
    orders: Sequence[Order]
    missed_words: Mapping[Missed, str] = field(default_factory=lambda: MISSED_WORDS)


def show(dashboard: Dashboard, call: Call) -> Response:
    """All schedules of the tenant."""
    views = dashboard.read_schedules(call.tenant, next_fires=NEXT_FIRES)
    return page(
        dashboard,
        call,
        "schedules.html",
        cards=[_card(view) for view in views],
        done=done_on(dashboard, call),
        sample=_SAMPLE,
    )


def _card(view: ScheduleView) -> Card:
    words = cron_words(view.schedule.cron) if view.schedule else ""
    return Card(view, words, _next_fires(view), _orders(view))


def _orders(view: ScheduleView) -> Sequence[Order]:
    """None for one that was removed. What the manifest disables, no switch enables: that is said by its reason."""
    if view.schedule is None:
        return ()
    if not view.schedule.enabled:
        return ()
    run = [] if view.state is Enablement.DISABLED else [run_now_order(view.name)]
    return [*run, *switch_orders("schedules", view.name, view.state)]


def _next_fires(view: ScheduleView) -> Sequence[NextFire]:
    if view.schedule is None or not view.next_fires_ms:
        return ()
    from workerflow.domain.cron import Timing  # noqa: PLC0415 - croniter and the time zones: for this page alone

    timing = Timing.of(view.schedule.cron, view.schedule.zone)
    return [NextFire(one, _clock(timing.local_time(one).isoformat(" ", "minutes"))) for one in view.next_fires_ms]


def _clock(text: str) -> str:
    """`2026-11-24 06:00+01:00` with the offset apart."""
    return f"{text[:16]} (UTC{text[16:] if text[16:] != '+00:00' else ''})"

"""What takes its time. It begins with the session, and goes on while other tests run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass

from tests.e2e.backstage import Backstage
from tests.e2e.calls import Api, Call
from tests.e2e.operator import Bulk, Operator, work_in_bulk
from tests.e2e.planner import Planner
from tests.e2e.tenants import SECOND_FILE, publish_tenants
from workerflow.domain.enablement import Enablement
from workerflow.domain.task import Acceptance
from workerflow.services.sweep import GRACE_S

LONG_SECONDS = 31
"""Longer than an HTTP call is answered (28 s)."""
PAUSED = ("e2e_paused", "e2e_paused_sync", "e2e_closing", "schedule:e2e_paused_minutely")
"""Routes and a schedule that are paused before the first call: a switch may take 10 s to hold everywhere."""
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Slow:
    """Calls that were made, and whose outcome is awaited later.

    Attributes:
        long: a sync call whose handler outlives it.
        hanging, dying: in every attempt; `..._once`: in the first one only.
        unsent: a task that was accepted five minutes ago, and whose message was lost.
        forwarded: a call of `webhook_forward`, whose receiver is busy at first.
        shown: the next fires of `e2e_minutely`, as they were shown before the first of them.
        crowd: ticks at the same time, when the first of these is due.
        bulk: jobs over many letters, which the emulator's tick works on.
        published: what was said of a tenants file that was published when processes knew the one before.
        published_at: when, by the monotonic clock.
    """

    long: Future[Call]
    third_time_lucky: Call
    exhausted: Call
    bug: Call
    hanging: Call
    hanging_once: Call
    dying: Call
    dying_once: Call
    unsent: Acceptance
    forwarded: Call
    shown: Sequence[int]
    crowd: Future[None]
    bulk: Future[Bulk]
    published: str
    published_at: float


def begin(api: Api, backstage: Backstage, pool: Executor) -> Slow:
    """Begin all of it."""
    for route in PAUSED:
        backstage.switch(route, Enablement.PAUSED, "the warehouse is closed")
    assert api.call("e2e_sync", number=1).answer.status == 200  # starts the processes: `long` is about our own time
    lost, planner = api.payload("lost"), Planner(backstage)
    backstage.tick()  # from now on schedules exist
    shown = planner.view("e2e_minutely", next_fires=SHOWN).next_fires_ms
    return Slow(
        shown=shown,
        crowd=pool.submit(planner.tick_in_a_crowd, shown[0]),
        bulk=pool.submit(work_in_bulk, Operator(api.stack), backstage, api.payload("bulk")),
        published=publish_tenants(api.stack, SECOND_FILE),
        published_at=time.monotonic(),
        long=pool.submit(api.call, "e2e_long", seconds=LONG_SECONDS),
        unsent=backstage.accept_unsent("e2e_async", "lost", lost, seconds_ago=GRACE_S + 1),
        hanging=api.start("e2e_hang"),
        hanging_once=api.start("e2e_hang", succeedAt=2),
        dying=api.start("e2e_die"),
        dying_once=api.start("e2e_die", succeedAt=2),
        exhausted=api.start("e2e_retry"),
        third_time_lucky=api.start("e2e_retry", succeedAt=3),
        bug=api.start("e2e_bug"),
        forwarded=api.start("webhook_forward"),
    )

"""A tick's budget among its tenants: whoever has a backlog of thousands must not keep the tick from the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workerflow.ports.world import Clock
from workerflow.services.resend import TickBudget


def in_turn(tenants: Sequence[str], budget: TickBudget, clock: Clock) -> Iterator[tuple[str, TickBudget]]:
    """Each tenant with an even share of what is left of time and messages; what one leaves over is the next one's.

    Each minute begins with another tenant, so that nobody is always the one who gets the least.
    """
    first = clock.now_ms() // 60_000 % max(1, len(tenants))
    for waiting, tenant in zip(range(len(tenants), 0, -1), (*tenants[first:], *tenants[:first]), strict=True):
        share = _share(budget, waiting, clock)
        given = share.resends_left
        yield tenant, share
        budget.resends_left -= given - share.resends_left


def _share(budget: TickBudget, waiting: int, clock: Clock) -> TickBudget:
    now_ms = clock.now_ms()
    left_ms = max(0, budget.stop_at_ms - now_ms)
    return TickBudget(now_ms + left_ms // waiting, -(-budget.resends_left // waiting))

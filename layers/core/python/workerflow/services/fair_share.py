"""A tick's budget among its tenants: whoever has a backlog of thousands must not keep the tick from the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from workerflow.domain.errors import PlatformError
from workerflow.ports.world import Clock
from workerflow.services.resend import TickBudget


def visit_in_turn(
    tenants: Sequence[str],
    budget: TickBudget,
    clock: Clock,
    visit: Callable[[str, TickBudget], None],
    *,
    what: str = "tenant",
) -> None:
    """Visit each tenant with its share. One that cannot be visited is passed, as long as there is time for others.

    Args:
        tenants: or whatever else shares a budget, as `what` says.
        budget: of all together.
        clock: tells when it is spent.
        visit: does the work of one within its share.
        what: the tenants are.

    Raises:
        PlatformError: the first that a visit ended with, after all others had their turn.
    """
    first_error: PlatformError | None = None
    for tenant, share in in_turn(tenants, budget, clock):
        try:
            visit(tenant, share)
        except PlatformError as error:
            error.add_note(f"{what} {tenant!r}; it was passed, and the others had their turn")
            first_error = first_error or error
        if first_error is not None and clock.now_ms() >= budget.stop_at_ms:
            break
    if first_error is not None:
        raise first_error


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

"""Messages go in tens, within the tick's bounds; whichever is refused is found again by its run's due time."""

from __future__ import annotations

import pytest

from tests.unit.services.wired import Wired, a_budget, message_of
from workerflow.domain.errors import IntegrityError, PlatformError, StoreUnavailableError
from workerflow.services.resend import BATCH, TickBudget


def add(wired: Wired, count: int, budget: TickBudget | None = None) -> None:
    budget = budget or a_budget(wired)
    for number in range(count):
        wired.resender.add(message_of(wired.take(f"key-{number}")), budget)


def test_a_full_batch_goes_at_once_and_the_rest_when_it_is_flushed(wired: Wired) -> None:
    add(wired, BATCH + 3)
    assert len(wired.queue.messages) == BATCH
    wired.resender.flush()
    assert len(wired.queue.messages) == BATCH + 3
    assert wired.order_of("queue.send_many") == ["queue.send_many"] * 2
    assert wired.signals.counts["Resent"] == BATCH + 3


def test_flushing_nothing_costs_nothing(wired: Wired) -> None:
    wired.resender.flush()
    add(wired, BATCH)
    wired.memory.calls.clear()
    wired.resender.flush()
    assert wired.memory.calls == []


def test_every_message_takes_one_of_the_budget(wired: Wired) -> None:
    budget = a_budget(wired, resends=5)
    add(wired, 4, budget)
    assert (budget.resends_left, budget.is_spent(wired.clock)) == (1, False)
    add(wired, 1, budget)
    assert budget.is_spent(wired.clock)


def test_a_budget_is_spent_when_its_time_is_over(wired: Wired) -> None:
    budget = a_budget(wired, seconds=50)
    wired.clock.ms += 49_999
    assert not budget.is_spent(wired.clock)
    wired.clock.ms += 1
    assert budget.is_spent(wired.clock)


def test_what_was_parked_for_its_moment_is_released_and_rings_nothing(wired: Wired) -> None:
    budget = a_budget(wired)
    wired.resender.add(message_of(wired.take("parked")), budget, planned=True)
    wired.resender.add(message_of(wired.take("lost")), budget)
    wired.resender.flush()
    assert (wired.signals.counts["Released"], wired.signals.counts["Resent"]) == (1, 1)


def test_refused_messages_are_counted_apart(wired: Wired) -> None:
    wired.queue.refusals = 3
    add(wired, BATCH)
    assert (wired.signals.counts["Resent"], wired.signals.counts["SendFailed"]) == (7, 3)


@pytest.mark.parametrize("error", [StoreUnavailableError, IntegrityError])
def test_a_queue_that_fails_stops_nothing(wired: Wired, error: type[PlatformError]) -> None:
    wired.refuse("queue.send_many", error=error)
    add(wired, BATCH)
    assert (wired.signals.counts["Resent"], wired.signals.counts["SendFailed"]) == (0, BATCH)
    add(wired, BATCH)
    assert wired.signals.counts["Resent"] == BATCH

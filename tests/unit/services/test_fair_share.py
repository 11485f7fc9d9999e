"""A tick's budget is shared evenly, and what one tenant does not need is another's."""

from __future__ import annotations

from tests.unit.services.wired import Wired, a_budget
from workerflow.services.fair_share import in_turn
from workerflow.services.resend import TickBudget

MINUTE_MS = 60_000


def shares(wired: Wired, tenants: list[str], budget: TickBudget, wants: dict[str, int]) -> dict[str, int]:
    """What each tenant gets, that takes what it wants of what it is given."""
    got = {}
    for tenant, share in in_turn(tenants, budget, wired.clock):
        got[tenant] = min(share.resends_left, wants.get(tenant, 0))
        share.resends_left -= got[tenant]
    return got


def test_a_single_tenant_has_it_all(wired: Wired) -> None:
    budget = a_budget(wired, resends=100)
    assert shares(wired, ["a"], budget, {"a": 1_000}) == {"a": 100}
    assert budget.resends_left == 0


def test_a_backlog_of_thousands_leaves_the_others_theirs(wired: Wired) -> None:
    budget = a_budget(wired, resends=90)
    got = shares(wired, ["a", "b", "c"], budget, dict.fromkeys("abc", 1_000))
    assert (got, budget.resends_left) == ({"a": 30, "b": 30, "c": 30}, 0)


def test_what_is_left_over_is_the_next_ones(wired: Wired) -> None:
    wired.clock.ms = 0
    budget = a_budget(wired, resends=90)
    assert shares(wired, ["a", "b", "c"], budget, {"a": 10, "b": 1_000, "c": 1_000}) == {"a": 10, "b": 40, "c": 40}


def test_each_minute_begins_with_another(wired: Wired) -> None:
    begun = []
    for minute in range(4):
        wired.clock.ms = minute * MINUTE_MS
        begun.append([tenant for tenant, _ in in_turn(["a", "b", "c"], a_budget(wired), wired.clock)])
    assert begun == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


def test_time_is_shared_too(wired: Wired) -> None:
    wired.clock.ms = 0
    budget = a_budget(wired, resends=9, seconds=30)
    stops = []
    for _, share in in_turn(["a", "b", "c"], budget, wired.clock):
        stops.append(share.stop_at_ms)
        wired.clock.advance(5)
    assert stops == [10_000, 17_500, 30_000]


def test_nobody_gets_nothing_of_it(wired: Wired) -> None:
    assert shares(wired, [], a_budget(wired), {}) == {}

"""A tick's budget is shared evenly, and what one tenant does not need is another's."""

from __future__ import annotations

import pytest

from tests.unit.services.wired import Wired, a_budget
from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.services.fair_share import in_turn, visit_in_turn
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


class TestOneThatCannotBeVisited:
    def visit(self, wired: Wired, *, lasts_seconds: float = 0) -> list[str]:
        """Visit four tenants of which two cannot be; whom it came to."""
        wired.clock.ms = 0
        errors = {"a": StoreUnavailableError("throttled"), "c": IntegrityError("an edit by hand")}
        visited: list[str] = []

        def visit(tenant: str, _: TickBudget) -> None:
            visited.append(tenant)
            wired.clock.advance(lasts_seconds)
            if tenant in errors:
                raise errors[tenant]

        with pytest.raises(StoreUnavailableError, match="throttled") as caught:
            visit_in_turn(["a", "b", "c", "d"], a_budget(wired, seconds=50), wired.clock, visit)
        assert caught.value.__notes__ == ["tenant 'a'; it was passed, and the others had their turn"]
        return visited

    def test_is_passed_and_told_at_the_end(self, wired: Wired) -> None:
        assert self.visit(wired) == ["a", "b", "c", "d"]

    def test_unless_the_time_is_over(self, wired: Wired) -> None:
        """A store that answers nobody would keep a tick for as many time-outs as there are tenants."""
        assert self.visit(wired, lasts_seconds=20) == ["a", "b", "c"]

    def test_what_nobody_thought_of_is_not_passed_over(self, wired: Wired) -> None:
        def visit(_tenant: str, _: TickBudget) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            visit_in_turn(["a", "b"], a_budget(wired), wired.clock, visit)

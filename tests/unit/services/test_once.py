"""An order is carried out once for its key, and answered alike however often and however concurrently it comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from tests.fakes.world import FakeWorld
from workerflow.domain.audit import AuditEvent
from workerflow.domain.errors import OperationRepeatedError, StoreUnavailableError
from workerflow.domain.operation import REMEMBERED_SECONDS, OperationKey, is_key
from workerflow.services.once import CarriedOut, CarryOutOnce, OrderKeyReused

KEY = OperationKey.of("a" * 12, "order-1", "default", "run.cancelled", "t1")


@dataclass(frozen=True)
class Refused:
    code: str = "not_open"
    detail: str = "it is done with"


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def once(world: FakeWorld) -> CarryOutOnce:
    return CarryOutOnce(operations=world.operations, clock=world.clock)


def _order(world: FakeWorld, key: OperationKey = KEY, told: str = "1") -> Callable[[], str]:
    """An order that has an effect: its audit event."""

    def do() -> str:
        world.operations.record(_event(world, key, told))
        return "done"

    return do


def _event(world: FakeWorld, key: OperationKey, told: str) -> AuditEvent:
    nonce = world.ids.nonce()
    return AuditEvent(
        "default", world.clock.now_ms(), nonce, "ops", "run.cancelled", "t1", details={"told": told}, operation=key
    )


def test_an_order_is_answered_by_what_was_recorded_with_it(world: FakeWorld, once: CarryOutOnce) -> None:
    answer = once("default", KEY, _order(world))
    assert isinstance(answer, CarriedOut)
    assert (answer.repeated, answer.operation.details) == (False, {"told": "1"})


def test_the_same_order_again_has_the_first_ones_answer_and_no_effect(world: FakeWorld, once: CarryOutOnce) -> None:
    first = once("default", KEY, _order(world))
    second = once("default", KEY, _order(world, told="2"))
    assert isinstance(first, CarriedOut)
    assert second == CarriedOut(first.operation, repeated=True)
    assert len(world.memory.audit) == 1


def test_another_order_with_the_key_is_refused(world: FakeWorld, once: CarryOutOnce) -> None:
    once("default", KEY, _order(world))
    assert once("default", replace(KEY, order_digest="0" * 64), _order(world)) == OrderKeyReused()
    assert len(world.memory.audit) == 1


def test_what_was_refused_is_not_remembered(world: FakeWorld, once: CarryOutOnce) -> None:
    assert once("default", KEY, Refused) == Refused()
    assert isinstance(once("default", KEY, _order(world)), CarriedOut)


def test_a_twin_that_was_faster_answers_for_both(world: FakeWorld, once: CarryOutOnce) -> None:
    def overtaken() -> str:
        _order(world)()
        return _order(world, told="2")()

    answer = once("default", KEY, overtaken)
    assert isinstance(answer, CarriedOut)
    assert (answer.repeated, answer.operation.details) == (True, {"told": "1"})


def test_a_twin_that_made_the_order_impossible_answers_for_both(world: FakeWorld, once: CarryOutOnce) -> None:
    def too_late() -> Refused:
        _order(world)()
        return Refused()

    answer = once("default", KEY, too_late)
    assert isinstance(answer, CarriedOut)
    assert answer.repeated


def test_another_order_that_was_faster_with_the_key_refuses_this_one(world: FakeWorld, once: CarryOutOnce) -> None:
    def overtaken() -> str:
        _order(world, replace(KEY, order_digest="0" * 64))()
        return _order(world)()

    assert once("default", KEY, overtaken) == OrderKeyReused()


def test_a_key_that_is_taken_and_forgotten_again_leaves_the_order_to_its_caller(
    world: FakeWorld, once: CarryOutOnce
) -> None:
    def taken() -> str:
        raise OperationRepeatedError

    with pytest.raises(OperationRepeatedError):
        once("default", KEY, taken)
    assert world.memory.audit == {}


def test_an_order_whose_answer_was_lost_is_found_when_it_comes_again(world: FakeWorld, once: CarryOutOnce) -> None:
    def cut(name: str) -> None:
        if name == "operations.record":
            raise StoreUnavailableError(name)

    world.memory.after = cut
    with pytest.raises(StoreUnavailableError):
        once("default", KEY, _order(world))
    answer = once("default", KEY, _order(world, told="2"))
    assert isinstance(answer, CarriedOut)
    assert (answer.repeated, answer.operation.details) == (True, {"told": "1"})


def test_a_key_is_free_again_in_time(world: FakeWorld, once: CarryOutOnce) -> None:
    once("default", KEY, _order(world))
    world.clock.advance(REMEMBERED_SECONDS)
    answer = once("default", KEY, _order(world, told="2"))
    assert isinstance(answer, CarriedOut)
    assert (answer.repeated, answer.operation.details) == (False, {"told": "2"})


@pytest.mark.parametrize("key", ["a", "~" * 255, "!order/1=%"])
def test_a_key_is_printable_and_short(key: str) -> None:
    assert is_key(key)


@pytest.mark.parametrize("key", ["", "a b", "a" * 256, "ä", "a\n", "\x00"])
def test_anything_else_is_no_key(key: str) -> None:
    assert not is_key(key)


def test_orders_that_differ_in_any_part_have_other_digests() -> None:
    orders = [("a", "b"), ("ab", ""), ("", "ab"), ("a", "b", ""), ("b", "a")]
    assert len({OperationKey.of("t", "k", *order).order_digest for order in orders}) == len(orders)
    assert OperationKey.of("t", "k", "a").key_digest == OperationKey.of("t", "k", "b").key_digest
    assert OperationKey.of("t", "k", "a").key_digest != OperationKey.of("t", "K", "a").key_digest

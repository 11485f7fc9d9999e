"""A dead letter is resolved once, with a note, by whoever has seen to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.services.wired import PERMANENT, TENANT, Wired
from workerflow.domain.dead_letter import DeadLetter, LetterState
from workerflow.domain.errors import OperationRepeatedError, StoreUnavailableError
from workerflow.domain.operation import OperationKey
from workerflow.domain.output import HandlerOutput
from workerflow.domain.task import Acceptance
from workerflow.services.once import CarriedOut
from workerflow.services.replay_task import Replayed, ReplayOrder
from workerflow.services.resolve_letter import NotResolved, Resolved, ResolveOrder

KEY = OperationKey.of("a" * 12, "order-1", "resolve")


def failed(wired: Wired, key: str = "key-1") -> Acceptance:
    task = wired.take(key)
    wired.handler_returns(PERMANENT)
    wired.run_once(task)
    return task


def order(task: Acceptance | str, **changes: Any) -> ResolveOrder:
    trace_id = task if isinstance(task, str) else task.trace_id
    return replace(ResolveOrder(TENANT, trace_id, "ops (token 7)", "the customer was told", "192.0.2.7"), **changes)


def letter_of(wired: Wired, task: Acceptance) -> DeadLetter:
    letter = wired.letter(task)
    assert letter is not None
    return letter


def replayed(wired: Wired, task: Acceptance) -> Acceptance:
    outcome = wired.replay(ReplayOrder(TENANT, task.trace_id, "ops", "again"))
    assert isinstance(outcome, Replayed)
    return next(one for one in wired.memory.acceptances.values() if one.trace_id == outcome.child)


def test_it_tells_who_resolved_it_when_and_how(wired: Wired) -> None:
    task = failed(wired)
    wired.clock.advance(60)
    outcome = wired.resolve_letter(order(task))
    letter = letter_of(wired, task)
    assert outcome == Resolved(letter, changed=True)
    assert (letter.state, letter.note) == (LetterState.RESOLVED, "the customer was told")
    assert (letter.resolved_by, letter.resolved_at_ms) == ("ops (token 7)", wired.clock.ms)
    assert wired.world.replays.count_open_letters(TENANT, 10, now_ms=wired.clock.ms) == 0


def test_the_audit_row_and_the_key_are_of_the_same_write(wired: Wired) -> None:
    task = failed(wired)
    wired.resolve_letter(order(task, operation=KEY))
    [event] = wired.memory.audit.values()
    assert (event.actor, event.action, event.target) == ("ops (token 7)", "letter.resolved", task.trace_id)
    assert (event.reason, event.address) == ("the customer was told", "192.0.2.7")
    assert event.details == {
        "before": "open",
        "after": "resolved",
        "note": "the customer was told",
        "resolvedBy": "ops (token 7)",
    }
    assert wired.memory.operations[TENANT, KEY.token_id, KEY.key_digest].details == event.details


def test_one_that_is_resolved_already_is_told_as_it_is(wired: Wired) -> None:
    task = failed(wired)
    wired.resolve_letter(order(task))
    letter = letter_of(wired, task)
    second = wired.resolve_letter(order(task, actor="another", note="me too", operation=KEY))
    assert second == Resolved(letter, changed=False)
    assert letter_of(wired, task) == letter
    told = wired.memory.operations[TENANT, KEY.token_id, KEY.key_digest].details
    assert (told["before"], told["note"], told["resolvedBy"]) == ("resolved", "the customer was told", "ops (token 7)")


def test_whoever_resolves_it_again_without_a_key_leaves_nothing(wired: Wired) -> None:
    task = failed(wired)
    wired.resolve_letter(order(task))
    wired.resolve_letter(order(task))
    assert len(wired.memory.audit) == 1


def test_one_that_was_replayed_is_its_childs_matter(wired: Wired) -> None:
    task = failed(wired)
    child = replayed(wired, task)
    outcome = wired.resolve_letter(order(task))
    assert isinstance(outcome, NotResolved)
    assert (outcome.code, child.trace_id in outcome.detail) == ("not_open", True)


def test_one_whose_child_succeeded_says_which_and_when(wired: Wired) -> None:
    task = failed(wired)
    child = replayed(wired, task)
    wired.handler_returns(HandlerOutput("document", b"{}"))
    wired.clock.advance(60)
    wired.run_once(child)
    letter = letter_of(wired, task)
    assert (letter.state, letter.resolved_by) == (LetterState.RESOLVED, child.trace_id)
    assert (letter.resolved_at_ms, letter.note) == (wired.clock.ms, "")


def test_one_that_is_replayed_after_all_is_not_resolved_any_more(wired: Wired) -> None:
    task = failed(wired)
    wired.resolve_letter(order(task))
    replayed(wired, task)
    letter = letter_of(wired, task)
    assert (letter.state, letter.note, letter.resolved_by) == (LetterState.REPLAYED, "", "")


@pytest.mark.parametrize("kind", ["nonsense", "foreign", "no letter", "forgotten"])
def test_what_is_no_letter_of_the_tenant_is_not_found(wired: Wired, kind: str) -> None:
    task = failed(wired)
    succeeded = wired.take("another")
    if kind == "forgotten":
        wired.clock.ms = letter_of(wired, task).expires_at_s * 1000
    asked = {
        "nonsense": order("nonsense"),
        "foreign": order(task, tenant="another"),
        "no letter": order(succeeded),
        "forgotten": order(task),
    }
    outcome = wired.resolve_letter(asked[kind])
    assert isinstance(outcome, NotResolved)
    assert (outcome.code, wired.memory.audit) == ("not_found", {})


class TestRaces:
    def test_of_two_at_the_same_moment_one_resolves_it(self, wired: Wired) -> None:
        task = failed(wired)
        first: list[object] = []
        wired.meanwhile("replays.resolve_letter", lambda: first.append(wired.resolve_letter(order(task))))
        second = wired.resolve_letter(order(task, actor="another"))
        letter = letter_of(wired, task)
        assert (first, second) == ([Resolved(letter, changed=True)], Resolved(letter, changed=False))
        assert len(wired.memory.audit) == 1

    def test_a_replay_at_the_same_moment_is_told(self, wired: Wired) -> None:
        task = failed(wired)
        wired.meanwhile("replays.resolve_letter", lambda: replayed(wired, task))
        outcome = wired.resolve_letter(order(task))
        assert isinstance(outcome, NotResolved)
        assert outcome.code == "not_open"

    def test_a_letter_that_expires_at_the_same_moment_is_gone(self, wired: Wired) -> None:
        task = failed(wired)
        wired.meanwhile("replays.resolve_letter", wired.memory.letters.clear)
        outcome = wired.resolve_letter(order(task))
        assert isinstance(outcome, NotResolved)
        assert outcome.code == "not_found"

    def test_an_answer_that_was_lost_is_found_by_the_key(self, wired: Wired) -> None:
        task = failed(wired)
        wired.lose_answer("replays.resolve_letter")
        with pytest.raises(StoreUnavailableError):
            wired.resolve_letter(order(task, operation=KEY))
        answer = wired.once(TENANT, KEY, lambda: wired.resolve_letter(order(task, operation=KEY)))
        assert isinstance(answer, CarriedOut)
        assert (answer.repeated, answer.operation.details["before"]) == (True, "open")

    def test_a_key_that_another_order_took_resolves_nothing(self, wired: Wired) -> None:
        first, second = failed(wired, "first"), failed(wired, "second")
        wired.resolve_letter(order(first, operation=KEY))
        with pytest.raises(OperationRepeatedError):
            wired.resolve_letter(order(second, operation=KEY))
        assert letter_of(wired, second).state is LetterState.OPEN

    def test_a_function_that_takes_no_keys_does_not_lose_one(self, wired: Wired) -> None:
        task = failed(wired)
        wired.resolve_letter(order(task))
        keyless = replace(wired.resolve_letter, operations=None)
        with pytest.raises(ValueError, match="no orders with keys"):
            keyless(order(task, operation=KEY))

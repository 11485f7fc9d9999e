"""Dead letters of the configured classes and ages are replayed by a schedule: leaves only, and not for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.unit.services.tricks import nothing
from tests.unit.services.wired import PERMANENT, RETRYABLE, TENANT, Wired
from workerflow.domain.dead_letter import DeadLetter, LetterState
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import IntegrityError, RetryableError
from workerflow.domain.run import LetterClass
from workerflow.domain.task import Acceptance
from workerflow.services import retry_letters
from workerflow.services.replay_task import Replayed, ReplayOrder
from workerflow.services.retry_letters import FAILURES_IN_A_ROW, RetryLetters, RetryRules

ACTOR = "schedule:retry_dead_letters_hourly"
RULES = RetryRules(
    classes=frozenset({LetterClass.PLATFORM}),
    min_age_seconds=1800,
    max_age_seconds=24 * 3600,
    per_run=100,
    generations=3,
)


def retry(wired: Wired, *, seconds: float = 1000, **rules: object) -> dict[str, object]:
    service = RetryLetters(
        replays=wired.world.replays,
        cursors=wired.world.retry_cursors,
        replay=wired.replay,
        rules=replace(RULES, **rules),  # type: ignore[arg-type]
        clock=wired.clock,
        ids=wired.ids,
        faults=wired.signals,
    )
    return service(TENANT, actor=ACTOR, until_ms=wired.clock.ms + round(seconds * 1000))


def fail(wired: Wired, key: str = "key-1", letter_class: LetterClass = LetterClass.PLATFORM) -> Acceptance:
    """A task that failed now."""
    task = wired.take(key)
    fail_again(wired, task, letter_class)
    return task


def some_letters(wired: Wired, number: int) -> list[Acceptance]:
    """Tasks that failed one after another."""
    tasks = []
    for one in range(number):
        tasks.append(fail(wired, f"key-{wired.clock.ms}-{one}"))
        wired.clock.advance(0.001)
    return tasks


def of_a_removed_route(wired: Wired, tasks: Sequence[Acceptance]) -> None:
    for task in tasks:
        key = (TENANT, task.trace_id)
        wired.memory.runs[key] = replace(wired.memory.runs[key], source="route:removed")
        wired.memory.letters[key] = replace(wired.memory.letters[key], source="route:removed")


def without_payload(wired: Wired, tasks: Sequence[Acceptance]) -> None:
    for task in tasks:
        del wired.memory.acceptances[TENANT, task.key_hash]
        wired.memory.letters[TENANT, task.trace_id] = replace(letter_of(wired, task), payload=None)


def with_payload_again(wired: Wired, tasks: Sequence[Acceptance]) -> None:
    for task in tasks:
        wired.memory.acceptances[TENANT, task.key_hash] = task


def attempts_of_a_fire(wired: Wired, *, per_run: int) -> int:
    """Attempts until one succeeds, three at most; the first replay of each fails."""
    for attempt in range(1, 4):
        wired.refuse("replays.record_replay")
        try:
            retry(wired, per_run=per_run)
        except RetryableError:
            continue
        return attempt
    return 3


def fail_again(wired: Wired, task: Acceptance, letter_class: LetterClass = LetterClass.PLATFORM) -> None:
    wired.handler_returns(PERMANENT)
    wired.run_once(task)
    letter = letter_of(wired, task)
    wired.memory.letters[TENANT, task.trace_id] = replace(letter, letter_class=letter_class)


def letter_of(wired: Wired, task: Acceptance) -> DeadLetter:
    letter = wired.letter(task)
    assert letter is not None
    return letter


def children(wired: Wired) -> Sequence[Acceptance]:
    return [one for one in wired.memory.acceptances.values() if one.lineage is not None]


def an_hour_later(wired: Wired) -> None:
    wired.clock.advance(3600)


class TestWhich:
    def test_a_letter_of_the_right_class_and_age_becomes_a_task(self, wired: Wired) -> None:
        task = fail(wired)
        an_hour_later(wired)
        assert retry(wired) == {"replayed": 1, "failed": 0, "refused": {}, "more": False}
        [child] = children(wired)
        assert child.lineage is not None
        assert child.lineage.parent == task.trace_id
        assert letter_of(wired, task).state is LetterState.REPLAYED
        assert [message.trace_id for message in wired.queue.messages] == [child.trace_id]

    def test_the_schedule_is_told_as_the_actor(self, wired: Wired) -> None:
        fail(wired)
        an_hour_later(wired)
        retry(wired)
        [event] = wired.memory.audit.values()
        assert (event.actor, event.action, event.reason) == (ACTOR, "run.replayed", "dead letter of class platform")

    @pytest.mark.parametrize("letter_class", sorted(set(LetterClass) - {LetterClass.PLATFORM}))
    def test_other_classes_are_left_to_people(self, wired: Wired, letter_class: LetterClass) -> None:
        fail(wired, letter_class=letter_class)
        an_hour_later(wired)
        assert retry(wired)["replayed"] == 0

    @pytest.mark.parametrize(
        ("age_seconds", "replayed"), [(1799, 0), (1801, 1), (24 * 3600 - 1, 1), (24 * 3600 + 1, 0)]
    )
    def test_only_a_letter_of_the_right_age_is_replayed(self, wired: Wired, age_seconds: int, replayed: int) -> None:
        fail(wired)
        wired.clock.advance(age_seconds)
        assert retry(wired)["replayed"] == replayed

    def test_a_resolved_letter_and_a_replayed_one_are_left_alone(self, wired: Wired) -> None:
        task = fail(wired)
        an_hour_later(wired)
        outcome = wired.replay(ReplayOrder(TENANT, task.trace_id, "ops", "by hand"))
        assert isinstance(outcome, Replayed)
        assert retry(wired)["replayed"] == 0
        assert len(children(wired)) == 1

    def test_a_disabled_source_is_told_and_left(self, wired: Wired) -> None:
        fail(wired)
        an_hour_later(wired)
        wired.switch(Enablement.DISABLED)
        assert retry(wired) == {"replayed": 0, "failed": 0, "refused": {"disabled": 1}, "more": False}

    def test_a_task_whose_caller_was_told_that_it_had_failed_is_left_to_people(self, wired: Wired) -> None:
        """A child would do behind the caller's back what it was told had not been done."""
        task = fail(wired)
        key = (TENANT, task.trace_id)
        wired.memory.runs[key] = replace(wired.memory.runs[key], mode="sync")
        an_hour_later(wired)
        assert retry(wired) == {"replayed": 0, "failed": 0, "refused": {"sync_task": 1}, "more": False}
        assert isinstance(wired.replay(ReplayOrder(TENANT, task.trace_id, "ops", "by hand")), Replayed)

    def test_another_tenants_letters_are_not_seen(self, wired: Wired) -> None:
        task = fail(wired)
        letter = wired.memory.letters.pop((TENANT, task.trace_id))
        wired.memory.letters["another", task.trace_id] = replace(letter, tenant="another")
        an_hour_later(wired)
        assert retry(wired)["replayed"] == 0


class TestBounds:
    def test_a_root_is_not_replayed_for_ever(self, wired: Wired) -> None:
        fail(wired)
        for _ in range(6):
            an_hour_later(wired)
            retry(wired)
            for child in children(wired):
                if child.trace_id not in {run.trace_id for run in wired.memory.runs.values()}:
                    fail_again(wired, child)
        assert len(children(wired)) == 3
        an_hour_later(wired)
        assert retry(wired)["refused"] == {"too_many_generations": 1}

    def test_a_run_replays_so_many_and_the_oldest_first(self, wired: Wired) -> None:
        tasks = []
        for number in range(5):
            tasks.append(fail(wired, f"key-{number}"))
            wired.clock.advance(1)
        an_hour_later(wired)
        assert retry(wired, per_run=2) == {"replayed": 2, "failed": 0, "refused": {}, "more": True}
        states = [letter_of(wired, task).state for task in tasks]
        assert states == [LetterState.REPLAYED] * 2 + [LetterState.OPEN] * 3

    def test_letters_of_other_classes_do_not_stand_in_the_way(
        self, wired: Wired, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retry_letters, "PAGE", 3)
        for number in range(7):
            fail(wired, f"other-{number}", LetterClass.HANDLER_ERROR)
        fail(wired)
        an_hour_later(wired)
        assert retry(wired)["replayed"] == 1

    def test_a_run_reads_so_many(self, wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(retry_letters, "PAGE", 3)
        monkeypatch.setattr(retry_letters, "LETTERS_READ", 6)
        for number in range(7):
            fail(wired, f"other-{number}", LetterClass.HANDLER_ERROR)
        fail(wired)
        an_hour_later(wired)
        assert retry(wired) == {"replayed": 0, "failed": 0, "refused": {}, "more": True}

    def test_a_run_goes_on_behind_what_it_could_not_read(self, wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(retry_letters, "PAGE", 3)
        monkeypatch.setattr(retry_letters, "LETTERS_READ", 6)
        wired.memory.spoilt |= {("letters", TENANT, task.trace_id) for task in some_letters(wired, 7)}
        good = fail(wired, "good")
        an_hour_later(wired)
        assert retry(wired) == {"replayed": 0, "failed": 0, "refused": {"integrity": 6}, "more": True}
        assert retry(wired)["replayed"] == 1
        assert letter_of(wired, good).state is LetterState.REPLAYED

    def test_without_time_it_begins_with_none(self, wired: Wired) -> None:
        fail(wired)
        an_hour_later(wired)
        assert retry(wired, seconds=0) == {"replayed": 0, "failed": 0, "refused": {}, "more": True}

    def test_running_again_replays_nothing_twice(self, wired: Wired) -> None:
        fail(wired)
        an_hour_later(wired)
        retry(wired)
        assert retry(wired) == {"replayed": 0, "failed": 0, "refused": {}, "more": False}
        assert len(children(wired)) == 1


class TestLettersThatMayNotBeReplayed:
    """They stay open, and must not stand in the way of those behind them."""

    @pytest.fixture(autouse=True)
    def few_tries(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(retry_letters, "LETTERS_TRIED", 3)

    def test_a_source_that_is_disabled_is_asked_for_once_a_run(self, wired: Wired) -> None:
        gone = some_letters(wired, 5)
        good = fail(wired, "good")
        of_a_removed_route(wired, gone)
        an_hour_later(wired)
        assert retry(wired) == {"replayed": 1, "failed": 0, "refused": {"disabled": 5}, "more": False}
        assert letter_of(wired, good).state is LetterState.REPLAYED

    def test_a_run_goes_on_behind_those_that_the_last_one_tried(self, wired: Wired) -> None:
        without_payload(wired, some_letters(wired, 5))
        good = fail(wired, "good")
        an_hour_later(wired)
        assert retry(wired) == {"replayed": 0, "failed": 0, "refused": {"payload_gone": 3}, "more": True}
        assert retry(wired) == {"replayed": 1, "failed": 0, "refused": {"payload_gone": 2}, "more": True}
        assert letter_of(wired, good).state is LetterState.REPLAYED

    def test_after_the_end_it_goes_on_at_the_beginning(self, wired: Wired) -> None:
        first = some_letters(wired, 3)
        without_payload(wired, first)
        an_hour_later(wired)
        retry(wired)
        fail(wired, "good")
        retry(wired)
        an_hour_later(wired)
        with_payload_again(wired, first)
        retry(wired)
        assert retry(wired)["more"] is False
        assert {letter_of(wired, task).state for task in first} == {LetterState.REPLAYED}

    def test_a_position_older_than_any_letter_that_counts_is_none(self, wired: Wired) -> None:
        without_payload(wired, some_letters(wired, 5))
        an_hour_later(wired)
        retry(wired)
        wired.clock.advance(48 * 3600)
        good = fail(wired, "good")
        an_hour_later(wired)
        assert retry(wired) == {"replayed": 1, "failed": 0, "refused": {}, "more": False}
        assert letter_of(wired, good).state is LetterState.REPLAYED

    def test_a_run_that_comes_to_the_end_writes_nothing(self, wired: Wired) -> None:
        fail(wired)
        an_hour_later(wired)
        retry(wired)
        assert "cursors.move_cursor" not in wired.memory.calls


class TestFailures:
    def test_one_replay_that_fails_does_not_stop_the_others_and_is_left_to_the_next_run(self, wired: Wired) -> None:
        for number in range(3):
            fail(wired, f"key-{number}")
        an_hour_later(wired)
        wired.refuse("replays.record_replay", after=1)
        assert retry(wired) == {"replayed": 2, "failed": 1, "refused": {}, "more": False}
        assert len(wired.signals.told) == 1
        assert retry(wired)["replayed"] == 1

    def test_a_fire_whose_attempts_all_meet_a_failure_makes_no_more_than_its_number(self, wired: Wired) -> None:
        some_letters(wired, 40)
        an_hour_later(wired)
        assert attempts_of_a_fire(wired, per_run=10) == 1
        assert len(children(wired)) == 9

    def test_a_replay_whose_answer_was_lost_counts(self, wired: Wired) -> None:
        some_letters(wired, 40)
        an_hour_later(wired)
        wired.lose_answer("replays.record_replay")
        retry(wired, per_run=10)
        assert len(children(wired)) == 10

    def test_a_run_that_could_do_nothing_stops_trying_soon_and_is_tried_again(self, wired: Wired) -> None:
        some_letters(wired, 40)
        an_hour_later(wired)
        wired.refuse("replays.record_replay", 1000)
        with pytest.raises(RetryableError, match="5 of 5 replays failed, none was made"):
            retry(wired)
        wired.memory.before = nothing
        assert retry(wired)["replayed"] == 39
        assert retry(wired)["replayed"] == 1, "the one at which it stopped comes last"

    def test_a_position_that_cannot_be_kept_does_not_make_the_run_begin_anew(self, wired: Wired) -> None:
        some_letters(wired, 5)
        an_hour_later(wired)
        wired.refuse("cursors.move_cursor")
        assert retry(wired, per_run=2)["replayed"] == 2
        assert len(wired.signals.told) == 1

    def test_a_child_that_succeeds_resolves_its_letter(self, wired: Wired) -> None:
        task = fail(wired)
        an_hour_later(wired)
        retry(wired)
        [child] = children(wired)
        wired.world.runner.handler = wired.world.runner.__class__().handler
        wired.run_once(child)
        assert letter_of(wired, task).state is LetterState.RESOLVED


def test_a_retryable_failure_that_exhausts_its_attempts_has_its_own_class(wired: Wired) -> None:
    """The default, `platform`, is never given by a handler: its author's failures stay with its author."""
    task = wired.take()
    wired.handler_returns(RETRYABLE)
    for _ in range(3):
        wired.run_once(task)
        wired.clock.advance(3600)
    assert letter_of(wired, task).letter_class is LetterClass.EXHAUSTED
    assert retry(wired)["replayed"] == 0


def test_a_letter_that_cannot_be_read_is_told_and_holds_up_no_other(wired: Wired) -> None:
    spoilt, *others = some_letters(wired, 3)
    wired.memory.spoilt.add(("letters", TENANT, spoilt.trace_id))
    wired.clock.advance(RULES.min_age_seconds + 1)
    report = retry(wired)
    assert (report["replayed"], report["refused"]) == (len(others), {"integrity": 1})
    assert len(wired.signals.told) == 1


def test_letters_of_tasks_that_cannot_be_read_are_refused_and_hold_up_no_other(wired: Wired) -> None:
    some_letters(wired, FAILURES_IN_A_ROW + 2)
    wired.clock.advance(RULES.min_age_seconds + 1)
    wired.refuse("replays.lineage", times=FAILURES_IN_A_ROW + 1, error=IntegrityError)
    report = retry(wired)
    assert (report["replayed"], report["failed"], report["refused"]) == (1, 0, {"integrity": FAILURES_IN_A_ROW + 1})
    assert len(wired.signals.told) == FAILURES_IN_A_ROW + 1

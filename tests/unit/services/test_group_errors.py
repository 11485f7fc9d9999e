"""Alike errors are counted in groups, each letter once, behind the present; a list adds what no walk has seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.surroundings import FakeClock
from tests.unit.services.letters import a_letter, some_letters
from tests.unit.services.wired import TENANT, Wired, a_budget
from workerflow.domain.dead_letter import DeadLetter, LetterState
from workerflow.domain.error_group import BEHIND_SECONDS, ErrorGroup
from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.ports.error_groups import GROUPS_PER_WRITE
from workerflow.services import group_errors, list_error_groups
from workerflow.services.group_errors import EVERY_MINUTES

A, B = "a" * 16, "b" * 16


class Killed(BaseException):
    """The process ended there and then."""


@pytest.fixture(autouse=True)
def on_a_full_hour(wired: Wired) -> None:
    wired.clock.ms -= wired.clock.ms % 3_600_000


def walk(wired: Wired, *tenants: str, seconds: float = 20) -> None:
    """Walk in the next minute in which it is the only, or first, tenant's turn."""
    turn_ms = EVERY_MINUTES * 60_000
    wired.clock.ms += -wired.clock.ms % turn_ms
    wired.group_errors(tenants or (TENANT,), a_budget(wired, seconds=seconds))


def later(wired: Wired) -> None:
    wired.clock.advance(BEHIND_SECONDS + 1)


def groups(wired: Wired, tenant: str = TENANT) -> dict[str, ErrorGroup]:
    return {name: group for (owner, name), group in wired.memory.error_groups.items() if owner == tenant}


def counts(wired: Wired) -> dict[str, int]:
    return {name: group.count for name, group in groups(wired).items()}


def listed(wired: Wired) -> dict[str, tuple[int, int]]:
    """Count and open letters of each group."""
    found = wired.list_error_groups(TENANT).groups
    return {one.group.fingerprint: (one.group.count, one.open) for one in found}


def spoil(wired: Wired, one: DeadLetter) -> None:
    wired.memory.spoilt.add(("letters", one.tenant, one.trace_id))


def letter(wired: Wired, fingerprint: str, **changes: Any) -> DeadLetter:
    [made] = some_letters(wired, 1, fingerprint=fingerprint, **changes)
    return made


# The walk.


def test_letters_are_counted_by_their_fingerprint(wired: Wired) -> None:
    first = letter(wired, A)
    letter(wired, B, source="route:ask", error_class="ValueError", message="no")
    last = letter(wired, A, message="no answer in 9 s")
    later(wired)
    walk(wired)
    assert counts(wired) == {A: 2, B: 1}
    group = groups(wired)[A]
    assert (group.first_seen_ms, group.last_seen_ms) == (first.failed_at_ms, last.failed_at_ms)
    assert (group.sample, group.message, group.error_class) == (last.trace_id, last.message, last.error_class)
    assert group.expires_at_s == last.expires_at_s
    assert (groups(wired)[B].source, groups(wired)[B].message) == ("route:ask", "no")


def test_a_walk_stays_a_minute_behind_and_goes_on_where_it_was(wired: Wired) -> None:
    some_letters(wired, 3, fingerprint=A)
    later(wired)
    wired.clock.ms += -wired.clock.ms % (EVERY_MINUTES * 60_000) - 1_000
    some_letters(wired, 2, fingerprint=A)
    walk(wired)
    assert counts(wired) == {A: 3}
    later(wired)
    walk(wired)
    assert counts(wired) == {A: 5}
    walk(wired)
    assert counts(wired) == {A: 5}


def test_whatever_became_of_a_letter_it_is_counted(wired: Wired) -> None:
    made = some_letters(wired, 3, fingerprint=A)
    for one, state in zip(made, LetterState, strict=True):
        wired.memory.letters[TENANT, one.trace_id] = replace(one, state=state)
    later(wired)
    walk(wired)
    assert counts(wired) == {A: 3}


def test_a_walk_that_finds_nothing_costs_two_calls_and_no_write(wired: Wired) -> None:
    walk(wired)
    assert wired.memory.calls == ["error_groups.get_walk", "replays.list_letters"]


def test_each_tenant_has_its_turn_every_few_minutes(wired: Wired) -> None:
    tenants = [f"tenant-{number}" for number in range(7)]
    walked: list[str] = []
    for _ in range(EVERY_MINUTES):
        for tenant in tenants:
            a_letter(wired, f"key-{len(wired.memory.letters)}", tenant=tenant)
        before = set(wired.memory.error_walks)
        wired.clock.advance(60)
        wired.clock.advance(1)
        wired.group_errors(tenants, a_budget(wired))
        walked += sorted(set(wired.memory.error_walks) - before)
        wired.clock.advance(-1)
    assert sorted(walked) == tenants


def test_a_page_of_many_groups_is_written_in_parts(wired: Wired) -> None:
    for number in range(2 * GROUPS_PER_WRITE + 10):
        letter(wired, f"{number:016x}")
    later(wired)
    walk(wired)
    assert len(groups(wired)) == 2 * GROUPS_PER_WRITE + 10
    assert set(counts(wired).values()) == {1}


def test_many_pages_are_walked_until_the_time_is_over(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_errors, "PAGE", 4)
    some_letters(wired, 15, fingerprint=A)
    later(wired)
    wired.meanwhile("error_groups.write_walk", lambda: wired.clock.advance(10), times=9)
    walk(wired, seconds=15)
    assert counts(wired) == {A: 8}
    walk(wired)
    assert counts(wired) == {A: 15}


def test_a_group_that_was_forgotten_begins_anew(wired: Wired) -> None:
    first = letter(wired, A, expires_at_s=wired.clock.ms // 1000 + 100)
    later(wired)
    walk(wired)
    wired.clock.advance(100)
    second = letter(wired, A)
    later(wired)
    walk(wired)
    assert counts(wired) == {A: 1}
    assert groups(wired)[A].first_seen_ms == second.failed_at_ms > first.failed_at_ms


@pytest.mark.parametrize("gone", [True, False])
def test_a_sample_that_cannot_be_read_holds_nobody_up(wired: Wired, *, gone: bool) -> None:
    letter(wired, A, message="first words")
    later(wired)
    walk(wired)
    second = letter(wired, A, message="other words")
    later(wired)
    if gone:
        wired.meanwhile("replays.get_letter", lambda: wired.memory.letters.pop((TENANT, second.trace_id)))
    else:
        wired.refuse("replays.get_letter", error=IntegrityError)
    walk(wired)
    assert (groups(wired)[A].count, groups(wired)[A].message) == (2, "first words")


def test_a_tenant_of_whom_nothing_can_be_read_is_in_no_others_way(wired: Wired) -> None:
    for tenant in ("acme", "zeta"):
        a_letter(wired, f"key-{tenant}", tenant=tenant)
    later(wired)
    tenants = ["acme", *[f"other-{number}" for number in range(EVERY_MINUTES - 1)], "zeta"]
    wired.refuse("error_groups.get_walk")
    with pytest.raises(StoreUnavailableError):
        walk(wired, *tenants)
    assert len(wired.memory.error_groups) == 1


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("call", range(1, 14))
def test_a_walk_that_dies_anywhere_counts_each_letter_once(
    wired: Wired, call: int, *, applied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_errors, "PAGE", 2)
    for _ in range(3):
        letter(wired, A)
        letter(wired, B)
    later(wired)
    wired.memory.calls.clear()

    def die(_name: str) -> None:
        if len(wired.memory.calls) == call:
            raise Killed

    if applied:
        wired.memory.after = die
    else:
        wired.memory.before = die
    with pytest.raises(Killed):
        walk(wired)
    wired.memory.before = wired.memory.after = lambda _name: None
    walk(wired)
    assert counts(wired) == {A: 3, B: 3}


@pytest.mark.parametrize("call", ["error_groups.write_walk", "error_groups.get_groups", "replays.list_letters"])
@pytest.mark.parametrize("times", [1, 2])
def test_two_walks_at_once_count_each_letter_once(
    wired: Wired, call: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_errors, "PAGE", 2)
    some_letters(wired, 7, fingerprint=A)
    later(wired)
    wired.meanwhile(call, lambda: wired.group_errors((TENANT,), a_budget(wired)), times=times)
    walk(wired)
    walk(wired)
    assert counts(wired) == {A: 7}


def test_a_walk_that_another_was_ahead_of_leaves_out_nothing_behind_it(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_errors, "PAGE", 2)
    first = letter(wired, A)
    wired.clock.advance(120)
    some_letters(wired, 3, fingerprint=A)
    later(wired)
    behind = replace(wired.group_errors, clock=FakeClock(first.failed_at_ms + (BEHIND_SECONDS + 1) * 1000))
    wired.meanwhile("error_groups.write_walk", lambda: behind([TENANT] * EVERY_MINUTES, a_budget(wired)))
    walk(wired)
    walk(wired)
    assert counts(wired) == {A: 4}


@pytest.mark.parametrize("number", [0, 1, 4])
def test_a_letter_that_cannot_be_read_is_told_and_holds_up_no_other(wired: Wired, number: int) -> None:
    made = [*some_letters(wired, 3, fingerprint=A), *some_letters(wired, 2, fingerprint=B)]
    spoil(wired, made[number])
    later(wired)
    walk(wired)
    assert sum(counts(wired).values()) == 4
    assert wired.signals.counts["UnreadableRow"] == 1
    some_letters(wired, 1, fingerprint=A)
    later(wired)
    walk(wired)
    assert sum(counts(wired).values()) == 5
    assert wired.signals.counts["UnreadableRow"] == 1


def test_a_page_of_letters_that_cannot_be_read_is_passed(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_errors, "PAGE", 2)
    for one in some_letters(wired, 4, fingerprint=A):
        spoil(wired, one)
    some_letters(wired, 1, fingerprint=B)
    later(wired)
    walk(wired)
    assert counts(wired) == {B: 1}
    assert wired.signals.counts["UnreadableRow"] == 4


def test_a_group_that_cannot_be_read_is_told_and_begins_anew(wired: Wired) -> None:
    some_letters(wired, 3, fingerprint=A)
    some_letters(wired, 1, fingerprint=B)
    later(wired)
    walk(wired)
    wired.memory.spoilt.add(("error_groups", TENANT, A))
    assert not wired.list_error_groups(TENANT).count_is_exact
    some_letters(wired, 2, fingerprint=A)
    later(wired)
    walk(wired)
    assert counts(wired) == {A: 2, B: 1}
    assert wired.signals.counts["UnreadableRow"] == 1
    assert wired.list_error_groups(TENANT).count_is_exact


def test_without_time_no_tenant_is_walked_for(wired: Wired) -> None:
    walk(wired, seconds=0)
    assert wired.memory.calls == []


def test_one_between_more_groups_than_one_write_takes_is_told_once(wired: Wired) -> None:
    for number in range(2 * GROUPS_PER_WRITE):
        one = letter(wired, f"{number:016x}")
        if number in {3, GROUPS_PER_WRITE + 2}:
            spoil(wired, one)
    later(wired)
    walk(wired)
    assert len(counts(wired)) == 2 * GROUPS_PER_WRITE - 2
    assert wired.signals.counts["UnreadableRow"] == 2


# The list.


def test_a_letter_that_cannot_be_read_makes_the_numbers_lower_bounds(wired: Wired) -> None:
    spoilt, _ = some_letters(wired, 2, fingerprint=A)
    spoil(wired, spoilt)
    found = wired.list_error_groups(TENANT)
    assert [(one.group.count, one.open) for one in found.groups] == [(1, 1)]
    assert (found.count_is_exact, found.open_is_exact) == (False, False)


def test_groups_are_listed_with_what_no_walk_has_seen_yet(wired: Wired) -> None:
    letter(wired, A, message="first words")
    later(wired)
    walk(wired)
    before = groups(wired)[A]
    letter(wired, A, message="other words")
    last = letter(wired, B, message="quite new")
    found = wired.list_error_groups(TENANT)
    assert (found.open_is_exact, found.count_is_exact) == (True, True)
    newest, older = (one.group for one in found.groups)
    assert (newest.fingerprint, newest.count, newest.message) == (B, 1, "quite new")
    assert newest.last_seen_ms == last.failed_at_ms
    assert (older.fingerprint, older.count) == (A, 2)
    assert (older.sample, older.message) == (before.sample, "first words")
    assert counts(wired) == {A: 1}


def test_the_open_ones_of_a_group_are_told(wired: Wired) -> None:
    made = some_letters(wired, 4, fingerprint=A)
    letter(wired, B)
    wired.memory.letters[TENANT, made[0].trace_id] = replace(made[0], state=LetterState.RESOLVED)
    wired.memory.letters[TENANT, made[1].trace_id] = replace(made[1], expires_at_s=wired.clock.ms // 1000)
    later(wired)
    walk(wired)
    assert listed(wired) == {A: (4, 2), B: (1, 1)}


def test_what_is_counted_up_to_a_number_is_marked(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_error_groups, "PART", 2)
    some_letters(wired, 12, fingerprint=A)
    monkeypatch.setattr(list_error_groups, "OPEN_READ", 10)
    assert not wired.list_error_groups(TENANT).open_is_exact
    assert wired.list_error_groups(TENANT).count_is_exact
    monkeypatch.setattr(list_error_groups, "TAIL_READ", 10)
    assert not wired.list_error_groups(TENANT).count_is_exact
    later(wired)
    walk(wired)
    assert wired.list_error_groups(TENANT).count_is_exact


def test_more_letters_behind_the_walk_than_are_read_are_listed_in_part(wired: Wired) -> None:
    some_letters(wired, list_error_groups.TAIL_READ + 200, fingerprint=A)
    found = wired.list_error_groups(TENANT)
    [view] = found.groups
    assert list_error_groups.TAIL_READ / 2 < view.group.count <= list_error_groups.TAIL_READ
    assert not found.count_is_exact


def test_no_more_groups_are_listed_than_fit_and_that_is_marked(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_error_groups, "GROUPS_LISTED", 3)
    for number in range(4):
        letter(wired, f"{number:016x}")
    found = wired.list_error_groups(TENANT)
    assert [one.group.fingerprint for one in found.groups] == [f"{number:016x}" for number in (3, 2, 1)]
    assert not found.count_is_exact


def test_samples_of_new_groups_are_read_up_to_a_number(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_error_groups, "SAMPLES_READ", 2)
    for number in range(4):
        letter(wired, f"{number:016x}", message="words")
    found = wired.list_error_groups(TENANT).groups
    assert [one.group.message for one in found] == ["words", "words", "", ""]


def test_a_walk_that_goes_on_meanwhile_counts_no_letter_twice(wired: Wired) -> None:
    some_letters(wired, 5, fingerprint=A)
    later(wired)
    wired.meanwhile("error_groups.list_groups", lambda: walk(wired))
    assert listed(wired) == {A: (5, 5)}


def test_groups_that_have_expired_and_other_tenants_are_not_listed(wired: Wired) -> None:
    letter(wired, A, expires_at_s=wired.clock.ms // 1000 + 600)
    a_letter(wired, "theirs", tenant="acme")
    later(wired)
    walk(wired)
    assert listed(wired) == {A: (1, 1)}
    wired.clock.advance(600)
    assert listed(wired) == {}


def test_nothing_is_listed_where_nothing_failed(wired: Wired) -> None:
    found = wired.list_error_groups(TENANT)
    assert (found.groups, found.open_is_exact, found.count_is_exact) == ([], True, True)

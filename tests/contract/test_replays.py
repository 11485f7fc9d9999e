"""ReplayStore: what both implementations promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.worlds import Ports
from tests.support.runs import A_FAILURE, a_child, a_replay, a_run, failed, letter_of
from tests.support.tasks import NOW_MS, an_acceptance
from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import DeadLetter, LetterState, letter_position
from workerflow.domain.errors import StoreUnavailableError
from workerflow.ports.stores import Conflict, LetterEntry, Oldest, Written

PARENT = an_acceptance("parent")
SIBLING = an_acceptance("sibling")


@pytest.fixture
def letter(world: Ports) -> DeadLetter:
    """The parent's open letter."""
    run = a_run(PARENT)
    written = letter_of(failed(run), PARENT)
    world.runs.write(run)
    world.runs.write(failed(run), letter=written)
    return written


def test_a_letter_without_payload_is_read_back_whole(world: Ports) -> None:
    run = a_run(PARENT)
    letter = DeadLetter.of_failed_run(failed(run), A_FAILURE, None)
    world.runs.write(run)
    world.runs.write(failed(run), letter=letter)
    assert world.replays.get_letter("default", PARENT.trace_id) == letter


def test_there_is_no_letter_where_none_was_written(world: Ports) -> None:
    assert world.replays.get_letter("default", PARENT.trace_id) is None


def test_a_replay_is_written_whole(world: Ports, letter: DeadLetter) -> None:
    record = a_replay(PARENT, 1, letter=letter)
    assert world.replays.record_replay(record) == Written()
    child = record.acceptance
    assert world.acceptances.get(child.tenant, child.key_hash) == child
    assert list(world.replays.lineage("default", PARENT.trace_id)) == [record.entry]
    assert world.replays.get_letter("default", PARENT.trace_id) == replace(
        letter, state=LetterState.REPLAYED, child=child.trace_id
    )
    assert world.audit_events() == [record.audit]


def test_a_run_without_letter_is_replayed_too(world: Ports) -> None:
    assert world.replays.record_replay(a_replay(PARENT, 1)) == Written()
    assert world.replays.get_letter("default", PARENT.trace_id) is None


def test_a_replay_whose_answer_was_lost_is_found_to_be_our_own(world: Ports, letter: DeadLetter) -> None:
    record = a_replay(PARENT, 1, letter=letter)
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.replays.record_replay(record)
    assert world.replays.record_replay(record) == Written()
    assert len(world.replays.lineage("default", PARENT.trace_id)) == 1


def test_a_refused_replay_leaves_nothing(world: Ports, letter: DeadLetter) -> None:
    with world.refusing(), pytest.raises(StoreUnavailableError):
        world.replays.record_replay(a_replay(PARENT, 1, letter=letter))
    _assert_nothing_but_the_letter(world, letter)


def test_the_second_of_two_clicks_meets_the_entry_of_the_first(world: Ports, letter: DeadLetter) -> None:
    first = a_replay(PARENT, 1, nonce="1" * 16, letter=letter)
    second = a_replay(PARENT, 1, nonce="2" * 16, letter=letter)
    world.replays.record_replay(first)
    assert world.replays.record_replay(second) == Conflict(first.entry)
    assert world.audit_events() == [first.audit]


def test_two_parents_under_one_root_never_take_the_same_generation(world: Ports) -> None:
    first = a_replay(PARENT, 1)
    world.replays.record_replay(first)
    child = first.acceptance
    assert world.replays.record_replay(a_replay(child, 1)) == Conflict(None)
    assert world.replays.record_replay(a_replay(child, 2)) == Written()
    generations = [entry.generation for entry in world.replays.lineage("default", PARENT.trace_id)]
    assert generations == [1, 2]


def test_a_generation_is_not_skipped(world: Ports) -> None:
    assert world.replays.record_replay(a_replay(PARENT, 2)) == Conflict(None)
    assert list(world.replays.lineage("default", PARENT.trace_id)) == []


@pytest.mark.parametrize("state", [LetterState.REPLAYED, LetterState.RESOLVED])
def test_a_letter_that_is_not_as_it_was_read_holds_the_replay_back(
    world: Ports, letter: DeadLetter, state: LetterState
) -> None:
    assert world.replays.record_replay(a_replay(PARENT, 1, letter=replace(letter, state=state))) == Conflict(None)
    _assert_nothing_but_the_letter(world, letter)


def test_a_letter_that_is_gone_holds_the_replay_back(world: Ports, letter: DeadLetter) -> None:
    gone = replace(letter, trace_id=SIBLING.trace_id)
    assert world.replays.record_replay(a_replay(PARENT, 1, letter=gone)) == Conflict(None)
    _assert_nothing_but_the_letter(world, letter)


def test_a_child_whose_key_is_taken_holds_the_replay_back(world: Ports, letter: DeadLetter) -> None:
    world.acceptances.put(a_child(PARENT, 1, nonce="9" * 16), now_ms=NOW_MS)
    assert world.replays.record_replay(a_replay(PARENT, 1, letter=letter)) == Conflict(None)
    assert world.replays.get_letter("default", PARENT.trace_id) == letter


def test_the_tree_is_told_in_order_of_generations(world: Ports) -> None:
    parent, written = PARENT, []
    for generation in range(1, 13):
        record = a_replay(parent, generation)
        assert world.replays.record_replay(record) == Written()
        written.append(record.entry)
        parent = record.acceptance
    assert list(world.replays.lineage("default", PARENT.trace_id)) == written
    assert list(world.replays.lineage("another", PARENT.trace_id)) == []


def test_open_letters_are_counted_up_to_the_limit(world: Ports) -> None:
    for number in range(9):
        acceptance = an_acceptance(f"key-{number}")
        run = a_run(acceptance)
        world.runs.write(run)
        world.runs.write(failed(run), letter=letter_of(failed(run), acceptance))
    assert _open(world, 100) == 9
    assert _open(world, 4) == 4
    assert world.replays.count_open_letters("another", 4, now_ms=NOW_MS) == 0


def _open(world: Ports, limit: int = 10, *, now_ms: int = NOW_MS) -> int:
    return world.replays.count_open_letters("default", limit, now_ms=now_ms)


def test_letters_that_have_expired_are_not_counted_whether_they_are_removed_or_not(world: Ports) -> None:
    for number in range(6):
        _fail(world, f"key-{number}", NOW_MS + number)
    last = _fail(world, "last", NOW_MS + 9, expires_in_s=1)
    assert _open(world, now_ms=NOW_MS) == 7
    assert _open(world, now_ms=last.expires_at_s * 1000 - 1) == 7
    assert _open(world, now_ms=last.expires_at_s * 1000) == 6


def test_open_letters_are_counted_before_those_that_have_expired(world: Ports) -> None:
    for number in range(48):
        _fail(world, f"key-{number}", NOW_MS + number, expires_in_s=0 if number < 32 else None)
    assert _open(world, 4) == 4


def test_a_replayed_letter_is_no_longer_open(world: Ports, letter: DeadLetter) -> None:
    assert _open(world) == 1
    world.replays.record_replay(a_replay(PARENT, 1, letter=letter))
    assert _open(world) == 0


def _fail(world: Ports, key: str, failed_at_ms: int, *, expires_in_s: int | None = None) -> DeadLetter:
    acceptance = an_acceptance(key)
    run = a_run(acceptance)
    ended = failed(run, finished_at_ms=failed_at_ms)
    letter = letter_of(ended, acceptance)
    if expires_in_s is not None:
        letter = replace(letter, expires_at_s=NOW_MS // 1000 + expires_in_s)
    world.runs.write(run)
    world.runs.write(ended, letter=letter)
    return letter


def _entry(letter: DeadLetter) -> LetterEntry:
    return LetterEntry(
        letter.tenant,
        letter.trace_id,
        letter.failed_at_ms,
        letter.letter_class,
        letter.source,
        letter.fingerprint,
        letter.state,
        letter.expires_at_s,
    )


def _listed(world: Ports, *, open_only: bool = True, after: str = "0", until: str = "9", limit: int = 100) -> list[str]:
    found = world.replays.list_letters("default", open_only=open_only, after=after, until=until, limit=limit)
    return [entry.trace_id for entry in found.entries]


def test_letters_are_listed_oldest_first_over_all_shards_page_by_page(world: Ports) -> None:
    letters = [_fail(world, f"key-{number}", NOW_MS + number % 5) for number in range(12)]
    in_order = sorted(map(_entry, letters), key=lambda entry: entry.position)
    found = world.replays.list_letters("default", open_only=True, after="0", until="9", limit=100)
    assert (list(found.entries), found.position, found.is_over) == (in_order, in_order[-1].position, True)
    ids = [entry.trace_id for entry in in_order]
    assert _listed(world, limit=5) == ids[:5]
    assert _listed(world, limit=5, after=in_order[4].position) == ids[5:10]
    assert _listed(world, until=in_order[4].position) == ids[:4]
    assert _listed(world, limit=0) == []
    assert _listed(world, after="9", until="0") == []
    nobodys = world.replays.list_letters("another", open_only=True, after="0", until="9", limit=100)
    assert nobodys == Oldest([], "0", is_over=True)


@pytest.mark.parametrize(("limit", "is_over"), [(11, False), (12, True), (13, True)])
def test_a_list_tells_whether_there_is_more(world: Ports, limit: int, *, is_over: bool) -> None:
    letters = [_fail(world, f"key-{number}", NOW_MS + number) for number in range(12)]
    found = world.replays.list_letters("default", open_only=True, after="0", until="9", limit=limit)
    assert (found.is_over, found.position) == (is_over, _entry(letters[min(limit, 12) - 1]).position)


@pytest.mark.parametrize("open_only", [True, False])
def test_an_unreadable_letter_holds_up_no_other_and_is_told(world: Ports, *, open_only: bool) -> None:
    first, spoilt, third, last = [_fail(world, f"key-{number}", NOW_MS + number) for number in range(4)]
    world.spoil(spoilt)
    world.spoil(last)
    found = world.replays.list_letters("default", open_only=open_only, after="0", until="9", limit=2)
    place = _entry(spoilt).position
    assert [entry.trace_id for entry in found.entries] == [first.trace_id]
    assert (list(found.unreadable), found.position, found.is_over, found.size) == ([place], place, False, 2)
    rest = world.replays.list_letters("default", open_only=open_only, after=place, until="9", limit=2)
    assert [entry.trace_id for entry in rest.entries] == [third.trace_id]
    assert (rest.position, rest.is_over) == (_entry(last).position, True)


def test_letters_are_listed_by_time(world: Ports) -> None:
    early, late = _fail(world, "early", NOW_MS + 1), _fail(world, "late", NOW_MS + 2)
    assert _listed(world, after=letter_position(NOW_MS + 2)) == [late.trace_id]
    assert _listed(world, until=letter_position(NOW_MS + 2)) == [early.trace_id]


def test_only_open_letters_are_listed_as_open(world: Ports, letter: DeadLetter) -> None:
    world.replays.record_replay(a_replay(PARENT, 1, letter=letter))
    assert _listed(world) == []
    assert _listed(world, open_only=False) == [letter.trace_id]


def _assert_nothing_but_the_letter(world: Ports, letter: DeadLetter) -> None:
    child = a_child(PARENT, 1)
    assert world.acceptances.get(child.tenant, child.key_hash) is None
    assert list(world.replays.lineage("default", PARENT.trace_id)) == []
    assert world.replays.get_letter("default", PARENT.trace_id) == letter
    assert world.audit_events() == []


def _resolved(letter: DeadLetter, nonce: str = "1" * 16) -> tuple[DeadLetter, AuditEvent]:
    """What resolving a letter leaves, and the audit event of it."""
    after = replace(
        letter,
        state=LetterState.RESOLVED,
        note="the customer was told",
        resolved_by=f"ops {nonce[0]}",
        resolved_at_ms=NOW_MS + 5,
        resolution=nonce,
    )
    return after, AuditEvent("default", NOW_MS + 5, nonce, "ops", "letter.resolved", letter.trace_id)


def test_a_letter_is_resolved_with_its_audit_row_and_is_open_no_more(world: Ports, letter: DeadLetter) -> None:
    after, audit = _resolved(letter)
    assert world.replays.resolve_letter(after, audit) == Written()
    assert world.replays.get_letter("default", letter.trace_id) == after
    assert world.audit_events() == [audit]
    assert _open(world) == 0


def test_a_letter_is_resolved_once(world: Ports, letter: DeadLetter) -> None:
    first, audit = _resolved(letter)
    world.replays.resolve_letter(first, audit)
    second, another = _resolved(letter, "2" * 16)
    assert world.replays.resolve_letter(second, another) == Conflict(first)
    assert world.audit_events() == [audit]


def test_a_letter_that_was_replayed_is_not_resolved(world: Ports, letter: DeadLetter) -> None:
    record = a_replay(PARENT, 1, letter=letter)
    world.replays.record_replay(record)
    outcome = world.replays.resolve_letter(*_resolved(letter))
    assert outcome == Conflict(replace(letter, state=LetterState.REPLAYED, child=record.acceptance.trace_id))


def test_a_letter_that_is_not_there_is_not_resolved(world: Ports, letter: DeadLetter) -> None:
    nobodys = replace(letter, trace_id=SIBLING.trace_id)
    assert world.replays.resolve_letter(*_resolved(nobodys)) == Conflict(None)
    assert world.audit_events() == []


def test_a_resolution_whose_answer_was_lost_is_found_to_be_our_own(world: Ports, letter: DeadLetter) -> None:
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.replays.resolve_letter(*_resolved(letter))
    assert world.replays.resolve_letter(*_resolved(letter)) == Written()
    assert len(world.audit_events()) == 1


def test_a_resolved_letter_that_is_replayed_after_all_is_not_resolved_any_more(
    world: Ports, letter: DeadLetter
) -> None:
    after, audit = _resolved(letter)
    world.replays.resolve_letter(after, audit)
    record = a_replay(PARENT, 1, letter=after)
    assert world.replays.record_replay(record) == Written()
    assert world.replays.get_letter("default", PARENT.trace_id) == replace(
        letter, state=LetterState.REPLAYED, child=record.acceptance.trace_id
    )

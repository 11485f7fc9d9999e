"""ScheduleStore: what both implementations promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.worlds import Ports
from tests.support.schedules import HOUR_MS, a_cursor, a_fire, a_mark, a_skipped_run
from tests.support.tasks import NOW_MS
from workerflow.domain.audit import AuditEvent
from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.domain.schedule_cursor import DUE_SHARDS, Missed, ScheduleCursor, due_shard
from workerflow.ports.schedules import DueSchedule
from workerflow.ports.stores import Conflict, Written

CURSOR = a_cursor()
FULL = a_cursor(
    last_due_ms=NOW_MS - HOUR_MS,
    last_trace_id="a" * 44,
    missed={Missed.LATE: 3, Missed.OVERLAP: 1},
    last_missed_ms=NOW_MS - 5,
    last_missed_reason=Missed.OVERLAP,
)
AUDIT = AuditEvent("default", NOW_MS, "1" * 16, "ops", "schedule.run", "schedule:hourly", "the report was wrong")
KEY = ("default", "hourly")
NAMES = [f"job_{number}" for number in range(40)]
FAR = NOW_MS * 2


@pytest.mark.parametrize("cursor", [CURSOR, FULL, a_cursor(next_due_ms=None)])
def test_a_cursor_is_read_back_whole(world: Ports, cursor: ScheduleCursor) -> None:
    assert world.schedules.write_cursor(cursor) == Written()
    assert world.schedules.get_cursors([KEY]) == {KEY: cursor}
    assert list(world.schedules.list_cursors("default").readable) == [cursor]


def test_a_cursor_moves_from_the_version_that_was_read(world: Ports) -> None:
    moved = CURSOR.change(nonce="2" * 16, next_due_ms=NOW_MS + 2 * HOUR_MS)
    world.schedules.write_cursor(CURSOR)
    assert world.schedules.write_cursor(moved) == Written()
    assert world.schedules.write_cursor(replace(moved, nonce="3" * 16)) == Conflict(moved)
    assert world.schedules.write_cursor(replace(CURSOR, nonce="4" * 16)) == Conflict(moved)
    assert world.schedules.get_cursors([KEY]) == {KEY: moved}


def test_a_later_version_of_no_cursor_conflicts_with_nothing(world: Ports) -> None:
    assert world.schedules.write_cursor(replace(CURSOR, version=2)) == Conflict(None)


def test_a_move_whose_answer_was_lost_is_found_to_be_our_own(world: Ports) -> None:
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.schedules.write_cursor(CURSOR)
    assert world.schedules.write_cursor(CURSOR) == Written()


def test_a_refused_move_leaves_nothing(world: Ports) -> None:
    with world.refusing(), pytest.raises(StoreUnavailableError):
        world.schedules.write_cursor(CURSOR)
    assert world.schedules.get_cursors([KEY]) == {}


def test_equal_names_of_two_tenants_are_two_cursors(world: Ports) -> None:
    theirs = a_cursor(tenant="default-2", nonce="2" * 16)
    world.schedules.write_cursor(CURSOR)
    world.schedules.write_cursor(theirs)
    assert list(world.schedules.list_cursors("default").readable) == [CURSOR]
    assert list(world.schedules.list_cursors("default-2").readable) == [theirs]
    assert list(world.schedules.list_cursors("defaul").readable) == []
    assert world.schedules.get_cursors([KEY, ("default-2", "hourly"), ("default", "another")]) == {
        KEY: CURSOR,
        ("default-2", "hourly"): theirs,
    }


def test_a_hundred_cursors_are_read_at_once_and_none_by_no_call(world: Ports) -> None:
    names = [("default", f"job_{number}") for number in range(100)]
    for _, name in names:
        world.schedules.write_cursor(a_cursor(name))
    assert set(world.schedules.get_cursors([*names, *names])) == set(names)
    with world.refusing():
        assert world.schedules.get_cursors([]) == {}


def test_cursors_are_told_in_order_of_their_names(world: Ports) -> None:
    for name in ("c", "a", "b"):
        world.schedules.write_cursor(a_cursor(name))
    assert [cursor.name for cursor in world.schedules.list_cursors("default").readable] == ["a", "b", "c"]


def test_a_cursor_that_nobody_can_read_hides_no_other(world: Ports) -> None:
    spoilt, last = a_cursor("spoilt"), a_cursor("zzz")
    for cursor in (CURSOR, spoilt, last):
        world.schedules.write_cursor(cursor)
    world.spoil_cursor(spoilt)
    found = world.schedules.list_cursors("default")
    assert list(found.readable) == [CURSOR, last]
    assert set(found.unreadable) == {"spoilt"}
    with pytest.raises(IntegrityError):
        world.schedules.get_cursors([KEY, ("default", "spoilt")])
    with pytest.raises(IntegrityError):
        world.schedules.write_cursor(replace(spoilt, nonce="2" * 16))
    assert world.schedules.get_cursors([KEY]) == {KEY: CURSOR}


def test_what_is_due_is_found_in_its_shard_oldest_first(world: Ports) -> None:
    for number, name in enumerate(reversed(NAMES)):
        world.schedules.write_cursor(a_cursor(name, next_due_ms=NOW_MS + number))
    for shard in range(DUE_SHARDS):
        found = world.schedules.due(shard, until_ms=NOW_MS + 30, limit=100)
        assert [one.due_at_ms for one in found] == sorted(one.due_at_ms for one in found)
        assert {one.name for one in found} == {name for name in NAMES[9:] if due_shard("default", name) == shard}
    [entry] = world.schedules.due(due_shard("default", NAMES[-1]), until_ms=NOW_MS, limit=100)
    assert entry == DueSchedule("default", NAMES[-1], NOW_MS)


def test_what_is_due_is_found_whosever_it_is(world: Ports) -> None:
    for tenant in ("default", "acme"):
        world.schedules.write_cursor(a_cursor(tenant=tenant))
    found = [one for shard in range(DUE_SHARDS) for one in world.schedules.due(shard, until_ms=FAR, limit=9)]
    assert {one.tenant for one in found} == {"default", "acme"}


def test_what_is_due_is_told_up_to_the_limit(world: Ports) -> None:
    names = [name for name in NAMES if due_shard("default", name) == 0]
    for number, name in enumerate(names):
        world.schedules.write_cursor(a_cursor(name, next_due_ms=NOW_MS + number))
    assert [one.name for one in world.schedules.due(0, until_ms=FAR, limit=3)] == names[:3]


def test_a_cursor_without_next_fire_is_never_due(world: Ports) -> None:
    world.schedules.write_cursor(CURSOR)
    world.schedules.write_cursor(CURSOR.change(nonce="2" * 16, next_due_ms=None))
    assert [one for shard in range(DUE_SHARDS) for one in world.schedules.due(shard, until_ms=FAR, limit=9)] == []
    world.schedules.write_cursor(replace(CURSOR, nonce="3" * 16, version=3))
    assert list(world.schedules.due(CURSOR.shard, until_ms=FAR, limit=9)) == [
        DueSchedule("default", "hourly", NOW_MS + HOUR_MS)
    ]


def test_a_cursor_is_deleted_as_it_was_read_and_not_otherwise(world: Ports) -> None:
    moved = CURSOR.change(nonce="2" * 16)
    world.schedules.write_cursor(CURSOR)
    world.schedules.write_cursor(moved)
    world.schedules.delete_cursor(CURSOR)
    world.schedules.delete_cursor(replace(moved, nonce="3" * 16))
    assert list(world.schedules.list_cursors("default").readable) == [moved]
    world.schedules.delete_cursor(moved)
    world.schedules.delete_cursor(moved)
    assert list(world.schedules.list_cursors("default").readable) == []


def test_the_mark_is_written_from_the_version_that_was_read(world: Ports) -> None:
    first = a_mark()
    second = a_mark(ticked_at_ms=NOW_MS + 60_000, reconciled="e" * 64, version=2, nonce="2" * 16)
    assert world.schedules.get_mark() is None
    assert world.schedules.write_mark(second) == Conflict(None)
    assert world.schedules.write_mark(first) == Written()
    assert world.schedules.write_mark(second) == Written()
    assert world.schedules.write_mark(replace(second, nonce="3" * 16)) == Conflict(second)
    assert world.schedules.write_mark(replace(first, nonce="4" * 16)) == Conflict(second)
    assert world.schedules.get_mark() == second


def test_a_mark_whose_answer_was_lost_is_found_to_be_our_own(world: Ports) -> None:
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.schedules.write_mark(a_mark())
    assert world.schedules.write_mark(a_mark()) == Written()


def test_a_skipped_fire_is_accepted_and_ended_in_one_write(world: Ports) -> None:
    fire = a_fire()
    run = a_skipped_run(fire)
    assert world.schedules.record_skip(fire, run, now_ms=NOW_MS) == Written()
    assert world.acceptances.get("default", fire.key_hash) == fire
    assert world.runs.get("default", fire.trace_id) == run


def test_a_fire_that_was_accepted_is_not_skipped(world: Ports) -> None:
    first, second = a_fire(), a_fire(nonce="2" * 16, accepted_at_ms=NOW_MS + 5)
    world.acceptances.put(first, now_ms=NOW_MS)
    assert world.schedules.record_skip(second, a_skipped_run(second), now_ms=NOW_MS) == Conflict(first)
    assert world.runs.get("default", second.trace_id) is None
    assert world.acceptances.get("default", first.key_hash) == first


def test_a_fire_that_was_skipped_is_not_accepted(world: Ports) -> None:
    first, second = a_fire(), a_fire(nonce="2" * 16)
    world.schedules.record_skip(first, a_skipped_run(first), now_ms=NOW_MS)
    assert world.acceptances.put(second, now_ms=NOW_MS) == Conflict(first)


def test_a_skip_takes_the_place_of_an_acceptance_that_has_expired(world: Ports) -> None:
    old = a_fire(expires_at_s=NOW_MS // 1000)
    new = a_fire(nonce="2" * 16, accepted_at_ms=NOW_MS + 1)
    world.acceptances.put(old, now_ms=NOW_MS)
    assert world.schedules.record_skip(new, a_skipped_run(new), now_ms=NOW_MS + 1) == Written()


def test_a_skip_whose_answer_was_lost_is_found_to_be_our_own(world: Ports) -> None:
    fire = a_fire()
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.schedules.record_skip(fire, a_skipped_run(fire), now_ms=NOW_MS)
    assert world.schedules.record_skip(fire, a_skipped_run(fire), now_ms=NOW_MS) == Written()


def test_a_skip_never_touches_a_row_that_stands(world: Ports) -> None:
    fire = a_fire()
    claimed = a_skipped_run(fire, attempt=1)
    world.runs.write(claimed)
    assert world.schedules.record_skip(fire, a_skipped_run(fire), now_ms=NOW_MS) == Conflict(None)
    assert world.runs.get("default", fire.trace_id) == claimed
    assert world.acceptances.get("default", fire.key_hash) is None


def test_equal_fires_of_two_tenants_are_two_tasks(world: Ports) -> None:
    ours, theirs = a_fire(), a_fire(tenant="default-2", nonce="2" * 16)
    assert world.schedules.record_skip(ours, a_skipped_run(ours), now_ms=NOW_MS) == Written()
    assert world.schedules.record_skip(theirs, a_skipped_run(theirs), now_ms=NOW_MS) == Written()
    assert world.acceptances.get("default", theirs.key_hash) is None


def test_a_manual_run_is_accepted_with_its_audit_row(world: Ports) -> None:
    wanted = a_fire("click-1", manual=True)
    assert world.schedules.record_manual(wanted, AUDIT, now_ms=NOW_MS) == Written()
    assert world.acceptances.get("default", wanted.key_hash) == wanted
    assert world.audit_events() == [AUDIT]


def test_the_second_of_two_clicks_is_told_of_the_first_and_not_audited(world: Ports) -> None:
    first, second = a_fire("click-1"), a_fire("click-1", nonce="2" * 16)
    world.schedules.record_manual(first, AUDIT, now_ms=NOW_MS)
    again = replace(AUDIT, nonce="2" * 16)
    assert world.schedules.record_manual(second, again, now_ms=NOW_MS) == Conflict(first)
    assert world.audit_events() == [AUDIT]


def test_a_manual_run_whose_answer_was_lost_is_found_to_be_our_own(world: Ports) -> None:
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.schedules.record_manual(a_fire("click-1"), AUDIT, now_ms=NOW_MS)
    assert world.schedules.record_manual(a_fire("click-1"), AUDIT, now_ms=NOW_MS) == Written()
    assert world.audit_events() == [AUDIT]


def test_a_refused_manual_run_leaves_nothing(world: Ports) -> None:
    with world.refusing(), pytest.raises(StoreUnavailableError):
        world.schedules.record_manual(a_fire("click-1"), AUDIT, now_ms=NOW_MS)
    assert world.acceptances.get("default", a_fire("click-1").key_hash) is None
    assert world.audit_events() == []

"""The digest tells of the day before, and of what wants attention now."""

from __future__ import annotations

import pytest

from tests.support.runs import a_run, failed, letter_of
from tests.unit.services.wired import TENANT, Wired
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.rollup import ALL_SOURCES, Rollup, Span, bucket_of
from workerflow.domain.schedule_cursor import Missed, ScheduleCursor
from workerflow.services import write_digest
from workerflow.services.write_digest import WriteDigest

DAY = Span.DAY.ms
TODAY = 1_760_000_000_000 // DAY * DAY
SIX = TODAY + 6 * 3_600_000


def digest(wired: Wired) -> dict[str, object]:
    service = WriteDigest(
        rollups=wired.world.rollups, replays=wired.world.replays, schedules=wired.world.schedules, clock=wired.clock
    )
    return service(TENANT, due_at_ms=SIX)


def roll(wired: Wired, source: str, start_ms: int = TODAY - DAY, **counts: int) -> None:
    durations = {bucket_of(100): 9, bucket_of(10_000): 1}
    rollup = Rollup(TENANT, Span.DAY, start_ms, source, SIX, counts, durations)
    wired.memory.rollups[TENANT, Span.DAY.value, start_ms, source] = rollup


def fail(wired: Wired, key: str) -> None:
    task = wired.take(key)
    run = failed(a_run(task))
    wired.memory.letters[TENANT, task.trace_id] = letter_of(run, task)
    wired.clock.advance(60)


def test_it_tells_the_tasks_of_the_day_before(wired: Wired) -> None:
    roll(wired, ALL_SOURCES, succeeded=9, failed=1)
    roll(wired, ALL_SOURCES, TODAY, succeeded=5)
    told = digest(wired)
    assert told["day"] == "2025-10-08"
    assert told["tasks"] == {
        "accepted": 10,
        "byState": {"failed": 1, "succeeded": 9},
        "p50Ms": pytest.approx(100, rel=0.05),
        "p95Ms": pytest.approx(100, rel=0.05),
        "countedAt": "2025-10-09T06:00:00.000Z",
    }


def test_sources_that_failed_most_come_first_and_then_the_busiest(wired: Wired) -> None:
    roll(wired, "route:quiet", succeeded=1)
    roll(wired, "route:busy", succeeded=90)
    roll(wired, "route:broken", failed=3)
    sources = digest(wired)["sources"]
    assert isinstance(sources, list)
    assert [one["source"] for one in sources] == ["route:broken", "route:busy", "route:quiet"]


def test_a_day_that_was_not_counted_is_told_as_such(wired: Wired) -> None:
    assert digest(wired)["tasks"] is None


def test_open_letters_are_told_by_class_with_the_oldest(wired: Wired) -> None:
    fail(wired, "1")
    fail(wired, "2")
    letters = digest(wired)["openLetters"]
    assert isinstance(letters, dict)
    assert letters["oldest"].startswith("2025-10-09")
    assert {name: letters[name] for name in ("count", "isAll", "byClass", "unreadable")} == {
        "count": 2,
        "isAll": True,
        "byClass": {"exhausted": 2},
        "unreadable": 0,
    }


def test_a_letter_that_cannot_be_read_is_open_all_the_same(wired: Wired) -> None:
    fail(wired, "1")
    fail(wired, "2")
    wired.memory.spoilt.add(("letters", TENANT, next(iter(wired.memory.letters))[1]))
    letters = digest(wired)["openLetters"]
    assert isinstance(letters, dict)
    assert (letters["count"], letters["byClass"], letters["unreadable"]) == (2, {"exhausted": 1}, 1)


def test_a_letter_that_has_expired_is_not_told(wired: Wired) -> None:
    fail(wired, "1")
    [letter] = wired.memory.letters.values()
    wired.clock.ms = letter.expires_at_s * 1000
    letters = digest(wired)["openLetters"]
    assert isinstance(letters, dict)
    assert (letters["count"], letters["oldest"]) == (0, None)


def test_no_more_letters_than_so_many_are_counted(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_digest, "LETTERS_COUNTED", 2)
    for number in range(3):
        fail(wired, f"key-{number}")
    letters = digest(wired)["openLetters"]
    assert isinstance(letters, dict)
    assert (letters["count"], letters["isAll"]) == (2, False)


def test_schedules_that_missed_fires_since_the_day_before_are_told(wired: Wired) -> None:
    for name, last_missed_ms in (("late", TODAY - 5), ("long_ago", TODAY - DAY - 1), ("never", None)):
        wired.memory.schedules[TENANT, name] = ScheduleCursor(
            TENANT,
            name,
            timing="t",
            since_ms=0,
            next_due_ms=None,
            version=1,
            nonce="1",
            missed={Missed.LATE: 3},
            last_missed_ms=last_missed_ms,
            last_missed_reason=Missed.LATE,
        )
    assert digest(wired)["missedFires"] == [
        {"schedule": "late", "lastAt": "2025-10-08T23:59:59.995Z", "lastReason": "late", "everMissed": {"late": 3}}
    ]


def test_another_tenants_numbers_are_not_told(wired: Wired) -> None:
    rollup = Rollup("another", Span.DAY, TODAY - DAY, ALL_SOURCES, SIX, {"failed": 1})
    wired.memory.rollups["another", Span.DAY.value, TODAY - DAY, ALL_SOURCES] = rollup
    assert digest(wired)["tasks"] is None


def test_a_store_that_does_not_answer_fails_the_run(wired: Wired) -> None:
    wired.refuse("schedules.list_cursors")
    with pytest.raises(StoreUnavailableError):
        digest(wired)


def test_a_cursor_that_nobody_can_read_is_told(wired: Wired) -> None:
    wired.memory.spoilt_schedules.add((TENANT, "spoilt"))
    assert digest(wired)["unreadableSchedules"] == ["spoilt"]

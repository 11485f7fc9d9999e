"""What the overview says is wrong, and what it keeps quiet about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from functions.dashboard.pages.troubles import troubles_of
from workerflow.domain.dead_letter import LetterState
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.run import LetterClass
from workerflow.domain.schedule_cursor import Missed
from workerflow.ports.stores import LetterEntry
from workerflow.ports.world import QueueDepth
from workerflow.services.read_schedules import ScheduleView
from workerflow.services.read_summary import Summary

NOW_MS = 1_790_000_000_000
WELL = Summary(
    from_ms=0,
    until_ms=NOW_MS,
    counts={},
    success_rate=None,
    p50_ms=None,
    p95_ms=None,
    is_exact=True,
    open_letters=0,
    open_letters_exact=True,
    queue=QueueDepth(visible=7, in_flight=0, delayed=0),
    oldest_queued_seconds=None,
    oldest_queued_exact=True,
    next_fires=(),
    switches=(),
)
REPORT = ScheduleView("report", None, Enablement.ENABLED, "")


def a_letter(source: str) -> LetterEntry:
    return LetterEntry(
        tenant="default",
        trace_id="0" * 44,
        failed_at_ms=NOW_MS - 1000,
        letter_class=LetterClass.EXHAUSTED,
        source=source,
        fingerprint="f" * 16,
        state=LetterState.OPEN,
        expires_at_s=0,
    )


def titles(summary: Summary = WELL, letters: tuple[LetterEntry, ...] = (), *schedules: ScheduleView) -> list[str]:
    return [one.title for one in troubles_of(summary, letters, schedules, NOW_MS)]


def test_nothing_is_wrong_where_nothing_is() -> None:
    assert titles(WELL, (), REPORT) == []


def test_open_letters_come_first_and_say_what_fails() -> None:
    letters = tuple(a_letter(f"route:{name}") for name in ("a", "b", "b", "c", "d"))
    switch = a_switch("route:a")
    troubles = troubles_of(
        replace(WELL, open_letters=1000, open_letters_exact=False, switches=(switch,)), letters, (), NOW_MS
    )
    assert troubles[0].title == "More than 1,000 dead letters are open"
    assert troubles[0].detail == "Failing lately: b (2), a (1), c (1) and 1 more"
    assert [one.tone for one in troubles] == ["bad", "hold"]
    assert titles(replace(WELL, open_letters=1)) == ["1 dead letter is open"]


def test_a_queue_is_old_after_two_minutes() -> None:
    assert titles(replace(WELL, oldest_queued_seconds=119.0)) == []
    old = replace(WELL, oldest_queued_seconds=720.0)
    assert titles(old) == ["A task has waited 12 min for its first attempt"]
    assert titles(replace(old, oldest_queued_exact=False)) == [
        "A task has waited 12 min or longer for its first attempt"
    ]
    details = [
        troubles_of(replace(old, queue=QueueDepth(visible=count, in_flight=0, delayed=0)), (), (), NOW_MS)[0].detail
        for count in (0, 1, 2000)
    ]
    assert details == ["", "1 message waits in the queue.", "2,000 messages wait in the queue."]


def missed(reason: Missed, hours: int) -> ScheduleView:
    return replace(REPORT, last_missed_ms=NOW_MS - hours * 3_600_000, last_missed_reason=reason)


def test_fires_that_nobody_wanted_missed_are_told_for_a_day() -> None:
    assert titles(WELL, (), missed(Missed.LATE, 23)) == ["report missed fires within the last day"]
    [told] = troubles_of(WELL, (), (missed(Missed.LATE, 23),), NOW_MS)
    assert told.detail == "No tick came in time, and the schedule does not catch up."
    assert titles(WELL, (), missed(Missed.LATE, 25)) == []
    assert titles(WELL, (), missed(Missed.PAUSED, 1)) == []


def test_a_schedule_that_cannot_fire_is_broken() -> None:
    troubles = troubles_of(WELL, (), (replace(REPORT, fault="its cursor is unreadable"),), NOW_MS)
    assert [(one.tone, one.title) for one in troubles] == [("bad", "report cannot fire")]


def a_switch(source: str, **changes: Any) -> Switch:
    switch = Switch("default", source, Enablement.PAUSED, "provider is down", "ada (abc)", NOW_MS, 1, "n" * 16)
    return replace(switch, **changes)


def test_what_somebody_switched_off_is_told_with_who_and_why() -> None:
    switches = (a_switch("route:a"), a_switch("schedule:b", state=Enablement.DISABLED, reason=""))
    troubles = troubles_of(replace(WELL, switches=switches), (), (), NOW_MS)
    assert [(one.title, one.moment, one.detail, one.segments) for one in troubles] == [
        ("a is paused", "by ada,", "provider is down", ("routes",)),
        ("b is disabled", "by ada,", "", ("schedules",)),
    ]

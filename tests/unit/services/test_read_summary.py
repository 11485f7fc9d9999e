"""A summary tells how a tenant is doing: its window's tasks, and what wants attention now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.runs import a_run, failed
from tests.support.schedules import a_cursor
from tests.support.tasks import a_manifest, a_route, a_schedule
from tests.unit.services.letters import a_letter
from tests.unit.services.reading import Reading
from tests.unit.services.wired import TENANT, Wired, message_of
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.rollup import Span
from workerflow.domain.run import Attempt, AttemptResult, RunState
from workerflow.ports.world import QueueDepth
from workerflow.services.read_summary import LETTERS_COUNTED, NEXT_FIRES, NextFire, Summary

HOUR = Span.HOUR.ms
NOON = 1_760_000_000_000 // Span.DAY.ms * Span.DAY.ms + Span.DAY.ms // 2


@pytest.fixture(autouse=True)
def after_noon(wired: Wired) -> None:
    wired.clock.ms = NOON + 60_000


def summary(wired: Wired) -> Summary:
    return Reading(wired).read_summary(TENANT, wired.clock.ms - HOUR, wired.clock.ms)


def end(wired: Wired, key: str, state: RunState, seconds: int = 1) -> None:
    task = wired.take(key, accepted_at_ms=NOON)
    attempt = Attempt(1, NOON, NOON + seconds * 1_000, AttemptResult.SUCCEEDED)
    wired.keep(replace(a_run(task), state=state, history=(attempt,)))


def test_of_nothing_it_tells_nothing(wired: Wired) -> None:
    assert summary(wired) == Summary(
        from_ms=NOON - HOUR,
        until_ms=NOON + 60_000,
        counts={},
        success_rate=None,
        p50_ms=None,
        p95_ms=None,
        is_exact=True,
        open_letters=0,
        open_letters_exact=True,
        queue=QueueDepth(0, 0, 0),
        oldest_queued_seconds=None,
        oldest_queued_exact=True,
        next_fires=[],
        switches=[],
    )


def test_it_tells_what_became_of_the_windows_tasks(wired: Wired) -> None:
    for number in range(3):
        end(wired, f"good-{number}", RunState.SUCCEEDED)
    end(wired, "bad", RunState.FAILED, seconds=20)
    end(wired, "nobody's", RunState.CANCELLED)
    wired.take("new", accepted_at_ms=NOON + 50_000)
    told = summary(wired)
    assert told.counts == {
        RunState.QUEUED: 1,
        RunState.SUCCEEDED: 3,
        RunState.FAILED: 1,
        RunState.CANCELLED: 1,
    }
    assert told.success_rate == 0.75
    assert told.p50_ms == pytest.approx(1_000, rel=0.05)
    assert told.p95_ms == pytest.approx(1_000, rel=0.05)
    assert told.oldest_queued_seconds == 10


def test_it_counts_open_letters_as_far_as_is_of_use(wired: Wired) -> None:
    letter = a_letter(wired, "one")
    for number in range(1, LETTERS_COUNTED):
        wired.memory.letters[TENANT, f"{number}"] = letter
    told = summary(wired)
    assert (told.open_letters, told.open_letters_exact) == (LETTERS_COUNTED, True)
    a_letter(wired, "one more")
    told = summary(wired)
    assert (told.open_letters, told.open_letters_exact) == (LETTERS_COUNTED, False)


def test_it_tells_how_full_the_queue_is_if_the_queue_does(wired: Wired) -> None:
    wired.queue.send(message_of(wired.take()))
    wired.world.queue_gauge.in_flight = 7
    assert summary(wired).queue == QueueDepth(visible=1, in_flight=7, delayed=0)
    wired.refuse("queue_gauge.depth")
    assert summary(wired).queue is None


def test_it_tells_the_soonest_fires() -> None:
    schedules = [a_schedule(f"at_{minute}", cron=f"{minute} * * * *") for minute in range(9, 1, -1)]
    wired = Wired(a_manifest(a_route(), *schedules))
    wired.clock.ms = NOON + 60_000
    for one in schedules:
        wired.memory.schedules[TENANT, one.name] = a_cursor(
            one.name, timing=one.timing, since_ms=NOON, next_due_ms=NOON + 120_000
        )
    told = summary(wired).next_fires
    assert told == [NextFire(f"at_{minute}", NOON + minute * 60_000) for minute in range(2, 2 + NEXT_FIRES)]


def test_it_tells_what_is_switched_off_and_was_so_a_moment_ago(wired: Wired) -> None:
    assert summary(wired).switches == []
    wired.switch(Enablement.PAUSED, "schedule:report")
    wired.switch(Enablement.DISABLED)
    wired.switch(Enablement.PAUSED, "route:ask")
    wired.switch(Enablement.ENABLED, "route:ask")
    wired.switch(Enablement.PAUSED, "route:gone")
    assert [one.source for one in summary(wired).switches] == ["route:echo", "schedule:report"]


def test_a_switch_that_another_container_set_is_told_at_once(wired: Wired) -> None:
    reading = Reading(wired)
    reading.read_summary(TENANT, NOON, NOON)
    cache = wired.enablement._cache.copy()
    wired.switch(Enablement.PAUSED)
    wired.enablement._cache.update(cache)
    assert [one.source for one in reading.read_summary(TENANT, NOON, NOON).switches] == ["route:echo"]


@pytest.mark.parametrize(
    "name", ["rollups.view_rollups", "replays.count_open_letters", "switches.list_switches", "runs.due"]
)
def test_a_store_that_does_not_answer_is_no_zero(wired: Wired, name: str) -> None:
    wired.keep(failed(a_run(wired.take())))
    wired.refuse(name)
    with pytest.raises(StoreUnavailableError):
        summary(wired)

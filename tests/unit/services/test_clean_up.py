"""What nothing points to goes, and nothing else: objects, and the state of sources that are long gone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.support.runs import a_run, failed, letter_of
from tests.unit.services.wired import RETENTION, TENANT, Wired
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.objects import output_pointer, payload_pointer
from workerflow.domain.run import Run, RunState
from workerflow.domain.schedule_cursor import ScheduleCursor
from workerflow.domain.stored import StoredBytes
from workerflow.domain.task import Acceptance
from workerflow.services import clean_up
from workerflow.services.clean_up import CleanUp

DAY_S = 86_400
ACTOR = "schedule:cleanup_daily"
BODY = b"a large body"
DIGEST = hashlib.sha256(BODY).hexdigest()


def clean(wired: Wired, *, seconds: float = 200) -> dict[str, object]:
    service = CleanUp(
        objects=wired.world.blobs,
        acceptances=wired.world.acceptances,
        runs=wired.runs,
        replays=wired.world.replays,
        switches=wired.world.switches,
        schedules=wired.world.schedules,
        marks=wired.world.cleanup,
        manifest=wired.manifest,
        clock=wired.clock,
        ids=wired.ids,
        retention_seconds=RETENTION.retention_seconds,
    )
    return service(TENANT, actor=ACTOR, until_ms=wired.clock.ms + round(seconds * 1000))


def put(wired: Wired, pointer: str) -> str:
    wired.world.blobs.put(pointer, BODY)
    return pointer


def a_payload(wired: Wired, key_hash: str = "0" * 32) -> str:
    """An object that was written now, and that nothing points to."""
    return put(wired, payload_pointer(TENANT, key_hash, DIGEST, wired.clock.ms))


def a_task_with_payload(wired: Wired, key: str = "key-1") -> Acceptance:
    task = wired.take(key)
    pointer = a_payload(wired, task.key_hash)
    return wired.take(key, payload=StoredBytes.pointed(BODY, pointer))


def an_output(wired: Wired, run: Run, attempt: int) -> str:
    return put(wired, output_pointer(TENANT, run.trace_id, attempt))


def objects(wired: Wired) -> Sequence[str]:
    return sorted(wired.memory.objects)


def days_later(wired: Wired, days: float = 2) -> None:
    wired.clock.advance(days * DAY_S)


class TestPayloads:
    def test_one_that_nothing_points_to_goes(self, wired: Wired) -> None:
        a_payload(wired)
        days_later(wired)
        assert clean(wired)["deleted"] == 1
        assert objects(wired) == []

    def test_one_of_today_or_yesterday_may_still_be_taken(self, wired: Wired) -> None:
        wired.clock.ms = wired.clock.ms // 86_400_000 * 86_400_000 + 86_399_000
        a_payload(wired)
        assert clean(wired)["deleted"] == 0
        days_later(wired, 1)
        assert clean(wired)["deleted"] == 0
        days_later(wired, 1)
        assert clean(wired)["deleted"] == 1

    def test_one_that_its_acceptance_points_to_stays(self, wired: Wired) -> None:
        a_task_with_payload(wired)
        days_later(wired, 29)
        assert clean(wired)["deleted"] == 0

    def test_one_that_a_refused_call_with_the_same_key_left_goes(self, wired: Wired) -> None:
        task = a_task_with_payload(wired)
        other = put(wired, payload_pointer(TENANT, task.key_hash, "e" * 64, wired.clock.ms))
        days_later(wired)
        clean(wired)
        assert other not in objects(wired)
        assert objects(wired) == [task.payload.pointer]

    def test_when_its_key_is_forgotten_it_goes(self, wired: Wired) -> None:
        a_task_with_payload(wired)
        days_later(wired, 31)
        assert clean(wired)["deleted"] == 1

    def test_but_stays_while_a_dead_letter_could_be_replayed_from_it(self, wired: Wired) -> None:
        task = a_task_with_payload(wired)
        letter = letter_of(failed(a_run(task)), task)
        wired.memory.letters[TENANT, task.trace_id] = letter
        days_later(wired, 31)
        assert clean(wired)["deleted"] == 0
        del wired.memory.letters[TENANT, task.trace_id]
        assert clean(wired)["deleted"] == 1

    def test_with_too_many_letters_to_read_it_stays(self, wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clean_up, "LETTERS_READ", 1)
        for key in ("1", "2"):
            task = wired.take(key)
            wired.memory.letters[TENANT, task.trace_id] = letter_of(failed(a_run(task)), task)
        a_payload(wired)
        days_later(wired)
        assert clean(wired)["deleted"] == 0

    def test_with_a_letter_that_cannot_be_read_it_stays_for_it_may_be_that_letters(self, wired: Wired) -> None:
        task = a_task_with_payload(wired)
        wired.memory.letters[TENANT, task.trace_id] = letter_of(failed(a_run(task)), task)
        wired.memory.spoilt.add(("letters", TENANT, task.trace_id))
        days_later(wired, 31)
        assert clean(wired)["deleted"] == 0


class TestOutputs:
    def test_one_of_the_attempt_that_ended_the_run_stays_and_the_others_go(self, wired: Wired) -> None:
        run = wired.keep(replace(a_run(wired.take()), state=RunState.SUCCEEDED, attempt=2, has_output_item=True))
        lost, kept = an_output(wired, run, 1), an_output(wired, run, 2)
        days_later(wired)
        assert clean(wired)["deleted"] == 1
        assert objects(wired) == [kept]
        assert lost != kept

    def test_one_of_a_run_that_goes_on_stays(self, wired: Wired) -> None:
        run = wired.running(wired.take(), attempt=2)
        an_output(wired, run, 1)
        days_later(wired)
        assert clean(wired)["deleted"] == 0

    def test_one_of_a_run_that_ended_without_it_goes(self, wired: Wired) -> None:
        run = wired.keep(failed(a_run(wired.take())))
        an_output(wired, run, 1)
        days_later(wired)
        assert clean(wired)["deleted"] == 1

    def test_one_whose_run_is_forgotten_goes(self, wired: Wired) -> None:
        run = wired.keep(replace(a_run(wired.take()), state=RunState.SUCCEEDED, has_output_item=True))
        an_output(wired, run, 1)
        days_later(wired, 36)
        assert clean(wired)["deleted"] == 0
        days_later(wired, 2)
        assert clean(wired)["deleted"] == 1

    def test_one_of_today_stays(self, wired: Wired) -> None:
        run = wired.keep(failed(a_run(wired.take())))
        an_output(wired, run, 1)
        days_later(wired, 0.9)
        assert clean(wired)["deleted"] == 0


class TestObjects:
    def test_what_it_does_not_know_it_leaves_alone_and_tells(self, wired: Wired) -> None:
        names = [f"{TENANT}/a-file-of-somebody", f"{TENANT}/snapshots/2025-01-01.json", "another/thing"]
        for name in names:
            put(wired, name)
        days_later(wired, 100)
        told = clean(wired)
        assert (told["objects"], told["deleted"], told["strange"]) == (2, 0, 1)
        assert objects(wired) == sorted(names)

    def test_another_tenants_objects_are_not_looked_at(self, wired: Wired) -> None:
        put(wired, payload_pointer("default-2", "0" * 32, DIGEST, wired.clock.ms))
        days_later(wired)
        assert clean(wired)["objects"] == 0

    def test_a_run_looks_at_so_many_and_the_next_goes_on_there(
        self, wired: Wired, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clean_up, "PAGE", 2)
        monkeypatch.setattr(clean_up, "OBJECTS_A_RUN", 4)
        for number in range(7):
            a_payload(wired, f"{number:032x}")
        days_later(wired)
        first, second, third = clean(wired), clean(wired), clean(wired)
        assert [told["deleted"] for told in (first, second, third)] == [4, 3, 0]
        assert [told["finished"] for told in (first, second, third)] == [False, True, True]

    def test_it_begins_anew_when_it_has_seen_all(self, wired: Wired) -> None:
        a_payload(wired, "f" * 32)
        clean(wired)
        a_payload(wired, "0" * 32)
        days_later(wired)
        assert clean(wired)["deleted"] == 2

    def test_without_time_it_begins_with_no_page(self, wired: Wired) -> None:
        a_payload(wired)
        days_later(wired)
        assert clean(wired, seconds=0)["objects"] == 0
        assert clean(wired)["deleted"] == 1

    @pytest.mark.parametrize("call", ["objects.delete_many", "acceptances.get", "objects.list_objects"])
    def test_a_store_that_does_not_answer_fails_the_run_and_the_next_one_sees_the_same(
        self, wired: Wired, call: str
    ) -> None:
        a_payload(wired)
        days_later(wired)
        wired.refuse(call)
        with pytest.raises(StoreUnavailableError):
            clean(wired)
        assert clean(wired)["deleted"] == 1


def a_cursor(wired: Wired, name: str, **changes: object) -> None:
    cursor = ScheduleCursor(TENANT, name, "t", since_ms=0, next_due_ms=None, version=1, nonce="1")
    wired.memory.schedules[TENANT, name] = replace(cursor, **changes)  # type: ignore[arg-type]


class TestSources:
    def test_what_belongs_to_no_source_any_more_goes_after_the_retention(self, wired: Wired) -> None:
        wired.switch(Enablement.PAUSED, "route:removed")
        a_cursor(wired, "removed")
        told = [clean(wired)]
        days_later(wired, 29)
        told.append(clean(wired))
        days_later(wired, 1)
        told.append(clean(wired))
        assert [(one["switches"], one["cursors"]) for one in told] == [(0, 0), (0, 0), (1, 1)]
        assert wired.memory.switches == {}
        assert wired.memory.schedules == {}

    def test_who_removed_a_switch_is_told(self, wired: Wired) -> None:
        wired.switch(Enablement.PAUSED, "route:removed")
        clean(wired)
        days_later(wired, 30)
        clean(wired)
        [event] = wired.memory.audit.values()
        assert (event.actor, event.action, event.target) == (ACTOR, "switch.removed", "route:removed")
        assert event.details == {"before": "paused"}

    def test_what_a_source_needs_stays(self, wired: Wired) -> None:
        wired.switch(Enablement.PAUSED)
        clean(wired)
        days_later(wired, 400)
        assert clean(wired)["switches"] == 0

    def test_a_source_that_came_back_is_missed_anew(self, wired: Wired) -> None:
        present = wired.manifest
        wired.switch(Enablement.PAUSED)
        wired.manifest = present.build([route for route in present.routes.values() if route.name != "echo"])
        clean(wired)
        days_later(wired, 20)
        wired.manifest, gone = present, wired.manifest
        clean(wired)
        wired.manifest = gone
        days_later(wired, 20)
        assert clean(wired)["switches"] == 0
        days_later(wired, 30)
        assert clean(wired)["switches"] == 1

    def test_a_cursor_that_still_has_a_fire_to_come_is_left_to_the_tick(self, wired: Wired) -> None:
        a_cursor(wired, "removed", next_due_ms=5)
        clean(wired)
        days_later(wired, 40)
        assert clean(wired)["cursors"] == 0

    def test_a_cursor_that_nobody_can_read_stays_and_is_in_nobodys_way(self, wired: Wired) -> None:
        a_cursor(wired, "removed")
        a_cursor(wired, "spoilt")
        wired.memory.spoilt_schedules.add((TENANT, "spoilt"))
        clean(wired)
        days_later(wired, 30)
        assert clean(wired)["cursors"] == 1
        assert list(wired.memory.schedules) == [(TENANT, "spoilt")]

    def test_a_switch_that_was_set_meanwhile_stays(self, wired: Wired) -> None:
        wired.switch(Enablement.PAUSED, "route:removed")
        clean(wired)
        days_later(wired, 30)
        wired.meanwhile("switches.delete_switch", lambda: wired.switch(Enablement.DISABLED, "route:removed"))
        clean(wired)
        assert len(wired.memory.switches) == 1

    def test_two_at_the_same_time_are_harmless(self, wired: Wired) -> None:
        a_payload(wired)
        days_later(wired)
        wired.meanwhile("cleanup.write_mark", lambda: clean(wired))
        clean(wired)
        assert objects(wired) == []
        mark = wired.memory.cleanups[TENANT]
        assert mark.version == 1

"""The tick works on bulk jobs: each letter once, counted once, whatever dies, comes twice, or is aborted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.services.letters import a_letter, some_letters
from tests.unit.services.wired import TENANT, Wired, a_budget
from workerflow.domain.bulk import BATCH, BulkAction, BulkJob, BulkState, LetterFilter
from workerflow.domain.dead_letter import DeadLetter, LetterState
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import IntegrityError, PlatformError, StoreUnavailableError
from workerflow.services import work_bulk
from workerflow.services.bulk_jobs import BulkJobOrder, BulkOrder
from workerflow.services.replay_task import Replayed, ReplayOrder
from workerflow.services.resolve_letter import ResolveOrder
from workerflow.services.work_bulk import GIVE_UP_SECONDS

ACTOR = "ops (token 7)"


class Killed(BaseException):
    """The process ended there and then."""


def count(wired: Wired, action: BulkAction = BulkAction.REPLAY, **changes: Any) -> BulkJob:
    order = BulkOrder(TENANT, action, LetterFilter(), "the provider is back", ACTOR)
    return wired.count_bulk(replace(order, **changes))


def start(wired: Wired, action: BulkAction = BulkAction.REPLAY, **changes: Any) -> BulkJob:
    job = count(wired, action, **changes)
    running = wired.start_bulk(BulkJobOrder(job.tenant, job.job_id, ACTOR))
    assert isinstance(running, BulkJob)
    return running


def abort(wired: Wired, job: BulkJob) -> None:
    assert isinstance(wired.abort_bulk(BulkJobOrder(job.tenant, job.job_id, ACTOR)), BulkJob)


def work(wired: Wired, *, letters: int = 1_000, seconds: float = 50) -> None:
    wired.work_bulk(a_budget(wired, resends=letters, seconds=seconds))


def now(wired: Wired, job: BulkJob) -> BulkJob:
    return wired.memory.bulk_jobs[job.tenant, job.job_id]


def states(wired: Wired) -> Counter[LetterState]:
    return Counter(letter.state for letter in wired.memory.letters.values())


def children(wired: Wired) -> Counter[str]:
    """How many replays each letter's task has."""
    lineages = (one.lineage for one in wired.memory.acceptances.values())
    return Counter(lineage.parent for lineage in lineages if lineage is not None)


def assert_each_replayed_once(wired: Wired, letters: list[DeadLetter]) -> None:
    assert children(wired) == {letter.trace_id: 1 for letter in letters}


def person_replays(wired: Wired, letter: DeadLetter) -> None:
    outcome = wired.replay(ReplayOrder(TENANT, letter.trace_id, "somebody", "by hand"))
    assert isinstance(outcome, Replayed)


def audited(wired: Wired, action: str) -> list[dict[str, str]]:
    return [dict(event.details) for event in wired.memory.audit.values() if event.action == action]


# What is done.


def test_every_letter_that_was_counted_is_replayed_once_and_told(wired: Wired) -> None:
    letters = some_letters(wired, 2 * BATCH + 17)
    job = start(wired)
    work(wired)
    done = now(wired, job)
    assert (done.state, done.succeeded, done.refused, done.batch) == (BulkState.DONE, job.matched, {}, ())
    assert done.visited == job.matched == len(letters)
    assert done.ended_at_ms == wired.clock.ms
    assert_each_replayed_once(wired, letters)
    assert len(wired.queue.messages) == len(letters)
    assert wired.world.bulk.list_running(9) == []
    assert audited(wired, "bulk.done") == [
        {
            "jobId": job.job_id,
            "action": "replay",
            "matched": str(job.matched),
            "isExact": "true",
            "succeeded": str(job.matched),
            "refused": "0",
        }
    ]
    assert {event.actor for event in wired.memory.audit.values() if event.action == "run.replayed"} == {job.worker}


def test_every_letter_is_resolved_with_the_jobs_note(wired: Wired) -> None:
    some_letters(wired, 5)
    job = start(wired, BulkAction.RESOLVE)
    work(wired)
    assert (now(wired, job).state, now(wired, job).succeeded) == (BulkState.DONE, 5)
    assert {(one.state, one.note, one.resolved_by) for one in wired.memory.letters.values()} == {
        (LetterState.RESOLVED, job.reason, job.worker)
    }
    assert wired.queue.messages == []


def test_a_job_of_no_letter_is_done_at_once(wired: Wired) -> None:
    job = start(wired)
    work(wired)
    assert (now(wired, job).state, now(wired, job).visited) == (BulkState.DONE, 0)


def test_only_letters_that_fit_are_touched_however_few(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_bulk, "ENTRIES_A_BATCH", 10)
    monkeypatch.setattr(work_bulk, "BATCH", 4)
    monkeypatch.setattr(work_bulk, "PAGE", 5)
    some_letters(wired, 30)
    wanted = some_letters(wired, 2, fingerprint="0" * 16)
    some_letters(wired, 30)
    wanted += some_letters(wired, 1, fingerprint="0" * 16)
    job = start(wired, filter=LetterFilter(fingerprint="0" * 16))
    work(wired)
    assert (now(wired, job).state, now(wired, job).visited, job.matched) == (BulkState.DONE, 3, 3)
    assert_each_replayed_once(wired, wanted)


def test_children_that_fail_meanwhile_are_not_meant(wired: Wired) -> None:
    some_letters(wired, 3)
    job = start(wired)
    some_letters(wired, 2)
    work(wired)
    assert now(wired, job).visited == job.matched == 3
    assert states(wired)[LetterState.OPEN] == 2


def test_children_get_effect_keys_of_their_own_where_that_was_ordered(wired: Wired) -> None:
    some_letters(wired, 1)
    start(wired, new_effects=True)
    work(wired)
    [child] = [one for one in wired.memory.acceptances.values() if one.lineage is not None]
    assert child.effect_root == child.trace_id


def test_a_counted_job_is_left_alone(wired: Wired) -> None:
    some_letters(wired, 3)
    count(wired)
    work(wired)
    assert children(wired) == {}


# What is refused.


def test_refusals_are_counted_by_their_reason(wired: Wired) -> None:
    letters = some_letters(wired, 6)
    removed, gone, by_hand, resolved = letters[:4]
    job = start(wired)
    key = (TENANT, removed.trace_id)
    wired.memory.runs[key] = replace(wired.memory.runs[key], source="route:removed")
    del wired.memory.acceptances[TENANT, gone.trace_id[12:]]
    wired.memory.letters[TENANT, gone.trace_id] = replace(gone, payload=None)
    batch_is_taken(wired)
    person_replays(wired, by_hand)
    wired.resolve_letter(ResolveOrder(TENANT, resolved.trace_id, "somebody", "seen to"))
    work(wired)
    done = now(wired, job)
    assert (done.state, done.succeeded, done.visited) == (BulkState.DONE, 2, 6)
    assert done.refused == {"disabled": 1, "not_open": 2, "payload_gone": 1}
    assert children(wired)[resolved.trace_id] == 0


def batch_is_taken(wired: Wired) -> None:
    """Let a tick die when it has written its first batch and done nothing else."""

    def die(name: str) -> None:
        if name == "runs.get":
            raise Killed

    wired.memory.before = die
    with pytest.raises(Killed):
        work(wired)
    wired.memory.before = lambda _name: None


def test_letters_that_somebody_resolved_or_replayed_are_refused_by_a_resolve(wired: Wired) -> None:
    letters = some_letters(wired, 3)
    job = start(wired, BulkAction.RESOLVE)
    wired.refuse("replays.get_letter", times=3)
    work(wired)
    person_replays(wired, letters[0])
    wired.resolve_letter(ResolveOrder(TENANT, letters[1].trace_id, "somebody", "seen to"))
    work(wired)
    assert (now(wired, job).succeeded, now(wired, job).refused) == (1, {"not_open": 2})


def test_what_nobody_can_read_is_refused_and_in_no_others_way(wired: Wired) -> None:
    letters = some_letters(wired, 3)
    wired.runs.poison.add(letters[1].trace_id)
    job = start(wired)
    work(wired)
    assert (now(wired, job).state, now(wired, job).refused) == (BulkState.DONE, {"integrity": 1})


def test_letters_of_a_tenant_that_was_retired_are_replayed(wired: Wired) -> None:
    a_letter(wired, "key-1", tenant="gone")
    job = start(wired, tenant="gone")
    wired.clock.advance(1)
    work(wired)
    assert now(wired, job).state is BulkState.DONE


def test_a_disabled_source_is_refused_letter_by_letter(wired: Wired) -> None:
    some_letters(wired, 3)
    job = start(wired)
    wired.switch(Enablement.DISABLED)
    work(wired)
    assert now(wired, job).refused == {"disabled": 3}
    assert states(wired) == {LetterState.OPEN: 3}


# What fails.


def test_a_letter_whose_replay_failed_is_tried_again_with_the_next_batch(wired: Wired) -> None:
    letters = some_letters(wired, BATCH + 5)
    job = start(wired)
    wired.refuse("replays.record_replay", times=2)
    work(wired)
    assert (now(wired, job).state, now(wired, job).succeeded) == (BulkState.DONE, len(letters))
    assert_each_replayed_once(wired, letters)
    assert len(wired.signals.told) == 1


def test_a_store_that_is_away_ends_the_tick_and_keeps_the_batch(wired: Wired) -> None:
    letters = some_letters(wired, 3)
    job = start(wired)
    wired.refuse("replays.record_replay", times=3)
    work(wired)
    waiting = now(wired, job)
    assert (waiting.visited, len(waiting.batch)) == (0, 3)
    assert wired.memory.calls.count("replays.record_replay") == 3
    work(wired)
    assert now(wired, job).state is BulkState.DONE
    assert_each_replayed_once(wired, letters)


def test_a_replay_whose_answer_was_lost_is_the_jobs_own(wired: Wired) -> None:
    letters = some_letters(wired, 3)
    job = start(wired)
    wired.lose_answer("replays.record_replay", after=1)
    work(wired)
    assert (now(wired, job).state, now(wired, job).succeeded, now(wired, job).refused) == (BulkState.DONE, 3, {})
    assert_each_replayed_once(wired, letters)


def test_a_letter_that_fails_for_a_day_is_given_up(wired: Wired) -> None:
    letters = some_letters(wired, 3)
    job = start(wired)
    wired.runs.away.add(letters[0].trace_id)
    work(wired)
    wired.clock.advance(GIVE_UP_SECONDS - 1)
    work(wired)
    assert (now(wired, job).state, now(wired, job).visited) == (BulkState.RUNNING, 2)
    wired.clock.advance(1)
    work(wired)
    assert (now(wired, job).state, now(wired, job).refused) == (BulkState.DONE, {"store_unavailable": 1})


@pytest.mark.parametrize("error", [StoreUnavailableError, IntegrityError])
def test_a_job_that_cannot_be_read_is_in_no_others_way(wired: Wired, error: type[PlatformError]) -> None:
    some_letters(wired, 2)
    a_letter(wired, "key-9", tenant="zeta")
    jobs = [start(wired), start(wired, BulkAction.RESOLVE), start(wired, tenant="zeta")]
    wired.refuse("bulk.get_job", error=error)
    with pytest.raises(error) as caught:
        work(wired)
    assert any("job" in note for note in caught.value.__notes__)
    assert sorted(now(wired, job).state.value for job in jobs) == ["done", "done", "running"]


# Bounds.


def test_a_tick_deals_with_so_many_letters_and_the_next_one_goes_on(wired: Wired) -> None:
    letters = some_letters(wired, 25)
    job = start(wired)
    work(wired, letters=10)
    assert (now(wired, job).visited, sum(children(wired).values())) == (10, 10)
    work(wired, letters=10)
    assert now(wired, job).visited == 20
    work(wired, letters=10)
    assert now(wired, job).state is BulkState.DONE
    assert_each_replayed_once(wired, letters)


def test_a_tick_ends_when_its_time_is_over_and_tells_what_it_did(wired: Wired) -> None:
    letters = some_letters(wired, 10)
    job = start(wired)
    wired.meanwhile("replays.record_replay", lambda: wired.clock.advance(10), times=99)
    work(wired, seconds=35)
    assert (now(wired, job).visited, len(now(wired, job).batch)) == (4, 6)
    work(wired, seconds=1_000)
    assert now(wired, job).state is BulkState.DONE
    assert_each_replayed_once(wired, letters)


def test_tenants_and_their_jobs_share_a_tick(wired: Wired) -> None:
    some_letters(wired, 50)
    some_letters(wired, 50, tenant="acme")
    jobs = [
        start(wired),
        start(wired, BulkAction.RESOLVE, filter=LetterFilter(source="route:echo")),
        start(wired, tenant="acme"),
    ]
    work(wired, letters=40)
    assert [now(wired, job).visited for job in jobs] == [10, 10, 20]


def test_a_tick_without_a_job_costs_one_call(wired: Wired) -> None:
    some_letters(wired, 3)
    count(wired)
    wired.memory.calls.clear()
    work(wired)
    assert wired.memory.calls == ["bulk.list_running"]


@pytest.mark.parametrize("spoilt", [{0}, {BATCH - 1}, {BATCH}, {2 * BATCH + 4}, {0, 1, 2}, {1, BATCH + 1}])
def test_a_letter_that_cannot_be_read_is_told_and_holds_up_no_other(wired: Wired, spoilt: set[int]) -> None:
    letters = some_letters(wired, 2 * BATCH + 5)
    for number in spoilt:
        wired.memory.spoilt.add(("letters", TENANT, letters[number].trace_id))
    job = start(wired)
    assert (job.matched, job.is_exact) == (len(letters) - len(spoilt), False)
    work(wired)
    done = now(wired, job)
    assert (done.state, done.succeeded, done.refused) == (BulkState.DONE, job.matched, {"integrity": len(spoilt)})
    assert_each_replayed_once(wired, [one for number, one in enumerate(letters) if number not in spoilt])
    assert wired.signals.counts["UnreadableRow"] == len(spoilt)
    assert [event["refused"] for event in audited(wired, "bulk.done")] == [str(len(spoilt))]


def test_a_job_of_nothing_that_can_be_read_is_done(wired: Wired) -> None:
    for one in some_letters(wired, BATCH + 3):
        wired.memory.spoilt.add(("letters", TENANT, one.trace_id))
    job = start(wired)
    work(wired)
    assert (now(wired, job).state, now(wired, job).refused) == (BulkState.DONE, {"integrity": BATCH + 3})
    assert states(wired) == {LetterState.OPEN: BATCH + 3}


# Death, company, abortion.


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("call", range(1, 32))
def test_a_tick_that_dies_anywhere_leaves_nothing_out_and_counts_nothing_twice(
    wired: Wired, call: int, *, applied: bool
) -> None:
    letters = some_letters(wired, 4)
    job = start(wired)
    wired.memory.calls.clear()

    def die(_name: str) -> None:
        if len(wired.memory.calls) == call:
            raise Killed

    if applied:
        wired.memory.after = die
    else:
        wired.memory.before = die
    with pytest.raises(Killed):
        work(wired)
    wired.memory.before = wired.memory.after = lambda _name: None
    work(wired)
    done = now(wired, job)
    assert (done.state, done.succeeded, done.refused) == (BulkState.DONE, 4, {})
    assert_each_replayed_once(wired, letters)
    assert len(audited(wired, "bulk.done")) == 1


@pytest.mark.parametrize("call", ["bulk.write_job", "replays.record_replay", "runs.get", "replays.list_letters"])
@pytest.mark.parametrize("after", range(3))
@pytest.mark.parametrize("action", BulkAction)
def test_two_ticks_at_once_do_and_count_everything_once(
    wired: Wired, action: BulkAction, call: str, after: int
) -> None:
    letters = some_letters(wired, 2 * BATCH + 3)
    job = start(wired, action)
    passed = 0

    def meet(name: str) -> None:
        nonlocal passed
        if name == call and (passed := passed + 1) == after + 1:
            work(wired, letters=BATCH // 2)

    wired.memory.before = meet
    work(wired)
    wired.memory.before = lambda _name: None
    work(wired)
    done = now(wired, job)
    assert (done.state, done.succeeded, done.refused) == (BulkState.DONE, len(letters), {})
    if action is BulkAction.REPLAY:
        assert_each_replayed_once(wired, letters)
    assert len(audited(wired, "bulk.done")) == 1


@pytest.mark.parametrize("number", [1, 50, BATCH, BATCH + 1, 2 * BATCH + 50])
def test_an_abort_is_heard_within_one_batch_and_what_was_done_is_told(wired: Wired, number: int) -> None:
    some_letters(wired, 5 * BATCH)
    job = start(wired)
    seen = 0

    def hear(name: str) -> None:
        nonlocal seen
        if name == "replays.record_replay" and (seen := seen + 1) == number:
            abort(wired, job)

    wired.memory.before = hear
    work(wired)
    aborted = now(wired, job)
    replayed = sum(children(wired).values())
    assert number <= replayed < number + BATCH
    assert (aborted.state, aborted.succeeded, aborted.batch) == (BulkState.ABORTED, replayed, ())
    assert wired.world.bulk.list_running(9) == []
    work(wired)
    assert sum(children(wired).values()) == replayed


def test_an_aborted_job_is_told_of_a_batch_once_where_two_ticks_worked_on_it(wired: Wired) -> None:
    some_letters(wired, 3)
    job = start(wired)
    batch_is_taken(wired)

    def hear(name: str) -> None:
        if name == "bulk.write_job":
            wired.memory.before = lambda _name: None
            work(wired, letters=2)
            abort(wired, job)

    wired.memory.before = hear
    work(wired)
    aborted = now(wired, job)
    assert (aborted.state, aborted.succeeded, aborted.batch) == (BulkState.ABORTED, 3, ())

"""Bulk jobs are counted, started and aborted by orders, and looked at; nothing else happens to a letter by that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.bulk import a_bulk_job, job_id
from tests.unit.services.letters import some_letters
from tests.unit.services.wired import TENANT, Wired
from workerflow.domain.bulk import BulkAction, BulkJob, BulkState, LetterFilter
from workerflow.domain.dead_letter import LetterState
from workerflow.domain.errors import OperationRepeatedError, StoreUnavailableError
from workerflow.domain.operation import OperationKey
from workerflow.domain.run import LetterClass
from workerflow.services import bulk_jobs
from workerflow.services.bulk_jobs import BulkJobOrder, BulkOrder, BulkRefused, ReadBulkJobs

ACTOR, ADDRESS = "ops (token 7)", "192.0.2.7"
KEY = OperationKey.of("a" * 12, "order-1", "default", "bulk")


def an_order(**changes: object) -> BulkOrder:
    order = BulkOrder(TENANT, BulkAction.REPLAY, LetterFilter(), "the provider is back", ACTOR, address=ADDRESS)
    return replace(order, **changes)  # type: ignore[arg-type]


def of(job: BulkJob, **changes: object) -> BulkJobOrder:
    return replace(BulkJobOrder(TENANT, job.job_id, ACTOR, ADDRESS), **changes)  # type: ignore[arg-type]


def started(wired: Wired) -> BulkJob:
    job = wired.start_bulk(of(wired.count_bulk(an_order())))
    assert isinstance(job, BulkJob)
    return job


# Counting.


def test_a_count_is_a_job_that_touches_no_letter(wired: Wired) -> None:
    some_letters(wired, 7)
    before = dict(wired.memory.letters)
    job = wired.count_bulk(an_order())
    assert (job.state, job.matched, job.is_exact, job.visited) == (BulkState.COUNTED, 7, True, 0)
    assert wired.memory.letters == before
    assert wired.memory.bulk_jobs == {(TENANT, job.job_id): job}
    assert wired.world.bulk.list_running(9) == []


@pytest.mark.parametrize(
    ("wanted", "matched"),
    [
        (LetterFilter(letter_class=LetterClass.PLATFORM), 2),
        (LetterFilter(source="route:ask"), 3),
        (LetterFilter(fingerprint="0" * 16), 1),
        (LetterFilter(letter_class=LetterClass.PLATFORM, source="route:ask"), 0),
        (LetterFilter(), 6),
    ],
)
def test_it_counts_what_fits_every_condition(wired: Wired, wanted: LetterFilter, matched: int) -> None:
    some_letters(wired, 2, letter_class=LetterClass.PLATFORM)
    some_letters(wired, 3, source="route:ask", letter_class=LetterClass.HANDLER_ERROR)
    some_letters(wired, 1, fingerprint="0" * 16, letter_class=LetterClass.HANDLER_ERROR)
    assert wired.count_bulk(an_order(filter=wanted)).matched == matched


def test_it_counts_what_failed_within_the_time(wired: Wired) -> None:
    letters = some_letters(wired, 5)
    times = [letter.failed_at_ms for letter in letters]
    job = wired.count_bulk(an_order(filter=LetterFilter(from_ms=times[1], until_ms=times[4])))
    assert job.matched == 3
    assert job.filter.until_ms == times[4]


def test_what_fails_later_is_not_meant(wired: Wired) -> None:
    some_letters(wired, 2)
    assert wired.count_bulk(an_order()).filter.until_ms == wired.clock.ms


def test_letters_that_are_not_open_or_have_expired_are_not_counted(wired: Wired) -> None:
    resolved, expired, other, _ = some_letters(wired, 4)
    wired.memory.letters[TENANT, resolved.trace_id] = replace(resolved, state=LetterState.RESOLVED)
    wired.memory.letters[TENANT, expired.trace_id] = replace(expired, expires_at_s=wired.clock.ms // 1000)
    wired.memory.letters["acme", other.trace_id] = replace(other, tenant="acme")
    assert wired.count_bulk(an_order()).matched == 2


@pytest.mark.parametrize(("number", "is_exact"), [(9, True), (14, False), (40, False)])
def test_a_count_ends_at_a_limit_and_says_that_there_is_more(
    wired: Wired, number: int, *, is_exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_jobs, "LETTERS_COUNTED", 10)
    monkeypatch.setattr(bulk_jobs, "PART", 2)
    some_letters(wired, number)
    job = wired.count_bulk(an_order())
    assert job.is_exact is is_exact
    assert (job.matched == number) if is_exact else (0 < job.matched <= 10)
    assert wired.memory.calls.count("replays.view_letters") <= 10


def test_a_count_that_meets_a_letter_that_cannot_be_read_is_a_lower_bound(wired: Wired) -> None:
    spoilt, *_ = some_letters(wired, 3)
    wired.memory.spoilt.add(("letters", TENANT, spoilt.trace_id))
    job = wired.count_bulk(an_order())
    assert (job.matched, job.is_exact) == (2, False)


def test_ids_of_jobs_sort_by_time(wired: Wired) -> None:
    jobs = []
    for _ in range(3):
        jobs.append(wired.count_bulk(an_order()))
        wired.clock.advance(0.001)
    assert [job.job_id for job in jobs] == sorted(job.job_id for job in jobs)
    assert {len(job.job_id) for job in jobs} == {len(job_id(1))}


def test_a_count_is_audited_with_what_it_found(wired: Wired) -> None:
    some_letters(wired, 3)
    job = wired.count_bulk(an_order(operation=KEY))
    [event] = [event for event in wired.memory.audit.values() if event.action == "bulk.counted"]
    assert (event.actor, event.address, event.target, event.reason) == (ACTOR, ADDRESS, job.job_id, job.reason)
    assert event.details == {"jobId": job.job_id, "action": "replay", "matched": "3", "isExact": "true"}
    found = wired.world.operations.find(TENANT, KEY, now_ms=wired.clock.ms)
    assert found is not None
    assert (found.action, found.target, found.details) == ("bulk.counted", job.job_id, event.details)


def test_the_same_count_with_the_same_key_is_kept_once(wired: Wired) -> None:
    wired.count_bulk(an_order(operation=KEY))
    with pytest.raises(OperationRepeatedError):
        wired.count_bulk(an_order(operation=KEY))
    assert len(wired.memory.bulk_jobs) == 1


# Starting and aborting.


def test_a_counted_job_is_started_once(wired: Wired) -> None:
    job = wired.count_bulk(an_order())
    wired.clock.advance(60)
    running = wired.start_bulk(of(job))
    assert running == wired.memory.bulk_jobs[TENANT, job.job_id]
    assert isinstance(running, BulkJob)
    assert (running.state, running.started_at_ms, running.version) == (BulkState.RUNNING, wired.clock.ms, 2)
    refused = wired.start_bulk(of(job))
    assert isinstance(refused, BulkRefused)
    assert refused.code == "not_startable"
    [event] = [event for event in wired.memory.audit.values() if event.action == "bulk.started"]
    assert event.details["before"] == "counted"
    assert event.details["jobId"] == job.job_id


@pytest.mark.parametrize("state", [BulkState.COUNTED, BulkState.RUNNING])
def test_a_job_that_has_not_ended_is_aborted(wired: Wired, state: BulkState) -> None:
    job = a_bulk_job(state=state, succeeded=4, refused={"disabled": 2})
    wired.memory.bulk_jobs[TENANT, job.job_id] = job
    aborted = wired.abort_bulk(of(job))
    assert isinstance(aborted, BulkJob)
    assert (aborted.state, aborted.ended_at_ms) == (BulkState.ABORTED, wired.clock.ms)
    assert wired.world.bulk.list_running(9) == []
    [event] = wired.memory.audit.values()
    assert event.action == "bulk.aborted"
    assert (event.details["before"], event.details["succeeded"], event.details["refused"]) == (state.value, "4", "2")


@pytest.mark.parametrize("state", [BulkState.DONE, BulkState.ABORTED])
def test_a_job_that_has_ended_is_neither_started_nor_aborted(wired: Wired, state: BulkState) -> None:
    job = a_bulk_job(state=state)
    wired.memory.bulk_jobs[TENANT, job.job_id] = job
    assert wired.start_bulk(of(job)) == BulkRefused("not_startable", f"the job is {state.value}; count anew")
    assert wired.abort_bulk(of(job)) == BulkRefused("not_abortable", f"the job is {state.value} already")
    assert wired.memory.audit == {}


def test_another_tenants_job_is_not_there(wired: Wired) -> None:
    job = wired.count_bulk(an_order())
    for refused in (wired.start_bulk(of(job, tenant="acme")), wired.abort_bulk(of(job, tenant="acme"))):
        assert isinstance(refused, BulkRefused)
        assert refused.code == "not_found"


def test_an_order_finds_its_way_past_the_progress_of_a_tick(wired: Wired) -> None:
    job = started(wired)

    def progress() -> None:
        now = wired.memory.bulk_jobs[TENANT, job.job_id]
        wired.memory.bulk_jobs[TENANT, job.job_id] = now.change(nonce="p", now_ms=wired.clock.ms, succeeded=1)

    wired.meanwhile("bulk.write_job", progress, times=3)
    aborted = wired.abort_bulk(of(job))
    assert isinstance(aborted, BulkJob)
    assert (aborted.state, aborted.succeeded) == (BulkState.ABORTED, 1)


def test_a_job_that_never_stands_still_is_unknown(wired: Wired) -> None:
    job = started(wired)

    def progress() -> None:
        now = wired.memory.bulk_jobs[TENANT, job.job_id]
        wired.memory.bulk_jobs[TENANT, job.job_id] = now.change(nonce="p", now_ms=wired.clock.ms)

    wired.meanwhile("bulk.write_job", progress, times=99)
    with pytest.raises(StoreUnavailableError):
        wired.abort_bulk(of(job))


@pytest.mark.parametrize("order", ["count", "start", "abort"])
def test_an_order_whose_answer_is_lost_is_unknown(wired: Wired, order: str) -> None:
    job = wired.count_bulk(an_order())
    wired.lose_answer("bulk.write_job")
    orders: dict[str, Callable[[], object]] = {
        "count": lambda: wired.count_bulk(an_order()),
        "start": lambda: wired.start_bulk(of(job)),
        "abort": lambda: wired.abort_bulk(of(job)),
    }
    with pytest.raises(StoreUnavailableError):
        orders[order]()


# Looking at them.


def test_jobs_are_listed_newest_first_a_page_at_a_time(wired: Wired) -> None:
    jobs = []
    for _ in range(5):
        jobs.append(wired.count_bulk(an_order()))
        wired.clock.advance(1)
    read = ReadBulkJobs(jobs=wired.world.bulk)
    first = read.list(TENANT, limit=2)
    assert first.jobs == [jobs[4], jobs[3]]
    second = read.list(TENANT, before=first.next_before, limit=3)
    assert second.jobs == [jobs[2], jobs[1], jobs[0]]
    assert second.next_before is None
    assert read.get(TENANT, jobs[2].job_id) == jobs[2]
    assert read.get("acme", jobs[2].job_id) is None

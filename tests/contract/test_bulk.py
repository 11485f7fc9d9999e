"""BulkStore and ErrorGroupStore: what both implementations promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.worlds import Ports
from tests.support.bulk import A_FULL_JOB, a_bulk_job, an_error_group, job_id
from tests.support.tasks import NOW_MS
from workerflow.domain.audit import AuditEvent
from workerflow.domain.bulk import BulkJob, BulkState
from workerflow.domain.errors import OperationRepeatedError, StoreUnavailableError
from workerflow.domain.operation import OperationKey
from workerflow.ports.error_groups import GROUPS_PER_WRITE
from workerflow.ports.stores import Conflict, Cursor, Newest, Seen, Written

JOB = a_bulk_job()
AUDIT = AuditEvent("default", NOW_MS, "1" * 16, "ops", "bulk.counted", JOB.job_id, "why", {"matched": "3"})
KEY = OperationKey.of("a" * 12, "order-1", "default", "bulk.started", JOB.job_id)
WALK = Cursor("default", 0, f"{NOW_MS:013d}#{'a' * 44}", 1, "1" * 16)
GROUP = an_error_group()


def _next(job: BulkJob, nonce: str = "2" * 16, **changes: object) -> BulkJob:
    return job.change(nonce=nonce, now_ms=job.updated_at_ms + 1, **changes)


def _audit(nonce: str = "2" * 16, **changes: str) -> AuditEvent:
    return replace(AUDIT, nonce=nonce, **changes)  # type: ignore[arg-type]  # texts


# Jobs.


@pytest.mark.parametrize("job", [JOB, replace(A_FULL_JOB, version=1)])
def test_a_job_is_read_back_whole_with_its_audit_row(world: Ports, job: BulkJob) -> None:
    assert world.bulk.get_job("default", job.job_id) is None
    assert world.bulk.write_job(job, AUDIT) == Written()
    assert world.bulk.get_job("default", job.job_id) == job
    assert world.audit_events() == [AUDIT]


def test_jobs_of_tenants_are_apart(world: Ports) -> None:
    world.bulk.write_job(JOB)
    assert world.bulk.get_job("another", JOB.job_id) is None
    assert world.bulk.list_jobs("another", before="", limit=9) == Newest([], None)
    assert world.bulk.list_jobs("defaul", before="", limit=9) == Newest([], None)


def test_jobs_are_told_newest_first_a_page_at_a_time(world: Ports) -> None:
    jobs = [a_bulk_job(number, job_id=job_id(9 - number, NOW_MS + number)) for number in range(5)]
    for job in (jobs[3], *jobs[:3], jobs[4]):
        world.bulk.write_job(job)
    ids = [job.job_id for job in jobs]
    assert world.bulk.list_jobs("default", before="", limit=2) == Newest([jobs[4], jobs[3]], ids[3])
    assert world.bulk.list_jobs("default", before=ids[3], limit=2) == Newest([jobs[2], jobs[1]], ids[1])
    assert world.bulk.list_jobs("default", before=ids[3], limit=3) == Newest([jobs[2], jobs[1], jobs[0]], None)
    assert world.bulk.list_jobs("default", before=ids[1], limit=2) == Newest([jobs[0]], None)
    assert world.bulk.list_jobs("default", before=ids[0], limit=2) == Newest([], None)
    assert world.bulk.list_jobs("default", before="", limit=5).next_before is None


def test_an_unreadable_job_hides_no_other(world: Ports) -> None:
    jobs = [a_bulk_job(number) for number in range(4)]
    for job in jobs:
        world.bulk.write_job(job)
    world.spoil(jobs[2])
    first = world.bulk.list_jobs("default", before="", limit=2)
    assert (first.entries, list(first.unreadable), first.next_before) == ([jobs[3]], [jobs[2].job_id], jobs[2].job_id)
    assert world.bulk.list_jobs("default", before=jobs[2].job_id, limit=2).entries == [jobs[1], jobs[0]]


def test_progress_is_written_on_the_version_that_was_read(world: Ports) -> None:
    first = _next(JOB, succeeded=1)
    world.bulk.write_job(JOB)
    assert world.bulk.write_job(first) == Written()
    assert world.bulk.write_job(_next(JOB, "3" * 16, succeeded=2)) == Conflict(first)
    assert world.bulk.write_job(replace(JOB, nonce="4" * 16)) == Conflict(first)
    assert world.bulk.get_job("default", JOB.job_id) == first


def test_a_later_version_of_no_job_conflicts_with_nothing(world: Ports) -> None:
    assert world.bulk.write_job(_next(JOB)) == Conflict(None)
    assert world.bulk.write_job(_next(JOB), AUDIT) == Conflict(None)
    assert world.audit_events() == []


def test_a_job_is_among_those_at_work_from_its_start_to_its_end(world: Ports) -> None:
    world.bulk.write_job(JOB, AUDIT)
    assert list(world.bulk.list_running(9)) == []
    running = _next(JOB, state=BulkState.RUNNING)
    world.bulk.write_job(running, _audit())
    assert list(world.bulk.list_running(9)) == [("default", JOB.job_id)]
    progress = _next(running, "3" * 16, succeeded=3)
    world.bulk.write_job(progress)
    assert list(world.bulk.list_running(9)) == [("default", JOB.job_id)]
    assert world.bulk.write_job(_next(progress, "4" * 16, state=BulkState.DONE), _audit("4" * 16)) == Written()
    assert list(world.bulk.list_running(9)) == []
    assert len(world.audit_events()) == 3


def test_a_counted_job_is_aborted_without_ever_having_been_at_work(world: Ports) -> None:
    world.bulk.write_job(JOB)
    assert world.bulk.write_job(_next(JOB, state=BulkState.ABORTED), AUDIT) == Written()
    assert list(world.bulk.list_running(9)) == []


def test_jobs_at_work_are_told_oldest_first_whosever_they_are(world: Ports) -> None:
    jobs = [
        a_bulk_job(number, tenant=tenant, state=BulkState.RUNNING)
        for number, tenant in ((3, "alpha"), (1, "zeta"), (2, "default"))
    ]
    for job in jobs:
        world.bulk.write_job(job, replace(AUDIT, tenant=job.tenant))
    told = [("zeta", job_id(1)), ("default", job_id(2)), ("alpha", job_id(3))]
    assert list(world.bulk.list_running(9)) == told
    assert list(world.bulk.list_running(2)) == told[:2]


def test_a_start_that_comes_too_late_leaves_no_trace(world: Ports) -> None:
    aborted = _next(JOB, state=BulkState.ABORTED)
    world.bulk.write_job(JOB)
    world.bulk.write_job(aborted, AUDIT)
    started = _next(JOB, "3" * 16, state=BulkState.RUNNING)
    assert world.bulk.write_job(started, replace(_audit("3" * 16), operation=KEY)) == Conflict(aborted)
    assert list(world.bulk.list_running(9)) == []
    assert world.audit_events() == [AUDIT]
    assert world.operations.find("default", KEY, now_ms=NOW_MS) is None


def test_of_two_starts_with_one_key_one_is_written(world: Ports) -> None:
    started = _next(JOB, state=BulkState.RUNNING)
    world.bulk.write_job(JOB)
    world.bulk.write_job(started, replace(_audit(), operation=KEY))
    again = _next(started, "3" * 16)
    with pytest.raises(OperationRepeatedError):
        world.bulk.write_job(again, replace(_audit("3" * 16), operation=KEY))
    assert world.bulk.get_job("default", JOB.job_id) == started


@pytest.mark.parametrize("audit", [None, AUDIT, replace(AUDIT, operation=KEY)])
def test_a_job_whose_answer_was_lost_is_found_to_be_our_own(world: Ports, audit: AuditEvent | None) -> None:
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.bulk.write_job(JOB, audit)
    assert world.bulk.write_job(JOB, audit) == Written()
    assert len(world.audit_events()) == (audit is not None)


# Error groups.


def test_groups_are_written_with_the_walks_cursor(world: Ports) -> None:
    assert world.error_groups.get_walk("default") is None
    assert world.error_groups.write_walk(WALK, [GROUP]) == Written()
    assert world.error_groups.get_walk("default") == WALK
    assert world.error_groups.get_groups("default", ["0" * 16, GROUP.fingerprint]) == Seen(
        {GROUP.fingerprint: GROUP}, {}
    )
    assert world.error_groups.get_walk("another") is None
    assert world.error_groups.get_groups("another", [GROUP.fingerprint]) == Seen({}, {})


def test_a_walk_that_was_overtaken_changes_no_group(world: Ports) -> None:
    world.error_groups.write_walk(WALK, [GROUP])
    other = replace(WALK, nonce="2" * 16)
    assert world.error_groups.write_walk(other, [replace(GROUP, count=9)]) == Conflict(WALK)
    assert world.error_groups.write_walk(replace(other, version=3), [replace(GROUP, count=9)]) == Conflict(WALK)
    assert world.error_groups.list_groups("default") == Seen({GROUP.fingerprint: GROUP}, {})


def test_a_later_walk_of_none_conflicts_with_nothing(world: Ports) -> None:
    assert world.error_groups.write_walk(replace(WALK, version=2), [GROUP]) == Conflict(None)
    assert world.error_groups.list_groups("default") == Seen({}, {})


def test_a_walk_goes_on_and_writes_groups_anew(world: Ports) -> None:
    world.error_groups.write_walk(WALK, [GROUP])
    grown, moved = replace(GROUP, count=4), replace(WALK, position="b", version=2, nonce="2" * 16)
    assert world.error_groups.write_walk(moved, [grown]) == Written()
    assert world.error_groups.get_walk("default") == moved
    assert world.error_groups.list_groups("default") == Seen({grown.fingerprint: grown}, {})


def test_a_walk_may_move_without_a_group_and_with_many(world: Ports) -> None:
    groups = [an_error_group(f"{number:016x}") for number in range(GROUPS_PER_WRITE)]
    assert world.error_groups.write_walk(WALK, []) == Written()
    assert world.error_groups.write_walk(replace(WALK, version=2, nonce="2" * 16), groups) == Written()
    found = world.error_groups.get_groups("default", [one.fingerprint for one in groups])
    assert len(found.readable) == GROUPS_PER_WRITE


def test_groups_of_tenants_are_apart(world: Ports) -> None:
    theirs = replace(GROUP, tenant="another")
    world.error_groups.write_walk(WALK, [GROUP])
    world.error_groups.write_walk(replace(WALK, tenant="another"), [theirs])
    assert world.error_groups.list_groups("default").readable == {GROUP.fingerprint: GROUP}
    assert world.error_groups.list_groups("another").readable == {GROUP.fingerprint: theirs}


def test_an_unreadable_group_hides_no_other_is_named_and_may_be_written_over(world: Ports) -> None:
    spoilt = an_error_group("0" * 16)
    world.error_groups.write_walk(WALK, [GROUP, spoilt])
    world.spoil(spoilt)
    for seen in (
        world.error_groups.list_groups("default"),
        world.error_groups.get_groups("default", [GROUP.fingerprint, spoilt.fingerprint]),
    ):
        assert seen.readable == {GROUP.fingerprint: GROUP}
        assert list(seen.unreadable) == [spoilt.fingerprint]
    world.error_groups.write_walk(replace(WALK, version=2, nonce="2" * 16), [spoilt])
    assert not world.error_groups.list_groups("default").unreadable


def test_a_walk_whose_answer_was_lost_is_found_to_be_our_own(world: Ports) -> None:
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.error_groups.write_walk(WALK, [GROUP])
    assert world.error_groups.write_walk(WALK, [GROUP]) == Written()


def test_groups_are_no_rollups(world: Ports) -> None:
    world.error_groups.write_walk(WALK, [GROUP])
    assert list(world.rollups.list_partials("default", from_ms=0, until_ms=NOW_MS * 2)) == []

"""Failed credentials are limited per source, for a while, in bounded memory."""

from __future__ import annotations

from workerflow.domain.failure_limit import (
    BURST,
    SECONDS_PER_FAILURE,
    SOURCES_KEPT,
    TENANT_BUCKETS,
    FailureLimit,
    failure_bucket,
)

NOW_MS = 1_764_000_000_000


def failed(times: int) -> FailureLimit:
    limit = FailureLimit()
    for _ in range(times):
        assert limit.wait_seconds("192.0.2.1", NOW_MS) == 0
        limit.record_failure("192.0.2.1", NOW_MS)
    return limit


def test_a_source_that_never_failed_need_not_wait() -> None:
    assert FailureLimit().wait_seconds("192.0.2.1", NOW_MS) == 0


def test_a_source_waits_after_a_burst_of_failures_and_others_do_not() -> None:
    limit = failed(BURST)
    assert limit.wait_seconds("192.0.2.1", NOW_MS) == SECONDS_PER_FAILURE
    assert limit.wait_seconds("192.0.2.2", NOW_MS) == 0


def test_after_the_wait_one_more_try_is_looked_at() -> None:
    limit = failed(BURST)
    later_ms = NOW_MS + SECONDS_PER_FAILURE * 1000
    assert limit.wait_seconds("192.0.2.1", later_ms - 1) == 1
    assert limit.wait_seconds("192.0.2.1", later_ms) == 0
    limit.record_failure("192.0.2.1", later_ms)
    assert limit.wait_seconds("192.0.2.1", later_ms) == SECONDS_PER_FAILURE


def test_the_past_is_forgiven() -> None:
    limit = failed(BURST)
    later_ms = NOW_MS + 10 * BURST * SECONDS_PER_FAILURE * 1000
    for _ in range(BURST):
        assert limit.wait_seconds("192.0.2.1", later_ms) == 0
        limit.record_failure("192.0.2.1", later_ms)
    assert limit.wait_seconds("192.0.2.1", later_ms) == SECONDS_PER_FAILURE


def test_memory_is_bounded_and_the_oldest_failure_is_forgotten_first() -> None:
    limit = failed(BURST)
    for number in range(SOURCES_KEPT):
        limit.record_failure(f"2001:db8::{number:x}", NOW_MS)
    assert len(limit._empty_at_ms) == SOURCES_KEPT
    assert limit.wait_seconds("192.0.2.1", NOW_MS) == 0


def test_failures_count_for_the_client_behind_the_address() -> None:
    assert failure_bucket("2001:db8:1:2::1", "default") == failure_bucket("2001:db8:1:2::2", "default")
    assert failure_bucket("2001:db8:1:2::1", "default") != failure_bucket("2001:db8:1:3::1", "default")
    assert failure_bucket("192.0.2.1", "default") != failure_bucket("192.0.2.2", "default")


def test_a_client_has_few_buckets_however_many_tenants_it_invents() -> None:
    buckets = {failure_bucket("192.0.2.1", f"tenant-{number}") for number in range(2000)}
    assert len(buckets) == TENANT_BUCKETS


def test_tenants_behind_one_address_seldom_share_a_bucket() -> None:
    assert failure_bucket("192.0.2.1", "acme") != failure_bucket("192.0.2.1", "globex")

"""RollupStore: what both implementations promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.worlds import Ports
from tests.support.tasks import NOW_MS
from tests.support.tenants import A_PARTIAL_COUNT, A_ROLLUP, QUARTER_MS
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.rollup import PartialCount, Rollup, Span

ROLLUP = A_ROLLUP
PARTIAL = A_PARTIAL_COUNT
START_MS = ROLLUP.start_ms


def _list(world: Ports, *, tenant: str = "acme", span: Span = Span.QUARTER, quarters: int = 1) -> list[Rollup]:
    until_ms = START_MS + quarters * QUARTER_MS
    return list(world.rollups.list_rollups(tenant, span, from_ms=START_MS, until_ms=until_ms))


@pytest.mark.parametrize("rollup", [ROLLUP, replace(ROLLUP, counts={}, durations={}), replace(ROLLUP, span=Span.DAY)])
def test_a_rollup_is_read_back_whole(world: Ports, rollup: Rollup) -> None:
    world.rollups.put_many([rollup])
    assert _list(world, span=rollup.span) == [rollup]


def test_counting_again_replaces_and_never_adds(world: Ports) -> None:
    again = replace(ROLLUP, counts={"succeeded": 13}, counted_at_ms=NOW_MS + 1)
    world.rollups.put_many([ROLLUP])
    world.rollups.put_many([again])
    assert _list(world) == [again]


def test_the_last_of_two_rollups_of_one_bucket_in_a_batch_stands(world: Ports) -> None:
    again = replace(ROLLUP, counts={"succeeded": 13})
    world.rollups.put_many([ROLLUP, again])
    assert _list(world) == [again]


def test_rollups_are_told_in_order_of_time_within_their_bounds(world: Ports) -> None:
    rollups = [
        replace(ROLLUP, start_ms=START_MS + number * QUARTER_MS, source=source)
        for number in range(-1, 3)
        for source in ("route:echo", "schedule:daily")
    ]
    world.rollups.put_many(rollups[::-1])
    assert _list(world, quarters=2) == rollups[2:6]
    assert _list(world, quarters=0) == []
    assert list(world.rollups.list_rollups("acme", Span.QUARTER, from_ms=0, until_ms=START_MS)) == rollups[:2]


def test_more_rollups_than_a_batch_takes_are_written(world: Ports) -> None:
    rollups = [replace(ROLLUP, source=f"route:r{number:02d}") for number in range(60)]
    world.rollups.put_many(rollups)
    assert _list(world) == rollups


def test_no_rollups_are_written_by_no_call(world: Ports) -> None:
    with world.refusing():
        world.rollups.put_many([])


def test_rollups_of_tenants_and_spans_are_apart(world: Ports) -> None:
    for tenant in ("acme", "acme-2"):
        for span in Span:
            world.rollups.put_many([replace(ROLLUP, tenant=tenant, span=span)])
    for tenant in ("acme", "acme-2"):
        for span in Span:
            assert _list(world, tenant=tenant, span=span) == [replace(ROLLUP, tenant=tenant, span=span)]
    assert _list(world, tenant="acm") == []


def test_rollups_whose_answer_was_lost_stand(world: Ports) -> None:
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.rollups.put_many([ROLLUP])
    assert _list(world) == [ROLLUP]


def _partials(world: Ports, *, tenant: str = "acme", quarters: int = 1) -> list[PartialCount]:
    until_ms = START_MS + quarters * QUARTER_MS
    return list(world.rollups.list_partials(tenant, from_ms=START_MS, until_ms=until_ms))


@pytest.mark.parametrize("partial", [PARTIAL, replace(PARTIAL, shard=0, position="", rollups=())])
def test_a_count_that_was_broken_off_is_read_back_whole(world: Ports, partial: PartialCount) -> None:
    world.rollups.keep_partial(partial)
    assert _partials(world) == [partial]


def test_it_stands_once_for_each_quarter_and_is_no_rollup(world: Ports) -> None:
    partials = [replace(PARTIAL, start_ms=START_MS + number * QUARTER_MS, rollups=()) for number in range(-1, 3)]
    for partial in [*partials[::-1], *partials]:
        world.rollups.keep_partial(partial)
    assert _partials(world, quarters=2) == partials[1:3]
    assert _partials(world, quarters=0) == []
    assert _list(world, quarters=4) == []


def test_counts_of_tenants_are_apart(world: Ports) -> None:
    world.rollups.keep_partial(PARTIAL)
    world.rollups.keep_partial(replace(PARTIAL, tenant="acme-2", rollups=()))
    assert _partials(world) == [PARTIAL]
    assert _partials(world, tenant="acm") == []


def test_a_count_whose_answer_was_lost_stands(world: Ports) -> None:
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.rollups.keep_partial(PARTIAL)
    assert _partials(world) == [PARTIAL]

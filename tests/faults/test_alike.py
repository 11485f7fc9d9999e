"""Kinds of failure that the histories leave out are like those that stand for them (histories.LIKE)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.flow import Flow
from tests.faults.flows import FLOWS
from tests.faults.histories import LIKE, Outcome, is_read, play
from tests.support.aws import AwsWorld
from tests.support.faults import Fault, Site
from tests.support.world import Story, moto_world

pytestmark = pytest.mark.slow

READING = ("async_success", "replay", "fire")
"""Flows whose reads are made to fail in the ways that are left out elsewhere: a call's, an operator's, a tick's."""


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsWorld]:
    with moto_world() as aws:
        yield aws


def sites_of(aws: AwsWorld, flow: Flow) -> tuple[Site, ...]:
    """Where a flow's calls come from when nothing fails."""
    world = flow.world(aws)
    play(world, flow)
    return tuple(call.site for call in world.line.calls)


def outcome(aws: AwsWorld, flow: Flow, number: int, fault: Fault | None) -> Outcome:
    """What comes out of a history, and that its fault struck."""
    world = flow.world(aws, Story(number, fault) if fault else Story())
    play(world, flow)
    assert fault is None or (world.struck is not None and world.struck.number == number)
    return Outcome.of(world)


def test_wherever_an_adapter_calls_throttling_is_to_the_core_as_a_call_that_never_arrived(aws: AwsWorld) -> None:
    places: dict[tuple[str, str], tuple[Flow, int]] = {}
    shortest_first = sorted(((sites_of(aws, flow), flow) for flow in FLOWS), key=lambda found: len(found[0]))
    for sites, flow in shortest_first:
        for number, site in enumerate(sites, 1):
            places.setdefault((site.operation, site.adapter), (flow, number))
    assert len(places) > 50
    stands_for = LIKE[Fault.THROTTLED]
    differ = [
        (place, flow.name, number)
        for place, (flow, number) in places.items()
        if outcome(aws, flow, number, Fault.THROTTLED) != outcome(aws, flow, number, stands_for)
    ]
    assert not differ


@pytest.mark.parametrize("flow", [flow for flow in FLOWS if flow.name in READING], ids=lambda flow: flow.name)
@pytest.mark.parametrize("fault", [Fault.DIES_AFTER, Fault.LOST])
def test_a_read_changes_nothing_whether_its_answer_came_or_not(aws: AwsWorld, flow: Flow, fault: Fault) -> None:
    reads = [number for number, site in enumerate(sites_of(aws, flow), 1) if is_read(site)]
    assert len(reads) > 3
    stands_for = LIKE[fault]
    differ = [number for number in reads if outcome(aws, flow, number, fault) != outcome(aws, flow, number, stands_for)]
    assert not differ

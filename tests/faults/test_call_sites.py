"""No place that calls AWS escapes the histories: what the source says is compared with what the flows pass through."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.call_sites import CallSite, Passage, adapter_sites, places_on_stack, service_sites
from tests.faults.flows import FLOWS
from tests.faults.histories import play
from tests.support.aws import AwsWorld
from tests.support.faults import Call, Fault
from tests.support.world import Story, moto_world

AFTER_A_FAULT = (("capped_with_a_place", "DynamoSlots.take", Fault.SILENT),)
"""Flow, adapter and fault: what is called only where that call failed."""


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsWorld]:
    with moto_world() as aws:
        yield aws


@pytest.fixture(scope="module")
def passages(aws: AwsWorld) -> set[Passage]:
    """Every call of every flow, when nothing fails. The calls of the faulty histories are these and more."""
    found: set[Passage] = set()

    def watch(call: Call) -> None:
        found.add(Passage(call.operation, places_on_stack()))

    for flow in FLOWS:
        play(flow.world(aws, watch=watch), flow)
    for name, adapter, fault in AFTER_A_FAULT:
        [flow] = [flow for flow in FLOWS if flow.name == name]
        world = flow.world(aws)
        play(world, flow)
        number = next(call.number for call in world.line.calls if call.site.adapter == adapter)
        play(flow.world(aws, Story(number, fault), watch), flow)
    return found


def test_the_source_is_read() -> None:
    callees = {site.callee for site in adapter_sites() | service_sites()}
    assert {
        "put_item",
        "transact_write_items",
        "invoke",
        "runs.write",
        "deliveries.return_after",
        "blobs.put",
    } <= callees


@pytest.mark.slow
@pytest.mark.parametrize("sites", [adapter_sites(), service_sites()], ids=["adapters", "services"])
def test_every_place_that_calls_aws_is_made_to_fail(sites: set[CallSite], passages: set[Passage]) -> None:
    missed = [str(site) for site in sorted(sites) if not any(one.went_through(site) for one in passages)]
    assert not missed, "no flow passes through:\n" + "\n".join(missed)

"""Every AWS call of every flow fails in every way, one at a time, on the real adapters with moto.

A flow is played once without faults, which tells its calls; then once more for each call and each kind of fault. After
the fault the world goes on until it is at rest, and every promise is checked. The number of histories is printed at the
end of the run. Of a tick's looks into empty shards the first stands for those that follow it (histories._alike), and
of faults that differ in nothing one stands for the others (histories.LIKE); `pytest tests/faults --every-call` plays
them all.

    PYTHONPATH=.:layers/core/python python -m tests.faults.one_history FLOW NUMBER FAULT     plays one, and tells it
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.faults.flow import Flow
from tests.faults.flows import FLOWS
from tests.faults.histories import fault_free, history_with
from tests.support.aws import AwsWorld
from tests.support.world import moto_world


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsWorld]:
    with moto_world() as aws:
        yield aws


@pytest.mark.slow
@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_every_call_of_a_flow_may_fail_in_every_way(
    aws: AwsWorld, flow: Flow, record_property: Callable[[str, object], None], request: pytest.FixtureRequest
) -> None:
    baseline = fault_free(aws, flow)
    stories = list(baseline.stories(every_call=request.config.getoption("--every-call", default=False)))
    broken = [
        f"{story.fault} at call {story.number}, {baseline.sites[story.number - 1]}: {found}"
        for story in stories
        if (found := history_with(aws, flow, story, baseline))
    ]
    record_property("histories", 1 + len(stories))
    assert not broken, "\n".join(broken[:20])

"""Every AWS call of every flow fails in every way, one at a time, on the real adapters with moto.

A flow is played once without faults, which tells its calls; then once more for each call and each kind of fault. After
the fault the world goes on until it is at rest, and every promise is checked. The number of histories is printed at the
end of the run.

    PYTHONPATH=.:layers/core/python python -m tests.faults.one_history FLOW NUMBER FAULT     plays one, and tells it
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.faults.flows import FLOWS, Flow
from tests.faults.histories import fault_free, history_with, kinds_of
from tests.support.aws import AwsWorld
from tests.support.world import Story, moto_world


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsWorld]:
    with moto_world() as aws:
        yield aws


@pytest.mark.slow
@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_every_call_of_a_flow_may_fail_in_every_way(
    aws: AwsWorld, flow: Flow, record_property: Callable[[str, object], None]
) -> None:
    baseline = fault_free(aws, flow)
    stories = [(Story(number, kind), site) for number, site in enumerate(baseline.sites, 1) for kind in kinds_of(site)]
    broken = [
        f"{story.fault} at call {story.number}, {site}: {found}"
        for story, site in stories
        if (found := history_with(aws, flow, story, baseline))
    ]
    record_property("histories", 1 + len(stories))
    assert not broken, "\n".join(broken[:20])

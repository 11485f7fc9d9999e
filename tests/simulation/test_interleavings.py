"""Random interleavings of deliveries, ticks, deaths and orders: in memory, and the same seeds on the adapters."""

from __future__ import annotations

import pytest

from tests.simulation.history import History, Stores, stores_in_memory
from tests.support.aws import aws_world

HISTORIES = 10_000
CHUNKS = 10
COMPARED = 300
COMPARED_CHUNKS = 6


def seeds(chunk: int, chunks: int, total: int) -> range:
    return range(chunk * total // chunks, (chunk + 1) * total // chunks)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_whatever_the_order_the_promise_holds(chunk: int) -> None:
    for seed in seeds(chunk, CHUNKS, HISTORIES):
        try:
            History(seed, stores_in_memory()).play()
        except AssertionError as broken:
            pytest.fail(f"seed {seed}: {broken}")


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(COMPARED_CHUNKS))
def test_the_adapters_tell_the_same_stories(chunk: int) -> None:
    for seed in seeds(chunk, COMPARED_CHUNKS, COMPARED):
        with aws_world() as world:
            on_aws = History(seed, Stores.of(world)).play()
        assert on_aws == History(seed, stores_in_memory()).play(), f"seed {seed}"


def test_histories_of_every_kind_are_among_them() -> None:
    """A simulation in which nothing goes wrong proves nothing: ends, retries and deaths must all occur."""
    stories = [History(seed, stores_in_memory()).play() for seed in range(200)]
    ends = {(story.run.state.value, story.run.letter_class) for story in stories}
    assert {"succeeded", "failed", "cancelled"} <= {state for state, _ in ends}
    assert len(ends) >= 4
    assert {True, False} == {"parked" in story.states_written for story in stories}
    results = {attempt.result for story in stories for attempt in story.run.history}
    assert {"succeeded", "permanent", "retryable", "crash", "cancelled"} <= {result.value for result in results}
    orders = {(story.answers[:1], story.run.state.value) for story in stories}
    assert {(("cancelled",), "cancelled"), (("cancelling",), "cancelled"), (("cancelling",), "succeeded")} <= orders
    assert any(len(story.answers) > 1 for story in stories)

"""A walk over the shards hands out what can be read, newest first, and goes on where it stopped, whatever it met."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.identity import SHARDS
from workerflow.ports.stores import Newest
from workerflow.services.newest_first import NewestFirst

BEFORE_ALL = "9999"


class Shards:
    """An index: names that say which shard they are of, and some that cannot be read."""

    def __init__(self, names: Sequence[str], unreadable: frozenset[str]) -> None:
        self.names, self.unreadable = names, unreadable
        self.asked = 0

    def read(self, shard: int, before: str, limit: int) -> Newest[str]:
        self.asked += limit
        own = sorted((name for name in self.names if int(name) % SHARDS == shard and name < before), reverse=True)
        part = own[:limit]
        readable = [name for name in part if name not in self.unreadable]
        unreadable = {name: "spoilt" for name in part if name in self.unreadable}
        return Newest(readable, part[-1] if len(own) > len(part) else None, unreadable)

    def walk(self, before: str, *, part: int, entries: int) -> NewestFirst[str]:
        self.asked = 0
        return NewestFirst(self.read, lambda name: name, before=before, part=part, entries=entries)


NAMES = st.sets(st.integers(0, 300).map("{:04d}".format), max_size=60)


@given(NAMES, st.sets(st.integers(0, 300).map("{:04d}".format)), st.integers(1, 9), st.integers(4, 40))
def test_walks_one_after_another_tell_everything_once_and_in_order(
    names: set[str], unreadable: set[str], part: int, entries: int
) -> None:
    shards = Shards(sorted(names), frozenset(unreadable))
    told: list[str] = []
    passed: set[str] = set()
    before, is_over = BEFORE_ALL, False
    while not is_over:
        walk = shards.walk(before, part=part, entries=max(entries, SHARDS * part))
        told += list(walk)
        passed |= walk.unreadable.keys()
        assert shards.asked <= max(entries, SHARDS * part) + SHARDS * part
        assert walk.is_over or walk.position < before
        before, is_over = walk.position, walk.is_over
    assert told == sorted(names - unreadable, reverse=True)
    assert passed == names & unreadable


@given(NAMES, st.integers(1, 9), st.integers(0, 20))
def test_a_walk_that_is_left_early_is_gone_on_with_behind_what_it_handed_out(
    names: set[str], part: int, number: int
) -> None:
    shards = Shards(sorted(names), frozenset())
    walk = shards.walk(BEFORE_ALL, part=part, entries=1_000)
    first = list(islice(walk, number))
    rest = list(shards.walk(walk.position, part=part, entries=1_000))
    assert [*first, *rest] == sorted(names, reverse=True)


def test_nothing_is_read_before_somebody_looks() -> None:
    shards = Shards(["0001"], frozenset())
    walk = shards.walk(BEFORE_ALL, part=2, entries=100)
    assert (shards.asked, walk.is_over, walk.position) == (0, False, BEFORE_ALL)


def test_no_more_is_read_than_what_is_handed_out_needs() -> None:
    shards = Shards([f"{number:04d}" for number in range(100)], frozenset())
    walk = iter(shards.walk(BEFORE_ALL, part=5, entries=100))
    assert [next(walk) for _ in range(20)] == [f"{number:04d}" for number in range(99, 79, -1)]
    assert shards.asked == 20 + 3 * 5  # whether a shard that is used up has the next one, only its next part tells

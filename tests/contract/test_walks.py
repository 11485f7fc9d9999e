"""Whoever walks over an index meets each entry once and comes to the end, whatever stands in some of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from random import Random

import pytest

from tests.contract.worlds import Ports
from tests.support.aws import aws_world, physical
from tests.support.quick_moto import put_item
from tests.support.runs import a_run, failed, letter_of
from tests.support.tasks import NOW_MS, an_acceptance
from workerflow.adapters.dynamodb.attributes import Item
from workerflow.adapters.dynamodb.items import acceptance as codec
from workerflow.domain.dead_letter import DeadLetter, letter_position
from workerflow.domain.errors import IntegrityError
from workerflow.domain.identity import SHARDS, first_trace_id_at, shard_of
from workerflow.ports.stores import Oldest
from workerflow.tables import IDEMPOTENCY_KEYS

ROUNDS = [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))]


@pytest.mark.parametrize("seed", ROUNDS)
def test_a_walk_over_accepted_tasks_meets_each_of_them_once(world: Ports, seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - chance, not a secret
    tasks = [an_acceptance(f"key-{number}", accepted_at_ms=NOW_MS + chance.randrange(9)) for number in range(24)]
    spoilt = chance.sample(tasks, chance.choice([0, 3, 20]))
    for task in tasks:
        world.acceptances.put(task, now_ms=NOW_MS)
    for task in spoilt:
        world.spoil(task)
    for shard in range(SHARDS):
        own = [one.trace_id for one in tasks if shard_of(one.trace_id) == shard]
        after, until = _bounds(chance, own, "", first_trace_id_at(NOW_MS * 2))
        limit = chance.randrange(1, 7)

        def page(after: str, shard: int = shard, until: str = until, limit: int = limit) -> Oldest[str]:
            found = world.acceptances.list_accepted("default", shard, after=after, until=until, limit=limit)
            return _named(found, attrgetter("trace_id"))

        _expect_all(page, after, limit, _between(own, after, until), {one.trace_id for one in spoilt})


@pytest.mark.parametrize("open_only", [False, True])
@pytest.mark.parametrize("seed", ROUNDS)
def test_a_walk_over_the_letters_of_all_shards_does_so_too(world: Ports, seed: int, open_only: bool) -> None:
    chance = Random(seed)  # noqa: S311 - chance, not a secret
    letters = [_fail(world, f"key-{number}", NOW_MS + chance.randrange(9)) for number in range(24)]
    spoilt = chance.sample(letters, chance.choice([0, 3, 20]))
    for letter in spoilt:
        world.spoil(letter)
    after, until = _bounds(chance, map(_position, letters), letter_position(0), letter_position(NOW_MS * 2))
    limit = chance.randrange(1, 12)

    def page(after: str) -> Oldest[str]:
        found = world.replays.list_letters("default", open_only=open_only, after=after, until=until, limit=limit)
        return _named(found, attrgetter("position"))

    meant = _between(map(_position, letters), after, until)
    _expect_all(page, after, limit, meant, set(map(_position, spoilt)))


def _bounds(chance: Random, names: Iterable[str], least: str, most: str) -> tuple[str, str]:
    """Two of the names, or what is beyond all of them."""
    after, until = sorted(chance.sample([least, *names, most], 2))
    return after, until


def _between(names: Iterable[str], after: str, until: str) -> list[str]:
    return [name for name in names if after < name < until]


def _named[T](page: Oldest[T], name: Callable[[T], str]) -> Oldest[str]:
    return Oldest([name(entry) for entry in page.entries], page.position, page.is_over, page.unreadable)


def _expect_all(
    page: Callable[[str], Oldest[str]], after: str, limit: int, meant: Iterable[str], spoilt: set[str]
) -> None:
    """Page by page, to the end: each once and in order, and those that cannot be read by their places."""
    in_order = sorted(meant)
    told: list[str] = []
    passed: list[str] = []
    is_over = False
    while not is_over:
        found = page(after)
        expected, in_order = in_order[:limit], in_order[limit:]
        assert (found.size, found.position) == (len(expected), expected[-1] if expected else after)
        assert sorted([*found.entries, *found.unreadable]) == expected
        told += found.entries
        passed += found.unreadable
        after, is_over = found.position, found.is_over
        assert is_over is not bool(in_order)
    assert told == sorted(told)
    assert spoilt.isdisjoint(told)
    assert spoilt.issuperset(passed)


def _position(letter: DeadLetter) -> str:
    return letter_position(letter.failed_at_ms, letter.trace_id)


def _fail(world: Ports, key: str, failed_at_ms: int) -> DeadLetter:
    acceptance = an_acceptance(key)
    run = a_run(acceptance)
    ended = failed(run, finished_at_ms=failed_at_ms)
    letter = letter_of(ended, acceptance)
    world.runs.write(run)
    world.runs.write(ended, letter=letter)
    return letter


@pytest.mark.parametrize("change", [{"trace_id": f"{NOW_MS:012x}soon"}, {"trace_id": first_trace_id_at(NOW_MS)}])
def test_a_task_under_a_name_that_does_not_lead_back_to_it_is_passed(change: Item) -> None:
    """Whoever would ask for its time or its shard, or send it, would end at it, every minute."""
    with aws_world() as world:
        good = an_acceptance("good", accepted_at_ms=NOW_MS + 5)
        odd = codec.to_item(an_acceptance("odd")) | {"tenant_shard": f"default#{shard_of(good.trace_id):02x}"} | change
        world.acceptances.put(good, now_ms=NOW_MS)
        put_item(physical(IDEMPOTENCY_KEYS), odd)
        shard, until = shard_of(good.trace_id), first_trace_id_at(NOW_MS * 2)
        found = world.acceptances.list_accepted("default", shard, after="", until=until, limit=9)
        assert [task.trace_id for task in found.entries] == [good.trace_id]
        assert list(found.unreadable) == [odd["trace_id"]]


def test_nor_is_a_task_of_such_a_name_read() -> None:
    with aws_world() as world:
        task = an_acceptance()
        put_item(physical(IDEMPOTENCY_KEYS), codec.to_item(task) | {"trace_id": "soon"})
        with pytest.raises(IntegrityError):
            world.acceptances.get(task.tenant, task.key_hash)

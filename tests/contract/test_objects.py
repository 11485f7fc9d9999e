"""ObjectStore: what both implementations promise."""

from __future__ import annotations

import pytest

from tests.contract.worlds import Ports
from workerflow.domain.errors import StoreUnavailableError


def names(world: Ports, prefix: str = "default/", *, after: str = "", limit: int = 1000) -> list[str]:
    return [found.pointer for found in world.objects.list_objects(prefix, after=after, limit=limit)]


def test_an_object_is_found_by_its_name(world: Ports) -> None:
    world.objects.put("default/a", b"one")
    world.objects.put("default/a", b"two")
    assert world.objects.find("default/a") == b"two"
    assert world.objects.find("default/b") is None


def test_objects_are_listed_by_prefix_in_order_page_by_page(world: Ports) -> None:
    for name in ("default/c", "default/a", "default/b", "default-2/a", "another/a"):
        world.objects.put(name, b"")
    assert names(world) == ["default/a", "default/b", "default/c"]
    assert names(world, limit=2) == ["default/a", "default/b"]
    assert names(world, after="default/b", limit=2) == ["default/c"]
    assert names(world, after="default/c") == []


def test_a_listed_object_tells_when_it_was_written(world: Ports) -> None:
    world.objects.put("default/a", b"")
    [found] = world.objects.list_objects("default/", after="", limit=1)
    assert found.modified_at_ms > 1_700_000_000_000


def test_objects_are_deleted_also_when_they_are_gone(world: Ports) -> None:
    for name in ("default/a", "default/b"):
        world.objects.put(name, b"")
    world.objects.delete_many(["default/a", "default/gone"])
    world.objects.delete_many([])
    assert names(world) == ["default/b"]


def test_a_store_that_does_not_answer_is_asked_again(world: Ports) -> None:
    with world.refusing():
        for call in (
            lambda: world.objects.find("default/a"),
            lambda: world.objects.put("default/a", b""),
            lambda: world.objects.list_objects("default/", after="", limit=1),
            lambda: world.objects.delete_many(["default/a"]),
        ):
            with pytest.raises(StoreUnavailableError):
                call()

"""Read items one by one, so that one that no code of ours wrote hides no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from workerflow.adapters.dynamodb.attributes import Item
from workerflow.domain.errors import IntegrityError
from workerflow.ports.stores import Seen


def in_order[T](items: Iterable[Item], read: Callable[[Item], T], place: str) -> tuple[list[T], dict[str, str]]:
    """What `read` makes of the items, and why it cannot of the others, by their attribute `place`."""
    readable: list[T] = []
    unreadable: dict[str, str] = {}
    for item in items:
        try:
            readable.append(read(item))
        except IntegrityError as error:
            unreadable[str(item[place])] = str(error)
    return readable, unreadable


def seen[K, T](items: Iterable[Item], read: Callable[[Item], T], key: Callable[[Item], K]) -> Seen[K, T]:
    """What `read` makes of the items, by `key`, which needs no more of an item than its own key."""
    readable: dict[K, T] = {}
    unreadable: dict[K, str] = {}
    for item in items:
        try:
            readable[key(item)] = read(item)
        except IntegrityError as error:
            unreadable[key(item)] = str(error)
    return Seen(readable, unreadable)

"""Walk over a sharded index from its newest entry back: the shards are merged, and no more of them is read than needed.

    shard 0   9 6 5 | 1          parts of a few entries each; the next part of a shard is read
    shard 1   8 | 7 2            when its turn has come and nothing of it is left
    merged    9 8 7 6 5 2 1

A walk is stable while newer entries arrive: it goes on before the last one that was seen, and what is newer is behind.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from workerflow.domain.identity import SHARDS
from workerflow.ports.stores import Newest

ENTRIES_READ = 400
"""Of an index, for one page: 86 KB at most times, which are 11 read units."""


@dataclass(slots=True)
class _Shard[T]:
    """What was read of a shard and not merged yet. `before` is where the next part begins; None: nothing is left."""

    number: int
    before: str | None
    entries: deque[T] = field(default_factory=deque)

    @property
    def is_unknown(self) -> bool:
        """Whether its newest entry is in a part that was not read yet."""
        return not self.entries and self.before is not None


class NewestFirst[T]:
    """One walk, to be iterated over once.

    Attributes:
        position: everything from there up was handed out, or cannot be read; where the walk began, to begin with.
        is_over: there is nothing older; False as long as nobody looked.
        unreadable: why entries that were read, and not handed out, cannot be read, by their positions.
    """

    def __init__(
        self,
        read: Callable[[int, str, int], Newest[T]],
        position_of: Callable[[T], str],
        *,
        before: str,
        part: int,
        entries: int = ENTRIES_READ,
    ) -> None:
        """Begin a walk; nothing is read yet.

        Args:
            read: a part of a shard: its number, where to begin (exclusive), and how many entries at most.
            position_of: an entry's place in the index.
            before: where to begin, exclusive.
            part: how many entries of a shard are read at once.
            entries: no more are read in all.
        """
        self._read = read
        self._position_of = position_of
        self._part = part
        self._left = entries
        self._shards = [_Shard[T](number, before) for number in range(SHARDS)]
        self.position = before
        self.is_over = False
        self.unreadable: dict[str, str] = {}

    def __iter__(self) -> Iterator[T]:
        """The entries, newest first; ends early when as many were read as may be (`is_over` is False then)."""
        while True:
            newest = max((shard for shard in self._shards if shard.entries), key=self._head, default=None)
            unread = max((shard for shard in self._shards if shard.is_unknown), key=_begin_of, default=None)
            if unread is not None and (newest is None or self._head(newest) < _begin_of(unread)):
                if self._left <= 0:
                    self.position = _begin_of(unread)
                    return
                self._read_part(unread)
            elif newest is None:
                self.is_over = True
                return
            else:
                self.position = self._head(newest)
                yield newest.entries.popleft()

    def _head(self, shard: _Shard[T]) -> str:
        return self._position_of(shard.entries[0])

    def _read_part(self, shard: _Shard[T]) -> None:
        wanted = min(self._part, self._left)
        found = self._read(shard.number, _begin_of(shard), wanted)
        self._left -= len(found.entries) + len(found.unreadable)
        self.unreadable |= found.unreadable
        shard.entries.extend(found.entries)
        shard.before = found.next_before


def _begin_of(shard: _Shard[Any]) -> str:
    """Where a shard's next part begins."""
    return shard.before or ""


def part_of(limit: int) -> int:
    """How many entries of a shard are read at once for a page of `limit`: what it needs of each, and a few more."""
    return limit // SHARDS + 4

"""List a tenant's dead letters, newest first: all, or those that are open.

Everything that can be filtered is in the index, so that no letter is read. A page of a rare kind may be short, because
no more entries are looked at than ENTRIES_READ; it says how far it searched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter

from workerflow.domain.bulk import LetterFilter
from workerflow.ports.stores import LetterEntry, ReplayStore
from workerflow.ports.world import Clock
from workerflow.services.newest_first import ENTRIES_READ, NewestFirst, part_of


@dataclass(frozen=True, slots=True)
class LetterPage:
    """A page of dead letters.

    Attributes:
        letters: newest failure first.
        next_before: where the next page begins; None at the end.
        searched_back_to_ms: everything that failed later was looked at; None: everything was, to the end.
    """

    letters: Sequence[LetterEntry]
    next_before: str | None
    searched_back_to_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLetters:
    """Reads a page from the index of dead letters, or from that of the open ones."""

    replays: ReplayStore
    clock: Clock

    def __call__(
        self, tenant: str, wanted: LetterFilter, *, open_only: bool, before: str | None = None, limit: int = 50
    ) -> LetterPage:
        """A page of a tenant's dead letters.

        Args:
            tenant: whose.
            wanted: which.
            open_only: leave out those that were replayed or resolved.
            before: `next_before` of the page before; None for the first page.
            limit: 1 to 100; a page with a filter may hold fewer although there are more.

        Raises:
            StoreUnavailableError: ask again.
        """
        walk = NewestFirst(
            lambda shard, before, limit: self.replays.view_letters(
                tenant, shard, open_only=open_only, since=wanted.after, before=before, limit=limit
            ),
            attrgetter("position"),
            before=min(wanted.until, before or wanted.until),
            part=ENTRIES_READ // 8 if _leaves_out(wanted) else part_of(limit),
        )
        now_s = self.clock.now_ms() // 1000
        letters = (
            one
            for one in walk
            if one.expires_at_s > now_s and wanted.fits(one.letter_class, one.source, one.fingerprint)
        )
        found = list(islice(letters, limit))
        last = walk.position
        if next(letters, None) is None and walk.is_over:
            return LetterPage(found, None, None)
        last = last if len(found) == limit else walk.position
        return LetterPage(found, last, _time_of(last))


def _leaves_out(wanted: LetterFilter) -> bool:
    """Whether letters within the time are left out."""
    return (wanted.letter_class, wanted.source, wanted.fingerprint) != (None, None, None)


def _time_of(position: str) -> int:
    return int(position.partition("#")[0])

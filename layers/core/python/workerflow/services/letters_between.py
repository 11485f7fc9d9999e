"""Dead letters in order of time, read a page at a time, as many as somebody takes."""

from __future__ import annotations

from collections.abc import Iterator

from workerflow.ports.stores import LetterEntry, ReplayStore

PAGE = 500


def letters_between(
    replays: ReplayStore, tenant: str, *, open_only: bool, after: str, until: str, limit: int
) -> Iterator[LetterEntry]:
    """At most `limit` letters with `after` < position < `until`, oldest first.

    Raises:
        StoreUnavailableError: ask again.
    """
    while limit > 0:
        page_limit = min(PAGE, limit)
        page = replays.list_letters(tenant, open_only=open_only, after=after, until=until, limit=page_limit)
        yield from page
        if len(page) < page_limit:
            return
        limit -= len(page)
        after = page[-1].position

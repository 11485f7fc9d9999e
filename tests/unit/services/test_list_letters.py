"""Dead letters are listed newest failure first, all or the open ones, and nothing but the index is read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.services.letters import a_letter, some_letters
from tests.unit.services.reading import Reading
from tests.unit.services.wired import TENANT, Wired
from workerflow.domain.bulk import LetterFilter
from workerflow.domain.dead_letter import DeadLetter, LetterState
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.run import LetterClass
from workerflow.services.list_letters import LetterPage
from workerflow.services.newest_first import ENTRIES_READ

ALL = LetterFilter()


def page_of(
    wired: Wired,
    wanted: LetterFilter = ALL,
    *,
    open_only: bool = True,
    before: str | None = None,
    limit: int = 50,
    tenant: str = TENANT,
) -> LetterPage:
    return Reading(wired).list_letters(tenant, wanted, open_only=open_only, before=before, limit=limit)


def ids(page: LetterPage) -> list[str]:
    return [entry.trace_id for entry in page.letters]


def names(letters: list[DeadLetter]) -> list[str]:
    """Newest first, as they are made oldest first."""
    return [letter.trace_id for letter in letters[::-1]]


def test_pages_tell_every_letter_once_newest_first(wired: Wired) -> None:
    letters = some_letters(wired, 25)
    told, before = [], None
    while True:
        page = page_of(wired, before=before, limit=10)
        told += ids(page)
        some_letters(wired, 3)
        before = page.next_before
        if before is None:
            break
    assert told == names(letters)
    assert page.searched_back_to_ms is None


def test_a_full_page_tells_how_far_it_searched(wired: Wired) -> None:
    letters = some_letters(wired, 11)
    page = page_of(wired, limit=10)
    assert page.next_before == page.letters[-1].position
    assert page.searched_back_to_ms == letters[1].failed_at_ms
    assert page_of(wired, limit=11).next_before is None


def test_there_may_be_none(wired: Wired) -> None:
    a_letter(wired, "other", tenant="acme")
    assert page_of(wired) == LetterPage([], None, None)
    assert len(page_of(wired, tenant="acme").letters) == 1


@pytest.mark.parametrize("state", [LetterState.REPLAYED, LetterState.RESOLVED])
def test_those_that_are_dealt_with_are_told_on_demand_with_their_state(wired: Wired, state: LetterState) -> None:
    dealt_with = a_letter(wired, "one", state=state)
    waiting = a_letter(wired, "two")
    assert ids(page_of(wired)) == [waiting.trace_id]
    states = {entry.trace_id: entry.state for entry in page_of(wired, open_only=False).letters}
    assert states == {dealt_with.trace_id: state, waiting.trace_id: LetterState.OPEN}


def test_a_forgotten_letter_is_not_told_although_its_item_is_there(wired: Wired) -> None:
    a_letter(wired, "gone", expires_at_s=wired.clock.ms // 1000)
    kept = a_letter(wired, "kept")
    assert ids(page_of(wired)) == [kept.trace_id]


def test_every_condition_of_a_filter_counts(wired: Wired) -> None:
    start_ms = wired.clock.ms
    wanted = a_letter(wired, "wanted", letter_class=LetterClass.TIMEOUT, source="route:ask", fingerprint="f" * 16)
    a_letter(wired, "class", letter_class=LetterClass.CRASH, source="route:ask", fingerprint="f" * 16)
    a_letter(wired, "source", letter_class=LetterClass.TIMEOUT, source="route:echo", fingerprint="f" * 16)
    a_letter(wired, "group", letter_class=LetterClass.TIMEOUT, source="route:ask", fingerprint="0" * 16)
    wired.clock.advance(1)
    a_letter(wired, "late", letter_class=LetterClass.TIMEOUT, source="route:ask", fingerprint="f" * 16)
    found = LetterFilter(LetterClass.TIMEOUT, "route:ask", "f" * 16, from_ms=start_ms, until_ms=wired.clock.ms)
    assert ids(page_of(wired, found)) == [wanted.trace_id]
    assert page_of(wired, replace(found, from_ms=start_ms + 1)).letters == []


def test_a_page_of_what_is_rare_is_short_and_says_how_far_it_searched(wired: Wired) -> None:
    rare = a_letter(wired, "rare", fingerprint="f" * 16)
    wired.clock.advance(1)
    some_letters(wired, ENTRIES_READ + 50)
    page = page_of(wired, LetterFilter(fingerprint="f" * 16))
    assert page.letters == []
    assert page.next_before is not None
    assert page.searched_back_to_ms == int(page.next_before.partition("#")[0])
    assert ids(page_of(wired, LetterFilter(fingerprint="f" * 16), before=page.next_before)) == [rare.trace_id]


def test_a_letter_that_cannot_be_read_hides_no_other(wired: Wired) -> None:
    letters = some_letters(wired, 9)
    wired.memory.spoilt.add(("letters", TENANT, letters[4].trace_id))
    assert ids(page_of(wired)) == names(letters[:4] + letters[5:])


def test_nothing_but_the_index_is_read(wired: Wired) -> None:
    some_letters(wired, 5)
    wired.memory.calls.clear()
    page_of(wired)
    assert set(wired.memory.calls) == {"replays.view_letters"}


def test_a_store_that_does_not_answer_is_not_an_empty_page(wired: Wired) -> None:
    wired.refuse("replays.view_letters")
    with pytest.raises(StoreUnavailableError):
        page_of(wired)

"""Tasks are listed newest first, page by page, whatever arrives meanwhile, and no page reads more than it may."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.runs import a_run, failed
from tests.support.tasks import NOW_MS
from tests.unit.services.reading import Reading
from tests.unit.services.wired import TENANT, Wired
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.run import Run, RunState
from workerflow.domain.task import Acceptance
from workerflow.services.list_tasks import TaskFilter, TaskPage
from workerflow.services.newest_first import ENTRIES_READ

ALL = TaskFilter()


def take(wired: Wired, number: int, **changes: Any) -> list[Acceptance]:
    """Tasks a millisecond apart, newest first."""
    first_ms = wired.clock.ms
    taken = [wired.take(f"key-{first_ms + n}", accepted_at_ms=first_ms + n, **changes) for n in range(number)]
    wired.clock.advance(number / 1000)
    return taken[::-1]


def ids(page: TaskPage) -> list[str]:
    return [run.trace_id for run in page.runs]


def names(tasks: list[Acceptance]) -> list[str]:
    return [task.trace_id for task in tasks]


def page_of(
    wired: Wired, wanted: TaskFilter = ALL, *, before: str | None = None, limit: int = 50, tenant: str = TENANT
) -> TaskPage:
    return Reading(wired).list_tasks(tenant, wanted, before=before, limit=limit)


def all_pages(wired: Wired, wanted: TaskFilter = ALL, *, limit: int = 50) -> list[TaskPage]:
    pages = [page_of(wired, wanted, limit=limit)]
    while pages[-1].next_before is not None:
        pages.append(page_of(wired, wanted, before=pages[-1].next_before, limit=limit))
    return pages


class TestOrder:
    def test_pages_tell_every_task_once_newest_first(self, wired: Wired) -> None:
        tasks = take(wired, 130)
        pages = all_pages(wired)
        assert [len(page.runs) for page in pages] == [50, 50, 30]
        assert [name for page in pages for name in ids(page)] == names(tasks)

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 20, 100])
    def test_whatever_their_size(self, wired: Wired, limit: int) -> None:
        tasks = take(wired, 20)
        assert [name for page in all_pages(wired, limit=limit) for name in ids(page)] == names(tasks)

    def test_the_last_page_says_so_even_if_it_is_full(self, wired: Wired) -> None:
        take(wired, 50)
        page = page_of(wired)
        assert (len(page.runs), page.next_before, page.searched_back_to_ms) == (50, None, None)

    def test_no_tasks_are_one_empty_page(self, wired: Wired) -> None:
        assert page_of(wired) == TaskPage((), None, None)

    def test_a_full_page_tells_how_far_it_searched(self, wired: Wired) -> None:
        tasks = take(wired, 51)
        page = page_of(wired)
        assert (page.next_before, page.searched_back_to_ms) == (tasks[49].trace_id, tasks[49].accepted_at_ms)

    def test_tasks_of_tenants_are_apart(self, wired: Wired) -> None:
        [task] = take(wired, 1, tenant="acme")
        assert page_of(wired).runs == ()
        assert ids(page_of(wired, tenant="acme")) == [task.trace_id]

    @given(st.lists(st.tuples(st.booleans(), st.integers(1, 6)), max_size=25), st.integers(0, 40), st.integers(1, 9))
    def test_what_was_there_at_the_beginning_is_told_once_and_in_order_whatever_arrives(
        self, steps: list[tuple[bool, int]], there: int, limit: int
    ) -> None:
        wired = Wired()
        tasks = take(wired, there)
        told, before, is_over = [], None, False
        for arrives, number in [*steps, *[(False, 1)] * (there + 151)]:
            if arrives:
                take(wired, number)
            elif not is_over:
                page = page_of(wired, before=before, limit=limit)
                told += ids(page)
                before, is_over = page.next_before, page.next_before is None
        assert is_over
        assert [name for name in told if name in set(names(tasks))] == names(tasks)
        assert len(set(told)) == len(told)
        assert told == sorted(told, reverse=True)


class TestStates:
    def test_a_task_without_row_is_queued(self, wired: Wired) -> None:
        [task] = take(wired, 1)
        assert page_of(wired).runs == (Run.of_task(task),)

    def test_a_task_with_a_row_is_told_by_it(self, wired: Wired) -> None:
        [task] = take(wired, 1)
        row = wired.running(task)
        assert page_of(wired).runs == (row,)

    def test_a_forgotten_task_is_not_told_although_its_item_is_there(self, wired: Wired) -> None:
        kept, forgotten = take(wired, 1), take(wired, 1, expires_at_s=NOW_MS // 1000)
        assert forgotten[0].is_expired(wired.clock.ms)
        assert ids(page_of(wired)) == names(kept)

    def test_a_row_that_cannot_be_read_hides_nothing_and_is_told(self, wired: Wired) -> None:
        newest, spoilt, oldest = take(wired, 3)
        rows = [wired.running(task) for task in (newest, spoilt, oldest)]
        wired.memory.spoilt.add(("runs", TENANT, spoilt.trace_id))
        page = page_of(wired)
        assert page.runs == (rows[0], Run.of_task(spoilt), rows[2])
        assert page.unreadable == {spoilt.trace_id: "spoilt"}

    def test_a_store_that_does_not_answer_is_not_an_empty_page(self, wired: Wired) -> None:
        take(wired, 1)
        for name in ("acceptances.view_accepted", "runs.view_many"):
            wired.refuse(name)
            with pytest.raises(StoreUnavailableError):
                page_of(wired)


class TestFilters:
    def test_only_tasks_of_a_source(self, wired: Wired) -> None:
        wanted = take(wired, 3, source="route:ask")
        take(wired, 60)
        page = page_of(wired, TaskFilter(source="route:ask"))
        assert (ids(page), page.next_before) == (names(wanted), None)

    def test_only_tasks_of_a_kind(self, wired: Wired) -> None:
        wanted = take(wired, 3, kind="scheduled_job")
        take(wired, 3)
        assert ids(page_of(wired, TaskFilter(kind="scheduled_job"))) == names(wanted)

    def test_only_tasks_in_a_state_with_or_without_row(self, wired: Wired) -> None:
        tasks = take(wired, 200)
        broken = tasks[::3]
        for task in broken:
            wired.keep(failed(a_run(task)))
        for state, expected in (
            (RunState.FAILED, broken),
            (RunState.QUEUED, [one for one in tasks if one not in broken]),
        ):
            pages = all_pages(wired, TaskFilter(state=state), limit=30)
            assert [name for page in pages for name in ids(page)] == names(expected)
            assert {run.state for page in pages for run in page.runs} == {state}

    def test_only_tasks_of_a_stretch_of_time_its_end_not_included(self, wired: Wired) -> None:
        tasks = take(wired, 9)
        wanted = TaskFilter(from_ms=tasks[6].accepted_at_ms, until_ms=tasks[2].accepted_at_ms)
        assert [name for page in all_pages(wired, wanted, limit=2) for name in ids(page)] == names(tasks[3:7])
        assert page_of(wired, replace(wanted, until_ms=wanted.from_ms)).runs == ()

    def test_every_condition_counts(self, wired: Wired) -> None:
        tasks = [*take(wired, 2, source="route:ask"), *take(wired, 2)]
        for task in tasks[::2]:
            wired.keep(failed(a_run(task)))
        wanted = TaskFilter(RunState.FAILED, "route:ask", "http_route", NOW_MS, NOW_MS + 100)
        assert ids(page_of(wired, wanted)) == [tasks[0].trace_id]

    @pytest.mark.parametrize("wanted", [TaskFilter(source="route:ask"), TaskFilter(state=RunState.FAILED)])
    def test_a_page_of_what_is_rare_is_short_and_says_how_far_it_searched(
        self, wired: Wired, wanted: TaskFilter
    ) -> None:
        [rare] = take(wired, 1, source="route:ask")
        wired.keep(failed(a_run(rare)))
        others = take(wired, ENTRIES_READ + 100)
        page = page_of(wired, wanted)
        assert page.runs == ()
        assert page.next_before is not None
        assert page.searched_back_to_ms == int(page.next_before[:12], 16)
        searched = [task for task in others if task.accepted_at_ms >= page.searched_back_to_ms]
        assert ENTRIES_READ // 2 < len(searched) <= ENTRIES_READ
        assert ids(page_of(wired, wanted, before=page.next_before)) == [rare.trace_id]

    def test_no_page_reads_more_entries_or_rows_than_it_may(self, wired: Wired) -> None:
        take(wired, 2_000)
        parts: list[int] = []
        rows: list[int] = []
        page = _counting(wired, parts, rows)(TENANT, TaskFilter(state=RunState.FAILED), limit=50)
        assert page.next_before is not None
        assert sum(parts) <= ENTRIES_READ
        assert sum(rows) <= ENTRIES_READ
        parts.clear()
        rows.clear()
        _counting(wired, parts, rows)(TENANT, ALL, limit=50)
        assert sum(parts) <= 50 + 4 * 16
        assert sum(rows) == 50


def _counting(wired: Wired, parts: list[int], rows: list[int]) -> Any:
    """ListTasks that tells how many entries and rows it asks for."""
    acceptances, runs = wired.world.acceptances, wired.runs
    view_accepted, view_many = acceptances.view_accepted, runs.view_many
    listed = Reading(wired).list_tasks

    class Acceptances(type(acceptances)):  # type: ignore[misc]
        def view_accepted(self, *args: Any, limit: int, **kwargs: Any) -> Any:
            parts.append(limit)
            return view_accepted(*args, limit=limit, **kwargs)

    class Runs(type(runs)):  # type: ignore[misc]
        def view_many(self, tenant: str, trace_ids: list[str]) -> Any:
            rows.append(len(trace_ids))
            return view_many(tenant, trace_ids)

    return replace(listed, acceptances=Acceptances(wired.memory), runs=Runs(wired.memory))

"""A page costs the same on a ledger of a thousand runs and on one of a million, and no page costs more than it may.

Both ledgers take a task every 2.6 seconds: one since 43 minutes, the other since a month. What a page costs may follow
the last minutes' traffic, up to a bound, and the length of the window that it shows, but not the number of runs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.billing import units_of_items, units_of_query
from tests.support.ledger import Ledger
from tests.support.ledger_client import LedgerClient
from tests.support.ledger_tasks import NOW_MS, TENANT
from tests.support.read_costs import PAGES, Pages, measure
from tests.support.tasks import DAY_MS
from workerflow.domain.identity import TraceId
from workerflow.services.list_tasks import TaskFilter
from workerflow.services.read_summary import Summary

THOUSAND, MILLION = Ledger(1_000), Ledger(1_000_000)
NEGLECTED = Ledger(1_000_000, all_open=True)
"""Its 58,000 dead letters are open."""
MORE_ROLLUPS = 4
"""Units: rollups of the hours and days before the smaller ledger began are empty there, and one for all sources."""
MOST = {
    "tasks, the newest 50": 30,
    "tasks, a page in the middle": 30,
    "tasks of the last half hour": 30,
    "tasks of one source": 40,
    "tasks of one kind": 40,
    "tasks that failed": 215,
    "tasks in a state that none is in": 215,
    "tasks of a source that there is not": 15,
    "run, succeeded": 5,
    "run, failed and replayed three times": 8,
    "letters, open": 4,
    "letters, open, of one group": 15,
    "letters of a class that there is not": 15,
    "schedules": 3,
    "audit, the newest 50": 4,
}
"""Read units."""


@pytest.mark.parametrize("name", PAGES)
def test_a_page_costs_the_same_at_a_thousand_runs_and_at_a_million(name: str) -> None:
    few, many = measure(THOUSAND, name), measure(MILLION, name)
    shows_counts = name.startswith(("summary", "timeline", "routes"))
    assert abs(many.units - few.units) <= (MORE_ROLLUPS if shows_counts else 0)
    assert many.calls == few.calls
    assert many.units <= MOST.get(name, 130)


@pytest.mark.parametrize("name", [*MOST, "summary of a day"])
def test_a_million_runs_whose_failures_nobody_looked_at_cost_no_more_than_they_may(name: str) -> None:
    assert measure(NEGLECTED, name).units <= MOST.get(name, 135)


def test_the_deepest_page_costs_what_the_first_one_does() -> None:
    client = LedgerClient(MILLION)
    page = Pages(client, MILLION).list_tasks(TENANT, TaskFilter(), before=MILLION.trace_id(51), limit=50)
    assert [run.trace_id for run in page.runs] == [MILLION.trace_id(number) for number in range(50, 0, -1)]
    assert client.units <= 30


def test_the_pages_tell_the_truth() -> None:
    client = LedgerClient(MILLION)
    pages = Pages(client, MILLION)
    newest = pages.list_tasks(TENANT, TaskFilter(), limit=50).runs
    assert [run.trace_id for run in newest] == [MILLION.trace_id(999_999 - number) for number in range(50)]
    assert all(run.state is MILLION.state(999_999 - number) for number, run in enumerate(newest))
    counts = pages.count_tasks(TENANT, NOW_MS - DAY_MS, NOW_MS)
    expected = sum(MILLION.accepted_at_ms(number) >= counts.from_ms for number in range(960_000, 1_000_000))
    assert abs(counts.total().tasks - expected) <= 2
    assert TraceId(newest[0].trace_id).accepted_at_ms >= counts.fresh_from_ms


def test_more_open_letters_than_are_counted_are_told_as_that_many() -> None:
    summary = measure(NEGLECTED, "summary of a day").page
    assert isinstance(summary, Summary)
    assert (summary.open_letters, summary.open_letters_exact) == (1_000, False)


def test_a_unit_is_four_kilobytes_each_item_by_itself_a_query_at_once() -> None:
    exact, over = {"a": "x" * 4_095}, {"a": "x" * 4_096}
    assert units_of_items([exact], strong=True) == 1
    assert units_of_items([over], strong=True) == 2
    assert units_of_items([over], strong=False) == 1
    assert units_of_items([{"a": "x"}] * 10, strong=False) == 5
    assert units_of_items([None], strong=True) == 1
    assert units_of_query([exact, {"a": "x"}], strong=True) == 2
    assert units_of_query([{"a": "x"}] * 10, strong=False) == 0.5
    assert units_of_query([], strong=False) == 0.5


def test_the_page_about_tables_tells_what_is_measured() -> None:
    text = (Path(__file__).parents[2] / "docs" / "tables.md").read_text()
    table = text.split("| page of the dashboard |")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()[2:]]
    assert len(rows) > len(PAGES) / 2
    for name, units, calls in rows:
        cost = measure(MILLION, name)
        assert (float(units), int(calls)) == (cost.units, cost.calls), name

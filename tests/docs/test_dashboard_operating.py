"""docs/dashboard.md says of orders what the pages do: which there are, and the numbers."""

from __future__ import annotations

import re
from pathlib import Path

from functions.dashboard.pages import bulk_jobs, operating, orders, run_orders, schedules
from functions.dashboard.pages.words import size
from workerflow.domain import bulk, refused_call
from workerflow.domain.bulk import BulkAction
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.services import bulk_jobs as jobs
from workerflow.services import read_configuration

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "dashboard.md").read_text().split())


def test_every_order_of_a_run_and_a_source_is_in_the_table() -> None:
    table = (Path(__file__).parents[2] / "docs" / "dashboard.md").read_text()
    told = {name for row in re.findall(r"^\| ([A-Z][^|]*) \|", table, re.MULTILINE) for name in row.split(", ")}
    run = [make("id") for make in (orders.replay_order, orders.cancel_order, orders.retry_order, orders.resolve_order)]
    switches = [one for state in Enablement for one in orders.switch_orders("routes", "name", state)]
    assert {one.opener for one in (*run, orders.run_now_order("name"), *switches)} <= told


def test_the_orders_of_many_letters_are_called_as_the_buttons_are() -> None:
    for action in BulkAction:
        assert f"*{orders.bulk_order(action, '', {}, ()).opener}*" in PAGE


def test_the_numbers_are_the_codes() -> None:
    assert f"{jobs.LETTERS_COUNTED:,} entries" in PAGE
    assert f"batches of {bulk.BATCH}" in PAGE
    assert f"told of for {bulk.KEPT_SECONDS // 86_400} days" in PAGE
    assert f"The last {refused_call.SLOTS} calls for each reason are kept for" in PAGE
    assert f"{refused_call.KEPT_SECONDS // 86_400} days, with the lines" in PAGE
    assert run_orders.MAX_EDITED_BYTES == 1024 * 1024
    assert "over 1 MB" in PAGE
    assert size(operating.REPLAY_FORM_BYTES) == "4.5 MB"
    assert "may have 4.5 MB as browsers encode it" in PAGE
    assert operating.EVENT_BYTES == 6 * 1024 * 1024
    assert "Lambda takes 6 MB at once" in PAGE
    assert schedules.NEXT_FIRES == 5
    assert "next five fires" in PAGE
    assert read_configuration.CACHE_SECONDS == 60
    assert "once a minute" in PAGE


def test_every_reason_why_a_letter_is_left_alone_has_words() -> None:
    codes = {"not_open", "payload_gone", "disabled", "too_many_generations", "not_found", "not_ended"}
    by_the_store = {IntegrityError.code, StoreUnavailableError.code}
    assert codes | by_the_store == set(bulk_jobs._REFUSED_WORDS)

"""docs/handlers.md is true: its examples build and run, its table is the decorator's, its numbers are the code's."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from tools.build_manifest import EXTRA_FOLDERS_VARIABLE, build, handler_folders
from workerflow.domain.cron_expression import ALIASES
from workerflow.domain.failure import MAX_MESSAGE_CHARS, MAX_RETRY_AFTER_SECONDS, MAX_TRACEBACK_BYTES
from workerflow.domain.fire import fire_payload, manual_payload
from workerflow.domain.output import FORBIDDEN_HEADER_PREFIXES, MAX_DEPTH, MAX_HEADER_BYTES, MAX_OUTPUT_BYTES
from workerflow.domain.retry import MAX_ATTEMPTS_LIMIT, RetryPolicy
from workerflow.domain.route import RESERVED_NAMES, Authentication
from workerflow.domain.schedule import (
    EVERY_TENANT,
    MAX_CATCH_UP_FIRES,
    MAX_CATCH_UP_WINDOW_SECONDS,
    CatchUp,
    CatchUpPolicy,
)
from workerflow.domain.source import MAX_REASON_CHARS, MAX_RETRY_DELAY_SECONDS, MAX_TIMEOUT_SECONDS
from workerflow.handlers import route, schedule

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "handlers.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FILES = {block.splitlines()[0].removeprefix("# "): block for block in BLOCKS if block.startswith("# ")}


def rows(section: str) -> dict[str, list[str]]:
    """The decorator's table in a section, by argument."""
    _, _, rest = PAGE.partition(f"\n## {section}\n")
    lines = rest.partition("\n## ")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[:2] == "| "]
    return {row[0].strip("`"): row[1:] for row in cells if len(row) == 3}


ROUTES, SCHEDULES = rows("Routes"), rows("Schedules")


def test_the_examples_are_a_route_and_a_schedule_and_their_tests_pass(tmp_path: Path) -> None:
    package = tmp_path / "extra_handlers"
    package.mkdir()
    for name, block in FILES.items():
        (tmp_path / name if name.startswith("test_") else package / name).write_text(block)
    manifest = build(handler_folders(ROOT, [package], {}), tmp_path)
    assert sorted(manifest.routes) == ["import_rows", "order_created"]
    assert manifest.routes["order_created"].description == "Charge a new order."
    assert manifest.schedules["morning_report"].description == "Mail the figures of the day before."
    tests = [name for name in FILES if name.startswith("test_")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT / 'layers/core/python'}"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_what_the_page_says_of_payloads_is_what_handlers_get() -> None:
    shown = [json.loads(text) for text in re.findall(r"`(\{\"schedule\".*?\})`", PAGE)]
    made = [fire_payload("morning_report", 1_795_410_000_000), manual_payload("morning_report", "...")]
    assert shown == [json.loads(body) for body in made]


@pytest.mark.parametrize(("decorator", "table"), [(route, ROUTES), (schedule, SCHEDULES)])
def test_every_argument_stands_in_the_table_with_its_default(
    decorator: Callable[..., object], table: dict[str, list[str]]
) -> None:
    for name, parameter in inspect.signature(decorator).parameters.items():
        shown = table.get(name) or ROUTES[name]
        default = shown[0].strip("`")
        assert name in table or f"`{name}`" in PAGE.partition("are as for routes.")[0].rpartition("\n\n")[2]
        if name == "name":
            assert default == "the function's name"
        elif name == "retry":
            assert default == "RetryPolicy()"
        elif parameter.default is inspect.Parameter.empty:
            assert default == "none: it is needed"
        else:
            assert default.replace('"', "'") == repr(parameter.default).replace('"', "'")


def test_the_table_names_no_argument_that_is_not_there() -> None:
    assert ROUTES.keys() - {"argument"} == inspect.signature(route).parameters.keys()
    assert SCHEDULES.keys() - {"argument"} <= inspect.signature(schedule).parameters.keys()


def test_the_numbers_of_schedules_are_the_codes() -> None:
    bounds = CatchUp()
    catch_up = SCHEDULES["catch_up"][1]
    assert f"CatchUp(policy, max_fires={bounds.max_fires}, window_seconds={bounds.window_seconds})" in catch_up
    days = MAX_CATCH_UP_WINDOW_SECONDS // 86_400
    assert f"at most {MAX_CATCH_UP_FIRES} fires, due at most {days} days ago" in catch_up
    assert all(f"`{policy}`" in catch_up for policy in get_args(CatchUpPolicy))
    assert re.findall(r"`(@\w+)`", SCHEDULES["cron"][1]) == list(ALIASES)
    assert f'`("{EVERY_TENANT}",)`' in SCHEDULES["tenants"][1]


def test_the_numbers_are_the_codes() -> None:
    policy, table = RetryPolicy(), ROUTES
    assert f"`max_attempts` {policy.max_attempts} (1 to {MAX_ATTEMPTS_LIMIT})" in table["retry"][1]
    assert f"`base_seconds` {policy.base_seconds:.0f}, `cap_seconds` {policy.cap_seconds:.0f}" in table["retry"][1]
    assert f"at most {MAX_RETRY_DELAY_SECONDS // 3600} h" in table["retry"][1]
    assert f"1 to {MAX_TIMEOUT_SECONDS}." in table["timeout_seconds"][1]
    assert f"at most {MAX_REASON_CHARS} characters" in table["disabled_reason"][1]
    assert all(f"`{name}`" in table["name"][1] for name in RESERVED_NAMES)
    assert all(f"`{name}`" in table["authentication"][1] for name in get_args(Authentication))
    assert f"(at most {MAX_RETRY_AFTER_SECONDS / 3600:.0f} h are believed)" in PAGE
    assert f"first {MAX_MESSAGE_CHARS} characters are kept" in PAGE
    assert f"innermost {MAX_TRACEBACK_BYTES // 1024} KB" in PAGE
    assert f"at most {MAX_OUTPUT_BYTES // 1024**2} MiB and {MAX_DEPTH} levels deep" in PAGE
    assert f"at most {MAX_HEADER_BYTES // 1024} KiB" in PAGE
    assert all(f"`{prefix}*`" in PAGE for prefix in FORBIDDEN_HEADER_PREFIXES)
    assert EXTRA_FOLDERS_VARIABLE in PAGE

"""docs/handlers.md is true: its examples build and run, its table is the decorator's, its numbers are the code's."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

from tools.build_manifest import EXTRA_FOLDERS_VARIABLE, build, handler_folders
from workerflow.domain.failure import MAX_MESSAGE_CHARS, MAX_RETRY_AFTER_SECONDS, MAX_TRACEBACK_BYTES
from workerflow.domain.output import FORBIDDEN_HEADER_PREFIXES, MAX_DEPTH, MAX_HEADER_BYTES, MAX_OUTPUT_BYTES
from workerflow.domain.retry import MAX_ATTEMPTS_LIMIT, RetryPolicy
from workerflow.domain.route import RESERVED_NAMES
from workerflow.domain.source import MAX_REASON_CHARS, MAX_RETRY_DELAY_SECONDS, MAX_TIMEOUT_SECONDS
from workerflow.handlers import route

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "handlers.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def rows() -> dict[str, list[str]]:
    """The decorator's table by argument."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line[:2] == "| "]
    return {row[0].strip("`"): row[1:] for row in cells if len(row) == 3}


def test_the_example_is_a_route_and_its_test_passes(tmp_path: Path) -> None:
    package = tmp_path / "extra_handlers"
    package.mkdir()
    for block in BLOCKS[:2]:
        (package / block.splitlines()[0].removeprefix("# ")).write_text(block)
    (package / "test_orders.py").rename(tmp_path / "test_orders.py")
    manifest = build(handler_folders(ROOT, [package], {}), tmp_path)
    assert list(manifest.routes) == ["order_created"]
    assert manifest.routes["order_created"].description == "Charge a new order."
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_orders.py"]
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT / 'layers/core/python'}"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_every_argument_stands_in_the_table_with_its_default() -> None:
    table = rows()
    for name, parameter in inspect.signature(route).parameters.items():
        default = table[name][0].strip("`")
        if name == "name":
            assert default == "the function's name"
        elif name == "retry":
            assert default == "RetryPolicy()"
        else:
            assert default.replace('"', "'") == repr(parameter.default).replace('"', "'")


def test_the_numbers_are_the_codes() -> None:
    policy, table = RetryPolicy(), rows()
    assert f"`max_attempts` {policy.max_attempts} (1 to {MAX_ATTEMPTS_LIMIT})" in table["retry"][1]
    assert f"`base_seconds` {policy.base_seconds:.0f}, `cap_seconds` {policy.cap_seconds:.0f}" in table["retry"][1]
    assert f"at most {MAX_RETRY_DELAY_SECONDS // 3600} h" in table["retry"][1]
    assert f"1 to {MAX_TIMEOUT_SECONDS}." in table["timeout_seconds"][1]
    assert f"at most {MAX_REASON_CHARS} characters" in table["disabled_reason"][1]
    assert all(f"`{name}`" in table["name"][1] for name in RESERVED_NAMES)
    assert f"(at most {MAX_RETRY_AFTER_SECONDS / 3600:.0f} h are believed)" in PAGE
    assert f"first {MAX_MESSAGE_CHARS} characters are kept" in PAGE
    assert f"innermost {MAX_TRACEBACK_BYTES // 1024} KB" in PAGE
    assert f"at most {MAX_OUTPUT_BYTES // 1024**2} MiB and {MAX_DEPTH} levels deep" in PAGE
    assert f"at most {MAX_HEADER_BYTES // 1024} KiB" in PAGE
    assert all(f"`{prefix}*`" in PAGE for prefix in FORBIDDEN_HEADER_PREFIXES)
    assert EXTRA_FOLDERS_VARIABLE in PAGE

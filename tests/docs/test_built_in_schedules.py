"""docs/built-in-schedules.md is true: each schedule with its time and tenants, each setting with its default."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path

from tools.build_manifest import build, handler_folders
from workerflow.runtime.settings import BuiltInSettings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "built-in-schedules.md").read_text()


def test_every_built_in_schedule_is_told_with_its_time_and_tenants() -> None:
    manifest = build(handler_folders(ROOT, [Path("functions/workflow/builtin")], {}), ROOT)
    told = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| (`default`|every tenant) \|", PAGE, re.MULTILINE)
    known = {
        (one.name, one.cron, "every tenant" if one.tenants == ("*",) else "`default`")
        for one in manifest.schedules.values()
    }
    assert set(told) == known
    assert re.findall(r"^## `(\w+)`$", PAGE, re.MULTILINE) == [name for name, _, _ in told]


def test_every_setting_of_the_retry_is_told_with_its_default() -> None:
    told = dict(re.findall(r"^\| `(RETRY_\w+)` \| `?(\w+)`? \|", PAGE, re.MULTILINE))
    defaults = {one.metadata["variable"]: one.default for one in fields(BuiltInSettings) if one.default is not MISSING}
    known = {
        name: ",".join(default) if isinstance(default, tuple) else str(default) for name, default in defaults.items()
    }
    assert told == known

"""The commands that pages and documents offer to paste work in a shell that nobody has prepared."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = "\n".join(page.read_text() for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))))
OFFERED = sorted(set(re.findall(r"\.venv/bin/python -m (tools\.\w+)", PAGES)))


def test_commands_are_offered() -> None:
    assert "tools.credentials" in OFFERED


@pytest.mark.slow
@pytest.mark.parametrize("module", OFFERED)
def test_a_command_finds_all_that_it_needs_from_the_projects_folder(module: str) -> None:
    asked = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, env={}, capture_output=True, text=True, check=False
    )
    assert asked.returncode == 0, asked.stderr
    assert f"usage: python -m {module}" in asked.stdout

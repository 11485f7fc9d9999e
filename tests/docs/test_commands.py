"""What the documents name is there: targets of the Makefile, modules that are run, files that are linked."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
ADDRESS = re.compile(r"\w+:|#")


def named(pattern: str) -> list[tuple[str, str]]:
    """Everything in the documents' code that matches, with the document it stands in."""
    found = {
        (match.group(1), str(document.relative_to(ROOT)))
        for document in DOCUMENTS
        for code in re.findall(r"(?s)```.*?```|`[^`\n]+`", document.read_text())
        for match in re.finditer(pattern, code)
    }
    return sorted(found)


def targets() -> Iterator[str]:
    """Targets of the Makefile that a person may call."""
    for line in (ROOT / "Makefile").read_text().splitlines():
        if match := re.match(r"([a-z][a-z0-9-]*):", line):
            yield match.group(1)


@pytest.mark.parametrize(("target", "document"), named(r"\bmake ([a-z][a-z0-9-]*)"))
def test_a_make_target_that_is_named_is_there(target: str, document: str) -> None:
    assert target in set(targets()), document


@pytest.mark.parametrize(("module", "document"), named(r"-m (tools[\w.]*)"))
def test_a_tool_that_is_named_is_there(module: str, document: str) -> None:
    assert importlib.util.find_spec(module) is not None, document


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_that_is_linked_is_there(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", document.read_text())
    missing = [
        link for link in links if not ADDRESS.match(link) and not (document.parent / link.partition("#")[0]).exists()
    ]
    assert missing == []


def test_every_target_is_told_by_make_itself() -> None:
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in told.splitlines() if line.strip()} == set(targets())


def test_ci_runs_what_everybody_runs() -> None:
    script = ROOT / ".ci/run"
    assert script.read_text().splitlines()[-1] == "exec make test"
    assert script.stat().st_mode & 0o111

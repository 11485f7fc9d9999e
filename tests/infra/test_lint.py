"""cfn-lint finds nothing in what is synthesized."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cfnlint.api import lint

from tests.infra.templates import Resources

# CDK says each function's dependency on its role twice. `.cfnlintrc` says the same to the command.
IGNORED = {"W3005"}


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_cfn_lint_has_nothing_to_say(stack_of: Callable[[str], Resources], name: str) -> None:
    """`local` never meets AWS, and has a right that only the emulator knows."""
    found = lint(json.dumps(stack_of(name).template), regions=["us-east-1", "eu-central-1"])
    assert [str(match) for match in found if match.rule.id not in IGNORED] == []


def test_the_command_ignores_no_more_than_the_test() -> None:
    written = (Path(__file__).resolve().parents[2] / ".cfnlintrc").read_text()
    assert {line.strip("- ") for line in written.splitlines() if line.strip().startswith("-")} == IGNORED

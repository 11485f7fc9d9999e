"""docs/settings.md is true: every variable of every function, and no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workerflow.runtime.settings import (
    BuiltInSettings,
    ConsumerSettings,
    DashboardSettings,
    IngressSettings,
    SchedulerSettings,
    WebhookForwardSettings,
    WorkflowSettings,
    variables_of,
)

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
LEDGER = "Where tasks are kept and sent to"
EVERY = "Every function"


def section(heading: str) -> list[str]:
    text = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line for line in text.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize(
    ("headings", "kind"),
    [
        ((LEDGER, EVERY, "`ingress`"), IngressSettings),
        ((LEDGER, EVERY, "`consumer`"), ConsumerSettings),
        ((LEDGER, EVERY, "`workflow`"), WorkflowSettings),
        ((LEDGER, EVERY, "`scheduler`"), SchedulerSettings),
        ((LEDGER, EVERY, "`dashboard`"), DashboardSettings),
        (("The example handler `webhook_forward`",), WebhookForwardSettings),
        ((LEDGER, "The built-in schedules"), BuiltInSettings),
    ],
)
def test_a_functions_variables_are_listed_in_their_order(headings: tuple[str, ...], kind: type[Any]) -> None:
    known = [f"| `{one.name}` | {'yes' if one.required else 'no'} | {one.meaning} |" for one in variables_of(kind)]
    assert [line for heading in headings for line in section(heading)] == known

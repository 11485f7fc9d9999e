"""The views that lead from every page, in their order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class View:
    """One entry.

    Attributes:
        segments: of its address; none is the overview.
        key: that leads there after `g`; empty for none.
    """

    name: str
    segments: tuple[str, ...]
    icon: str
    key: str = ""
    is_current: bool = False


VIEWS = (
    View("Overview", (), "overview", "o"),
    View("Runs", ("runs",), "runs", "r"),
    View("Dead letters", ("letters",), "letters", "l"),
    View("Bulk jobs", ("bulk-jobs",), "bulk", "b"),
    View("Schedules", ("schedules",), "schedules", "s"),
    View("Routes", ("routes",), "routes", "t"),
    View("Refused calls", ("refused-calls",), "refused", "f"),
    View("Audit", ("audit",), "audit", "a"),
    View("Configuration", ("configuration",), "configuration", "c"),
)


def views_at(path: str) -> tuple[View, ...]:
    """All views, the one that a path lies in marked as current."""
    first = path.split("/")[1]
    return tuple(View(one.name, one.segments, one.icon, one.key, "".join(one.segments) == first) for one in VIEWS)


def view_path(path: str) -> str:
    """Where the view begins that a path lies in: what a change of the tenant leads to."""
    return f"/{path.split('/')[1]}"

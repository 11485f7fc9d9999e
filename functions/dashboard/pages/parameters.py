"""Values of a page's parameters. A page is asked for by links and forms of ours; anything else is refused by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from workerflow.domain.dashboard_refusals import ParameterInvalidError
from workerflow.domain.timestamp import parse_timestamp

if TYPE_CHECKING:
    from functions.dashboard.services import Dashboard

WINDOWS: Mapping[str, int] = {"1h": 3_600_000, "24h": 86_400_000, "7d": 7 * 86_400_000, "30d": 30 * 86_400_000}
"""Lengths of time that can be asked for, in milliseconds."""
WINDOW_NAMES = (("1h", "last hour"), ("24h", "last 24 hours"), ("7d", "last 7 days"), ("30d", "last 30 days"))


def choice[E: StrEnum](query: Mapping[str, str], name: str, among: type[E]) -> E | None:
    """The member of an enumeration that a parameter names; None if it did not come."""
    value = query.get(name)
    if value is None:
        return None
    try:
        return among(value)
    except ValueError:
        raise ParameterInvalidError(name, f"is one of {', '.join(among)}") from None


def moment_of(query: Mapping[str, str], name: str) -> int | None:
    """The moment that a parameter tells, epoch milliseconds; None if it did not come."""
    value = query.get(name)
    if value is None:
        return None
    time_ms = parse_timestamp(value)
    if time_ms is None or time_ms < 0:
        raise ParameterInvalidError(name, "is a moment such as 2026-11-24T16:00:00.000Z")
    return time_ms


def window_of(query: Mapping[str, str], default: str | None = None) -> str | None:
    """The name of the window that is asked for, `default` if none is."""
    value = query.get("window", default)
    if value is not None and value not in WINDOWS:
        raise ParameterInvalidError("window", f"is one of {', '.join(WINDOWS)}")
    return value


def sources_of(dashboard: Dashboard, tenant: str) -> Sequence[str]:
    """The sources that a tenant can have tasks of, for a filter: its routes, then its schedules."""
    policy = dashboard.tenants().policy_of(tenant)
    allowed = policy.routes if policy else None
    routes = [one for one in dashboard.manifest.routes.values() if allowed is None or one.name in allowed]
    schedules = [one for one in dashboard.manifest.schedules.values() if one.serves(tenant)]
    return [*sorted(one.source for one in routes), *sorted(one.source for one in schedules)]

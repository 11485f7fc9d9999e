"""What pages ask for beside the API's parameters. Those are read by the API's own rules (api/parameters)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workerflow.domain.dashboard_refusals import ParameterInvalidError

if TYPE_CHECKING:
    from functions.dashboard.services import Dashboard

WINDOWS: Mapping[str, int] = {"1h": 3_600_000, "24h": 86_400_000, "7d": 7 * 86_400_000, "30d": 30 * 86_400_000}
"""Lengths of time that can be asked for, in milliseconds."""
WINDOW_NAMES = (("1h", "last hour"), ("24h", "last 24 hours"), ("7d", "last 7 days"), ("30d", "last 30 days"))


def window_of(query: Mapping[str, str], default: str | None = None) -> str | None:
    """The name of the window that is asked for, `default` if none is."""
    value = query.get("window", default)
    if value is not None and value not in WINDOWS:
        raise ParameterInvalidError("window", f"is one of {', '.join(WINDOWS)}")
    return value


def sources_of(dashboard: Dashboard, tenant: str, chosen: str | None) -> Sequence[str]:
    """The sources that a tenant can have tasks of, for a filter, and the chosen one, which may be gone."""
    tenants, manifest = dashboard.tenants(), dashboard.manifest
    routes = sorted(one.source for one in manifest.routes.values() if tenants.shows(tenant, one.source))
    schedules = sorted(one.source for one in manifest.schedules.values() if one.serves(tenant))
    known = [*routes, *schedules]
    return known if chosen is None or chosen in known else [*known, chosen]

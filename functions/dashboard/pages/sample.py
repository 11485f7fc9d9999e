"""A signed call to try things out with, for pages on which there is nothing yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.dashboard.pages.sample_calls import sample_call
from functions.dashboard.pages.shell import Shell

if TYPE_CHECKING:
    from functions.dashboard.services import Dashboard


def sample_script(dashboard: Dashboard, tenant: str) -> str:
    """A call of the first of the tenant's routes that takes WorkerFlow's own signature; empty if there is none."""
    tenants = dashboard.tenants()
    for _, route in sorted(dashboard.manifest.routes.items()):
        is_ours = route.enabled and route.authentication in {"any", "signature"}
        if is_ours and route.mode == "async" and tenants.shows(tenant, route.source):
            return sample_call(Shell.of(dashboard), route, tenant)
    return ""

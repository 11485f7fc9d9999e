"""Read a tenant's routes: what they are, whether they take calls, and what became of the last day's tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.manifest import Manifest
from workerflow.domain.rollup import Span
from workerflow.domain.route import Route
from workerflow.domain.run import RunState
from workerflow.ports.world import Clock
from workerflow.services.count_tasks import CountTasks, TaskCounts
from workerflow.services.enablement import CheckEnablement
from workerflow.services.read_timeline import by_state
from workerflow.services.tenants import KnownTenants


@dataclass(frozen=True, slots=True)
class RouteView:
    """One route.

    Attributes:
        state, reason: whether it takes calls, and why not: the operator's reason, or the manifest's.
        switch: what was set at run time, if anything ever was.
        counts: tasks that were accepted within the last 24 hours, by state.
        is_exact: whether no task is missing in `counts`, and none has ended since it was counted.
    """

    route: Route
    state: Enablement
    reason: str
    switch: Switch | None
    counts: Mapping[RunState, int]
    is_exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRoutes:
    """Reads the switches and counts a day."""

    manifest: Manifest
    enablement: CheckEnablement
    known: KnownTenants
    count_tasks: CountTasks
    clock: Clock

    def __call__(self, tenant: str) -> Sequence[RouteView]:
        """The routes that a tenant may call, by name; and those that are shut, for tasks may wait for them.

        Raises:
            StoreUnavailableError: ask again.
        """
        tenants = self.known()
        now_ms = self.clock.now_ms()
        counts = self.count_tasks(tenant, now_ms - Span.DAY.ms, now_ms)
        self.enablement.refresh(tenant)
        return [
            self._view(tenant, route, counts)
            for _, route in sorted(self.manifest.routes.items())
            if route.serves(tenant) and (tenants.shows(tenant, route.source) or self._is_shut(tenant, route))
        ]

    def _is_shut(self, tenant: str, route: Route) -> bool:
        switch = self.enablement.switch(tenant, route.source)
        return switch is not None and switch.state is not Enablement.ENABLED

    def _view(self, tenant: str, route: Route, counts: TaskCounts) -> RouteView:
        state, switch = self.enablement(tenant, route.source), self.enablement.switch(tenant, route.source)
        reason = ""
        if state is not Enablement.ENABLED:
            reason = switch.reason if switch and route.enabled else route.disabled_reason
        return RouteView(route, state, reason, switch, by_state(counts.total(route.source)), counts.is_exact())

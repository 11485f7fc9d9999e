"""Whether a source may run, from the manifest and the run-time switches, cached so that no call costs a read."""

from __future__ import annotations

from collections.abc import Mapping

from workerflow.domain.enablement import Enablement, Switch, effective
from workerflow.domain.manifest import Manifest
from workerflow.ports.stores import SwitchStore
from workerflow.ports.world import Clock

CACHE_SECONDS = 10
"""A switch holds within this time, everywhere."""


class CheckEnablement:
    """Answers for one container; reads the tenant's switches at most every CACHE_SECONDS."""

    def __init__(self, *, manifest: Manifest, switches: SwitchStore, clock: Clock) -> None:
        self._manifest = manifest
        self._switches = switches
        self._clock = clock
        self._cache: dict[str, tuple[int, Mapping[str, Switch]]] = {}

    def __call__(self, tenant: str, source: str) -> Enablement:
        """The state of a source. Raises StoreUnavailableError if the switches cannot be read."""
        route = self._manifest.find(source)
        return effective(route.enabled if route else None, self.switch(tenant, source))

    def switch(self, tenant: str, source: str) -> Switch | None:
        """The run-time switch of a source, if one was ever set."""
        return self._switches_of(tenant).get(source)

    def _switches_of(self, tenant: str) -> Mapping[str, Switch]:
        now_ms = self._clock.now_ms()
        cached = self._cache.get(tenant)
        if cached is not None and now_ms - cached[0] < CACHE_SECONDS * 1000:
            return cached[1]
        fresh = {switch.source: switch for switch in self._switches.list_switches(tenant)}
        self._cache[tenant] = (now_ms, fresh)
        return fresh

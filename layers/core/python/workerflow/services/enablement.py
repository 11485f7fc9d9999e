"""Whether a source may run, from the manifest and the run-time switches, cached so that no call costs a read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workerflow.domain.enablement import Enablement, Switch, effective
from workerflow.domain.manifest import Manifest
from workerflow.ports.stores import SwitchStore
from workerflow.ports.world import Clock

CACHE_SECONDS = 10
"""A switch holds within this time, everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckEnablement:
    """Answers for one container; reads the tenant's switches at most every CACHE_SECONDS."""

    manifest: Manifest
    switches: SwitchStore
    clock: Clock
    _cache: dict[str, tuple[int, Mapping[str, Switch]]] = field(default_factory=dict, init=False)

    def __call__(self, tenant: str, source: str) -> Enablement:
        """The state of a source. Raises StoreUnavailableError if the switches cannot be read."""
        found = self.manifest.find(source)
        declared = found.enabled if found is not None and found.serves(tenant) else None
        return effective(declared=declared, switch=self.switch(tenant, source))

    def switch(self, tenant: str, source: str) -> Switch | None:
        """The run-time switch of a source, if one was ever set."""
        return self._switches_of(tenant).get(source)

    def refresh(self, tenant: str) -> None:
        """Read the tenant's switches now, for an operator who may have set one a moment ago. Raises as above."""
        self._read(tenant, self.clock.now_ms())

    def _switches_of(self, tenant: str) -> Mapping[str, Switch]:
        now_ms = self.clock.now_ms()
        cached = self._cache.get(tenant)
        if cached is not None and now_ms - cached[0] < CACHE_SECONDS * 1000:
            return cached[1]
        return self._read(tenant, now_ms)

    def _read(self, tenant: str, now_ms: int) -> Mapping[str, Switch]:
        fresh = {switch.source: switch for switch in self.switches.list_switches(tenant)}
        self._cache[tenant] = (now_ms, fresh)
        return fresh

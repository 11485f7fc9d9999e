"""Which secrets a tenant's routes and schedules need, and whether they are there. Never what they hold.

    <prefix><tenant>/ingress              what callers and senders prove themselves by: for every route
    <prefix><tenant>/handlers/<name>      what a handler declares in `secrets`

An answer is kept for a minute: secrets come and go seldom, and each costs a call to ask for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.manifest import Manifest
from workerflow.domain.source import Source
from workerflow.ports.world import Clock, SecretNames
from workerflow.services.tenants import KnownTenants

CACHE_SECONDS = 60
INGRESS = "ingress"


@dataclass(frozen=True, slots=True)
class SecretFinding:
    """One secret that somebody needs.

    Attributes:
        source: `route:<name>` or `schedule:<name>` of the handler; INGRESS for the secret by which calls are proven.
        secret: as the handler declares it.
        name_in_secrets_manager: in full.
        present: None: it could not be asked for.
    """

    source: str
    secret: str
    name_in_secrets_manager: str
    present: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadConfiguration:
    """Looks for secrets by their names. One for each process: it remembers what it found."""

    manifest: Manifest
    known: KnownTenants
    names: SecretNames
    clock: Clock
    prefix: str
    _found: dict[str, tuple[int, bool]] = field(default_factory=dict, init=False)

    def __call__(self, tenant: str) -> Sequence[SecretFinding]:
        """Every secret that a tenant's sources need, in the order of the sources' names.

        Once Secrets Manager does not answer, the rest is not asked for: a page must not wait for each of many.
        """
        needs = list(self._needs(tenant))
        present = self._looked_up(name for _, _, name in needs)
        return [SecretFinding(source, secret, name, present.get(name)) for source, secret, name in needs]

    def _needs(self, tenant: str) -> Iterator[tuple[str, str, str]]:
        """Source, secret and full name."""
        sources = list(self._sources(tenant))
        if any(source.source.startswith("route:") for source in sources):
            yield INGRESS, INGRESS, f"{self.prefix}{tenant}/ingress"
        for source in sources:
            for secret in source.secrets:
                yield source.source, secret, f"{self.prefix}{tenant}/handlers/{secret}"

    def _sources(self, tenant: str) -> Iterator[Source]:
        tenants = self.known()
        for _, route in sorted(self.manifest.routes.items()):
            if route.serves(tenant) and tenants.shows(tenant, route.source):
                yield route
        for _, schedule in sorted(self.manifest.schedules.items()):
            if schedule.serves(tenant):
                yield schedule

    def _looked_up(self, names: Iterator[str]) -> dict[str, bool]:
        present: dict[str, bool] = {}
        try:
            for name in dict.fromkeys(names):
                present[name] = self._exists(name)
        except StoreUnavailableError:
            return present
        return present

    def _exists(self, name: str) -> bool:
        now_ms = self.clock.now_ms()
        at_ms, known = self._found.get(name, (None, False))
        if at_ms is not None and now_ms - at_ms < CACHE_SECONDS * 1000:
            return known
        self._found[name] = found = (now_ms, self.names.exists(name))
        return found[1]
